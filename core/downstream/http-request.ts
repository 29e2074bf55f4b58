// HOT PATH. From an HTTP/1.1 head to the request message: which operation, whose session, which
// trace. Headers are all copied; which of them may cross is decided by the headers filter.

import { isIP } from 'node:net';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import { findByte } from '#core/base/find-byte.ts';
import { HeaderId } from '#core/codec/http1/known-headers.ts';
import { parseMediaType } from '#core/codec/http1/media-type.ts';
import type { HttpHead } from '#core/codec/http1/types.ts';
import {
  BUCKETS,
  DEVICE_ID_BYTES_MAX,
  Channel as MmtpChannel,
  OPERATION_TYPE_BYTES_MAX,
} from '#core/codec/mmtp/types.ts';
import {
  findHeader,
  HEADER_WORDS,
  headerTextAt,
  type HeaderList,
  type RequestMessage,
} from '#core/codec/message.ts';
import { tryReadTraceparent } from './traceparent.ts';

const CALL_PATH = Buffer.from('/mgw.htm', 'latin1');
const COOKIE_NAME = Buffer.from('MGW_SESSION=', 'latin1');
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const ZERO = 0x30;

const DECIMAL = /^[0-9]+$/;

/** LIMIT: digits of a time in ms that a number holds exactly. */
const TIMESTAMP_DIGITS_MAX = 15;

/**
 * Fills `request` from a parsed head; the body is left to the caller.
 *
 * @param isTrusted the peer is a configured access layer: its word about the client is believed
 * @param peerIp address of the peer
 * @returns null, or why the request must be refused
 */
export function fillRequest(
  request: RequestMessage,
  bytes: Buffer,
  head: HttpHead,
  isTrusted: boolean,
  peerIp: string,
): GatewayError | null {
  request.source = bytes;
  request.methodOffset = head.methodOffset;
  request.methodLength = head.methodLength;
  request.targetOffset = head.targetOffset;
  request.targetLength = head.targetLength;
  request.channel = MmtpChannel.rpc;
  request.clientIp = peerIp;
  request.headers.copyFrom(head.headers);
  fillOperation(request, bytes, head);
  const { known } = head;
  const { words } = head.headers;
  let index = known[HeaderId.did]!;
  if (index >= 0) {
    request.deviceIdOffset = words[index * HEADER_WORDS + 2]!;
    request.deviceIdLength = words[index * HEADER_WORDS + 3]!;
  }
  index = known[HeaderId.contentType]!;
  if (index >= 0) {
    const at = index * HEADER_WORDS;
    request.contentType = parseMediaType(bytes, words[at + 2]!, words[at + 3]!);
  }
  index = known[HeaderId.traceparent]!;
  if (index >= 0) {
    const at = index * HEADER_WORDS;
    request.hasTrace =
      !isRepeated(head, HeaderId.traceparent) &&
      tryReadTraceparent(bytes, words[at + 2]!, words[at + 3]!, request.trace);
  }
  index = known[HeaderId.mgwSession]!;
  if (index >= 0) {
    const at = index * HEADER_WORDS;
    request.sessionTextOffset = words[at + 2]!;
    request.sessionTextLength = words[at + 3]!;
  } else if (known[HeaderId.cookie]! >= 0) {
    takeCookie(request, bytes, head);
  }
  fillMgsFields(request, bytes, head);
  if (isTrusted) fillTrusted(request, bytes);
  if (request.deviceIdLength > DEVICE_ID_BYTES_MAX) return Errors.fieldMalformed;
  return isRepeated(head, HeaderId.operationType) ? Errors.operationRepeated : null;
}

/** Two values are two meanings: somebody in front may have checked the other one. */
function isRepeated({ known, headerIds, headers }: HttpHead, id: number): boolean {
  const first = known[id]!;
  if (first < 0) return false;
  for (let index = first + 1; index < headers.count; index++) {
    if (headerIds[index] === id) return true;
  }
  return false;
}

