// HOT PATH. Bytes -> HttpHead, for requests and responses: strict (whatever llhttp refuses is
// refused here too) and resumable at every byte. Invariant: each byte is looked at once however
// the head arrives, and nothing outside `bytes[start, end)` is read. Left to others: the body.
//
//   fresh -> start line -> header lines -> done
//                 |             |
//                 +---> failed <+         failed and done stay until head.reset()

import { DecodeStatus } from '../../base/decode-status.ts';
import { scanFieldLines } from './field-lines.ts';
import { HeaderId } from './known-headers.ts';
import { MalformedReason } from './malformed-reason.ts';
import { scanRequestLine, scanStatusLine } from './start-line.ts';
import { HeadState } from './types.ts';
import type { HttpHead, HttpLimits } from './types.ts';

const S = HeadState;
const R = MalformedReason;

const SWITCHING_PROTOCOLS = 101;

/**
 * Parses a request head (RFC 9112 sections 2, 3, 5).
 *
 * After `needMore` call again with the same head and all bytes of the message so far: the same ones
 * and more behind, in the same buffer or another, at the same offset or another.
 *
 * @param start offset of the message's first byte
 * @param end offset behind the last byte that is there; `end >= start` of the call before
 * @returns `ok`: `head` is filled and `head.headBytes` are used; `needMore`; `malformed` or
 *   `tooLarge` as soon as the byte that decides it is there, with `head.malformedReason`
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  head: HttpHead,
  limits: HttpLimits,
): DecodeStatus {
  const stop = open(start, end, head, limits, S.requestStart);
  let at = head.scanAt;
  if (head.state < S.fieldStart) at = scanRequestLine(bytes, at, stop, head);
  if (head.state >= S.fieldStart) at = scanFieldLines(bytes, at, stop, head, limits.headersMax);
  const status = close(at, start, head, limits);
  return status === DecodeStatus.ok ? finishRequest(head) : status;
}

/**
 * Parses a response head (RFC 9112 sections 2, 4, 5), 1xx ones too: each is a head of its own.
 * Arguments and result are those of {@link parseRequestHead}.
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  head: HttpHead,
  limits: HttpLimits,
): DecodeStatus {
  const stop = open(start, end, head, limits, S.version);
  let at = head.scanAt;
  if (head.state < S.fieldStart) at = scanStatusLine(bytes, at, stop, head);
  if (head.state >= S.fieldStart) at = scanFieldLines(bytes, at, stop, head, limits.headersMax);
  const status = close(at, start, head, limits);
  if (status === DecodeStatus.ok) finishResponse(head);
  return status;
}

/** Begins or resumes; returns where the scan stops: at the end of the bytes or of the limit. */
function open(
  start: number,
  end: number,
  head: HttpHead,
  limits: HttpLimits,
  firstState: number,
): number {
  if (head.state === S.fresh) {
    head.state = firstState;
    head.base = head.scanAt = head.markAt = start;
  } else if (head.base !== start) {
    head.rebase(start);
  }
  const limit = start + limits.headBytesMax;
  return end < limit ? end : limit;
}

/** The verdict. A head that fills its limit without an end is too large: no byte can save it. */
function close(at: number, start: number, head: HttpHead, limits: HttpLimits): DecodeStatus {
  head.scanAt = at;
  if (head.state < S.done && at - start >= limits.headBytesMax) {
    const isTarget = head.state === S.target || head.state === S.query;
    head.fail(isTarget ? R.targetTooLong : R.headTooLong, DecodeStatus.tooLarge);
  }
  if (head.state === S.failed) return head.failure;
  if (head.state < S.done) return DecodeStatus.needMore;
  head.headBytes = at - start;
  return DecodeStatus.ok;
}

function finishRequest(head: HttpHead): DecodeStatus {
  if (!head.isHttp10 && head.known[HeaderId.host]! < 0) {
    head.fail(R.hostMissing);
    return DecodeStatus.malformed;
  }
  // HTTP/1.0 has no expectations and no upgrades (RFC 9110 sections 7.8 and 10.1.1).
  if (head.isHttp10) head.expectContinue = head.hasOtherExpectation = false;
  finishConnection(head);
  return DecodeStatus.ok;
}

function finishResponse(head: HttpHead): void {
  finishConnection(head);
  const { status } = head;
  if (status === SWITCHING_PROTOCOLS) {
    head.keepAlive = false;
  } else if (status < 200 || status === 204) {
    // Such an answer has no body, and may not announce one (RFC 9110 section 8.6). Peers differ in
    // what they take for the next answer then, so the connection is not used again.
    if (head.isChunked || head.contentLength > 0) head.keepAlive = false;
  }
}

function finishConnection(head: HttpHead): void {
  head.keepAlive = !head.hasClose && (!head.isHttp10 || head.hasKeepAlive);
  head.hasUpgrade = !head.isHttp10 && head.listsUpgrade && head.known[HeaderId.upgrade]! >= 0;
}
