// HOT PATH. The first line of a request or a response (RFC 9112 sections 3 and 4).
//
//   request    [CRLF] METHOD SP target SP HTTP/1.x CRLF
//   response   HTTP/1.x SP 3DIGIT [SP reason] CRLF
//
// Invariant: each scan returns the offset of the first byte it has not dealt with; `head.state`
// says what comes there. Bytes at or after `stop` are never read. Left to the head parser: limits.

import { isAuthority } from './authority.ts';
import {
  COLON,
  CR,
  IS_PATH,
  IS_QUERY,
  IS_TOKEN,
  IS_VALUE,
  isDigit,
  LF,
  SP,
} from './char-classes.ts';
import { MalformedReason } from './malformed-reason.ts';
import { HeadState, HttpMethod } from './types.ts';
import type { HttpHead } from './types.ts';

const S = HeadState;
const R = MalformedReason;

const SLASH = 0x2f;
const ASTERISK = 0x2a;
const QUESTION_MARK = 0x3f;
const LOWER_H = 0x68;
const LOWER_S = 0x73;
const ZERO = 0x30;

/** Wire names of the methods; indexed by {@link HttpMethod}. */
export const METHOD_NAMES: readonly string[] = Object.keys(HttpMethod).map((name) =>
  name === 'none' ? '' : name.toUpperCase(),
);

const METHOD_BYTES = METHOD_NAMES.map((name) => Buffer.from(name, 'latin1'));
const METHOD_BYTES_MAX = Math.max(...METHOD_NAMES.map((name) => name.length));

const HTTP_SCHEME = Buffer.from('http', 'latin1');
const VERSION_PREFIX = Buffer.from('HTTP/1.', 'latin1');
const MAJOR_AT = 5;

/** Scans a request line as far as `bytes[at, stop)` reaches. */
export function scanRequestLine(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  while (at < stop && head.state < S.fieldStart) {
    switch (head.state) {
      case S.requestStart:
      case S.afterEmptyLine:
        at = startRequest(bytes[at]!, at, head);
        break;
      case S.emptyLineLf:
        if (bytes[at] === LF) head.state = S.afterEmptyLine;
        else head.fail(R.bareCr);
        at++;
        break;
      case S.method:
        at = scanMethod(bytes, at, stop, head);
        break;
      case S.targetStart:
        at = startTarget(bytes[at]!, at, head);
        break;
      case S.target:
      case S.query:
        at = scanTarget(bytes, at, stop, head);
        break;
      case S.version:
        at = scanVersion(bytes, at, stop, head, S.requestLineCr);
        break;
      case S.requestLineCr:
        if (bytes[at] === CR) head.state = S.startLineLf;
        else head.fail(bytes[at] === LF ? R.bareLf : R.startLine);
        at++;
        break;
      default:
        at = endStartLine(bytes[at]!, at, head);
    }
  }
  return at;
}

/** Scans a status line as far as `bytes[at, stop)` reaches. */
export function scanStatusLine(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  while (at < stop && head.state < S.fieldStart) {
    switch (head.state) {
      case S.version:
        at = scanVersion(bytes, at, stop, head, S.statusSpace);
        break;
      case S.statusSpace:
        if (bytes[at] === SP) head.state = S.status;
        else head.fail(R.startLine);
        at++;
        head.markAt = at;
        break;
      case S.status:
        at = scanStatus(bytes, at, stop, head);
        break;
      case S.statusEnd:
        at = endStatus(bytes[at]!, at, head);
        break;
      case S.reason:
        at = scanReason(bytes, at, stop, head);
        break;
      default:
        at = endStartLine(bytes[at]!, at, head);
    }
  }
  return at;
}

/** One empty line before a request is allowed (RFC 9112 section 2.2), a second one is not. */
function startRequest(byte: number, at: number, head: HttpHead): number {
  if (byte !== CR) {
    head.methodOffset = at;
    head.state = S.method;
    return at;
  }
  if (head.state === S.requestStart) head.state = S.emptyLineLf;
  else head.fail(R.emptyLine);
  return at + 1;
}

function scanMethod(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  const start = head.methodOffset;
  const last = Math.min(stop, start + METHOD_BYTES_MAX + 1);
  while (at < last && IS_TOKEN[bytes[at]!] === 1) at++;
  const length = at - start;
  if (length > METHOD_BYTES_MAX) {
    head.fail(R.methodUnknown);
    return at;
  }
  if (at === stop) return at;
  if (bytes[at] !== SP || length === 0) {
    head.fail(R.method);
    return at;
  }
  head.methodLength = length;
  head.method = methodOf(bytes, start, length);
  if (head.method === HttpMethod.none) head.fail(R.methodUnknown);
  else head.state = S.targetStart;
  return at + 1;
}

function methodOf(bytes: Buffer, offset: number, length: number): number {
  for (let method = 1; method < METHOD_BYTES.length; method++) {
    const name = METHOD_BYTES[method]!;
    if (name.length !== length) continue;
    let i = 0;
    while (i < length && bytes[offset + i] === name[i]) i++;
    if (i === length) return method;
  }
  return HttpMethod.none;
}