/** `/mgw.htm` names the operation in a header, `/<any>/<operation type>` in its last segment. */
function fillOperation(request: RequestMessage, bytes: Buffer, head: HttpHead): void {
  const { pathOffset, pathLength } = head;
  if (pathLength === CALL_PATH.length && startsWith(bytes, pathOffset, CALL_PATH)) {
    const index = head.known[HeaderId.operationType]!;
    if (index < 0) return;
    request.operationOffset = head.headers.words[index * HEADER_WORDS + 2]!;
    request.operationLength = head.headers.words[index * HEADER_WORDS + 3]!;
    return;
  }
  request.isPathRouted = true;
  const end = pathOffset + pathLength;
  let at = end;
  while (at > pathOffset && bytes[at - 1] !== SLASH) at--;
  const isBelowFolder = at - pathOffset > 1;
  if (!isBelowFolder || end - at > OPERATION_TYPE_BYTES_MAX) return;
  request.operationOffset = at;
  request.operationLength = end - at;
}

/** Headers of the MGS style that most clients do not send. */
function fillMgsFields(request: RequestMessage, bytes: Buffer, head: HttpHead): void {
  const { known } = head;
  const { words } = head.headers;
  let index = known[HeaderId.appid]!;
  if (index >= 0) {
    request.appIdOffset = words[index * HEADER_WORDS + 2]!;
    request.appIdLength = words[index * HEADER_WORDS + 3]!;
  }
  index = known[HeaderId.workspaceid]!;
  if (index >= 0) {
    request.workspaceIdOffset = words[index * HEADER_WORDS + 2]!;
    request.workspaceIdLength = words[index * HEADER_WORDS + 3]!;
  }
  index = known[HeaderId.sign]!;
  if (index >= 0) {
    request.signOffset = words[index * HEADER_WORDS + 2]!;
    request.signLength = words[index * HEADER_WORDS + 3]!;
  }
  index = known[HeaderId.ts]!;
  if (index >= 0) {
    const at = index * HEADER_WORDS;
    request.timestampMs = readTimestamp(bytes, words[at + 2]!, words[at + 3]!);
  }
}

/** 0 for anything that is not a decimal number of ms. */
function readTimestamp(bytes: Buffer, offset: number, length: number): number {
  if (length > TIMESTAMP_DIGITS_MAX) return 0;
  let value = 0;
  for (let i = offset; i < offset + length; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value;
}

/** Looks for the session in every Cookie header; the first one counts. */
function takeCookie(request: RequestMessage, bytes: Buffer, head: HttpHead): void {
  const { words, count } = head.headers;
  for (let index = head.known[HeaderId.cookie]!; index < count; index++) {
    if (head.headerIds[index] !== HeaderId.cookie) continue;
    let at = words[index * HEADER_WORDS + 2]!;
    const end = at + words[index * HEADER_WORDS + 3]!;
    while (at < end) {
      while (at < end && bytes[at] === SPACE) at++;
      const pairEnd = findByte(bytes, SEMICOLON, at, end);
      if (pairEnd - at > COOKIE_NAME.length && startsWith(bytes, at, COOKIE_NAME)) {
        request.sessionTextOffset = at + COOKIE_NAME.length;
        request.sessionTextLength = pairEnd - request.sessionTextOffset;
        return;
      }
      at = pairEnd + 1;
    }
  }
}

/** What a configured access layer says about the client. Cold path: makes strings. */
function fillTrusted(request: RequestMessage, bytes: Buffer): void {
  const { headers } = request;
  const ip = lastForwarded(headers, bytes);
  // What is no address would go on to services and logs as one; a zone means nothing elsewhere.
  if (isIP(ip) !== 0 && !ip.includes('%')) request.clientIp = ip;
  const index = findHeader(headers, bytes, 'mgw-bucket');
  // Two buckets are two meanings, and none of them counts.
  if (index < 0 || findHeader(headers, bytes, 'mgw-bucket', index + 1) >= 0) return;
  const text = headerTextAt(headers, bytes, index);
  if (DECIMAL.test(text) && Number(text) < BUCKETS) request.bucket = Number(text);
}

/**
 * The address that the peer itself has added: the last of X-Forwarded-For, whose lines are one list
 * (RFC 9110 section 5.3). What is before it was said by others.
 */
function lastForwarded(headers: HeaderList, bytes: Buffer): string {
  let last = -1;
  let index = -1;
  while ((index = findHeader(headers, bytes, 'x-forwarded-for', index + 1)) >= 0) last = index;
  if (last < 0) return '';
  const text = headerTextAt(headers, bytes, last);
  return text.slice(text.lastIndexOf(',') + 1).trim();
}

function startsWith(bytes: Buffer, offset: number, expected: Buffer): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[offset + i] !== expected[i]) return false;
  return true;
}
