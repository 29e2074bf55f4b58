// HOT PATH. Header lines up to the empty line (RFC 9112 section 5), and at once the framing rules
// that tell request smuggling apart from requests: one Content-Length or one `chunked`, never both.
//
//   name ":" OWS value OWS CRLF  ...  CRLF
//
// Invariant: each scan returns the offset of the first byte it has not dealt with; `head.state`
// says what comes there. A header is added only when its CR is there. Bytes at or after `stop` are
// never read. Left to the head parser: what needs the whole head.

import { DecodeStatus } from '../../base/decode-status.ts';
import { skipText } from '../../base/skip-text.ts';
import { isAuthority } from './authority.ts';
import {
  COLON,
  CR,
  equalsIgnoreCase,
  HT,
  IS_TOKEN,
  IS_VALUE,
  isDigit,
  LF,
  SP,
} from './char-classes.ts';
import { readConnection } from './connection-tokens.ts';
import { HeaderId, LAST_READ, recogniseHeader } from './known-headers.ts';
import { MalformedReason } from './malformed-reason.ts';
import { HeadState } from './types.ts';
import type { HttpHead } from './types.ts';

const S = HeadState;
const R = MalformedReason;

const ZERO = 0x30;
const CHUNKED = Buffer.from('chunked', 'latin1');
const CONTINUE = Buffer.from('100-continue', 'latin1');

/** Scans header lines as far as `bytes[at, stop)` reaches. */
export function scanFieldLines(
  bytes: Buffer,
  at: number,
  stop: number,
  head: HttpHead,
  headersMax: number,
): number {
  while (at < stop && head.state < S.done) {
    switch (head.state) {
      case S.fieldStart:
        at = startLine(bytes[at]!, at, head, headersMax);
        break;
      case S.name:
        at = scanName(bytes, at, stop, head);
        break;
      case S.valueStart:
        at = startValue(bytes, at, stop, head);
        break;
      case S.value:
        at = scanValue(bytes, at, stop, head);
        break;
      case S.lengthDigits:
        at = scanLength(bytes, at, stop, head);
        break;
      case S.coding:
        at = scanCoding(bytes, at, stop, head);
        break;
      case S.valueTail:
        at = scanTail(bytes, at, stop, head);
        break;
      case S.fieldLf:
        if (bytes[at] === LF) head.state = S.fieldStart;
        else head.fail(R.bareCr);
        at++;
        break;
      default:
        if (bytes[at] === LF) head.state = S.done;
        else head.fail(R.bareCr);
        at++;
    }
  }
  return at;
}

function startLine(byte: number, at: number, head: HttpHead, headersMax: number): number {
  if (byte === CR) {
    head.state = S.endLf;
    return at + 1;
  }
  head.nameAt = at;
  head.state = S.name;
  if (byte === SP || byte === HT) head.fail(R.foldedLine);
  else if (head.headers.count >= headersMax) head.fail(R.headersTooMany, DecodeStatus.tooLarge);
  return at;
}

function scanName(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  while (at < stop && IS_TOKEN[bytes[at]!] === 1) at++;
  if (at === stop) return at;
  const length = at - head.nameAt;
  const byte = bytes[at];
  if (byte !== COLON || length === 0) {
    if (byte === LF) head.fail(R.bareLf);
    else head.fail(byte === SP || byte === HT ? R.spaceBeforeColon : R.headerName);
    return at;
  }
  const id = recogniseHeader(bytes, head.nameAt, length);
  head.nameLength = length;
  head.headerId = id;
  head.state = S.valueStart;
  if (id !== HeaderId.unknown && id <= HeaderId.host) checkFraming(id, head);
  return at + 1;
}