function startTarget(byte: number, at: number, head: HttpHead): number {
  if (byte === SLASH || byte === ASTERISK || (byte | SP) === LOWER_H) {
    head.targetOffset = at;
    head.state = S.target;
  } else {
    head.fail(R.target);
  }
  return at;
}

function scanTarget(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  if (head.state === S.target) {
    while (at < stop && IS_PATH[bytes[at]!] === 1) at++;
    if (at === stop) return at;
    if (bytes[at] === QUESTION_MARK) {
      head.queryOffset = ++at;
      head.state = S.query;
    }
  }
  if (head.state === S.query) {
    while (at < stop && IS_QUERY[bytes[at]!] === 1) at++;
    if (at === stop) return at;
  }
  if (bytes[at] === SP) endTarget(bytes, at, head);
  else head.fail(R.target);
  head.markAt = at + 1;
  return at + 1;
}

/** Splits the target into authority, path and query, by its three forms (RFC 9112 section 3.2). */
function endTarget(bytes: Buffer, end: number, head: HttpHead): void {
  const start = head.targetOffset;
  head.targetLength = end - start;
  const hasQuery = head.state === S.query;
  if (hasQuery) head.queryLength = end - head.queryOffset;
  const pathEnd = hasQuery ? head.queryOffset - 1 : end;
  head.state = S.version;
  let pathAt = start;
  if (bytes[start] === ASTERISK) {
    if (head.targetLength !== 1 || head.method !== HttpMethod.options) head.fail(R.target);
  } else if (bytes[start] !== SLASH) {
    const authorityAt = skipScheme(bytes, start, pathEnd);
    pathAt = authorityAt;
    while (pathAt < pathEnd && bytes[pathAt] !== SLASH) pathAt++;
    head.authorityOffset = authorityAt;
    head.authorityLength = pathAt - authorityAt;
    // A URL without scheme leaves nothing here: an authority is never empty.
    if (!isAuthority(bytes, authorityAt, pathAt - authorityAt)) head.fail(R.target);
  }
  head.pathOffset = pathAt;
  head.pathLength = pathEnd - pathAt;
}

/** Offset after `http://` or `https://`; `end` when neither stands there. */
function skipScheme(bytes: Buffer, start: number, end: number): number {
  let at = start;
  for (let i = 0; i < HTTP_SCHEME.length; i++, at++) {
    if (at >= end || (bytes[at]! | SP) !== HTTP_SCHEME[i]) return end;
  }
  if (at < end && (bytes[at]! | SP) === LOWER_S) at++;
  if (end - at < 3 || bytes[at] !== COLON) return end;
  return bytes[at + 1] === SLASH && bytes[at + 2] === SLASH ? at + 3 : end;
}

function scanVersion(
  bytes: Buffer,
  at: number,
  stop: number,
  head: HttpHead,
  next: number,
): number {
  for (; at < stop; at++) {
    const byte = bytes[at]!;
    const index = at - head.markAt;
    if (index < VERSION_PREFIX.length) {
      if (byte === VERSION_PREFIX[index]) continue;
      head.fail(index === MAJOR_AT && isDigit(byte) ? R.version : R.startLine);
      return at;
    }
    head.isHttp10 = byte === ZERO;
    if (byte === ZERO || byte === ZERO + 1) head.state = next;
    else head.fail(isDigit(byte) ? R.version : R.startLine);
    return at + 1;
  }
  return at;
}

const STATUS_DIGITS = 3;

function scanStatus(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  for (; at < stop; at++) {
    const byte = bytes[at]!;
    if (!isDigit(byte) || (byte === ZERO && at === head.markAt)) {
      head.fail(R.status);
      return at;
    }
    head.status = head.status * 10 + (byte - ZERO);
    if (at - head.markAt === STATUS_DIGITS - 1) {
      head.state = S.statusEnd;
      return at + 1;
    }
  }
  return at;
}

/** Servers leave out an empty reason phrase together with its space; the space is not required. */
function endStatus(byte: number, at: number, head: HttpHead): number {
  head.reasonOffset = at + 1;
  if (byte === SP) head.state = S.reason;
  else if (byte === CR) head.state = S.startLineLf;
  else head.fail(byte === LF ? R.bareLf : R.status);
  return at + 1;
}

function scanReason(bytes: Buffer, at: number, stop: number, head: HttpHead): number {
  while (at < stop && IS_VALUE[bytes[at]!] === 1) at++;
  if (at === stop) return at;
  head.reasonLength = at - head.reasonOffset;
  if (bytes[at] === CR) head.state = S.startLineLf;
  else head.fail(bytes[at] === LF ? R.bareLf : R.reasonPhrase);
  return at + 1;
}

function endStartLine(byte: number, at: number, head: HttpHead): number {
  if (byte === LF) head.state = S.fieldStart;
  else head.fail(R.bareCr);
  return at + 1;
}