/** What is wrong with the mere presence of a header, told before its value is there. */
function checkFraming(id: number, head: HttpHead): void {
  const known = head.known;
  const isRepeated = known[id]! >= 0;
  if (id === HeaderId.contentLength) {
    if (isRepeated) head.fail(R.contentLengthRepeated);
    else if (known[HeaderId.transferEncoding]! >= 0) head.fail(R.lengthAndCoding);
  } else if (id === HeaderId.transferEncoding) {
    if (isRepeated) head.fail(R.transferCoding);
    else if (known[HeaderId.contentLength]! >= 0) head.fail(R.lengthAndCoding);
    else if (head.isHttp10) head.fail(R.transferCodingOnHttp10);
  } else if (id === HeaderId.host && isRepeated) {
    head.fail(R.hostRepeated);
  }
}

function startValue(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  while (at < stop && (bytes[at] === SP || bytes[at] === HT)) at++;
  if (at === stop) return at;
  head.markAt = at;
  if (head.headerId === HeaderId.contentLength) head.state = S.lengthDigits;
  else if (head.headerId === HeaderId.transferEncoding) head.state = S.coding;
  else head.state = S.value;
  return at;
}

function scanValue(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  at = skipText(bytes, at, stop);
  while (at < stop && IS_VALUE[bytes[at]!] === 1) at++;
  if (at === stop) return at;
  if (bytes[at] === CR) endValue(bytes, at, head);
  else head.fail(bytes[at] === LF ? R.bareLf : R.headerValue);
  return at + 1;
}

/** Content-Length = 1*DIGIT; a list, even of equal numbers, is refused (RFC 9110 section 8.6). */
function scanLength(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  let length = Math.max(0, head.contentLength);
  for (; at < stop; at++) {
    const byte = bytes[at]!;
    if (!isDigit(byte)) {
      if (at === head.markAt) head.fail(R.contentLength);
      else head.state = S.valueTail;
      return at;
    }
    length = length * 10 + (byte - ZERO);
    head.contentLength = length;
    if (length > Number.MAX_SAFE_INTEGER) {
      head.fail(R.contentLength);
      return at;
    }
  }
  return at;
}

function scanCoding(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  for (; at < stop; at++) {
    const index = at - head.markAt;
    if (index === CHUNKED.length) {
      head.isChunked = true;
      head.state = S.valueTail;
      return at;
    }
    if ((bytes[at]! | 0x20) !== CHUNKED[index]) {
      head.fail(R.transferCoding);
      return at;
    }
  }
  return at;
}

function scanTail(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  // No tab behind a transfer coding: llhttp does not take it for the coding that it looks like.
  const isCoding = head.headerId === HeaderId.transferEncoding;
  const otherSpace = isCoding ? SP : HT;
  while (at < stop && (bytes[at] === SP || bytes[at] === otherSpace)) at++;
  if (at === stop) return at;
  if (bytes[at] === CR) endValue(bytes, at, head);
  else if (bytes[at] === LF) head.fail(R.bareLf);
  else head.fail(isCoding ? R.transferCoding : R.contentLength);
  return at + 1;
}

function endValue(bytes: Buffer, end: number, head: HttpHead): void {
  const start = head.markAt;
  while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === HT)) end--;
  const id = head.headerId;
  head.state = S.fieldLf;
  head.add(id, head.nameAt, head.nameLength, start, end - start);
  if (id !== HeaderId.unknown && id <= LAST_READ) readValue(bytes, start, end - start, head);
}

function readValue(bytes: Buffer, offset: number, length: number, head: HttpHead): void {
  switch (head.headerId) {
    case HeaderId.connection:
      readConnection(bytes, offset, length, head);
      break;
    case HeaderId.host:
      if (!isAuthority(bytes, offset, length)) head.fail(R.host);
      if (head.authorityLength > 0) break;
      head.authorityOffset = offset;
      head.authorityLength = length;
      break;
    case HeaderId.expect:
      if (equalsIgnoreCase(bytes, offset, length, CONTINUE)) head.expectContinue = true;
      else head.hasOtherExpectation = true;
      break;
    default:
  }
}
