// HOT PATH. HTTP/1.1 heads and chunks into an OutBuffer, for answers to clients and requests to
// services alike. Invariant: no name or value that could end its line early gets out; such a header
// is left out as a whole and the caller is told. Left to callers: which headers a message has.

import type { OutBuffer } from '../../base/out-buffer.ts';
import { CR, IS_TOKEN, IS_VALUE, LF, SP } from './char-classes.ts';
import { METHOD_NAMES } from './start-line.ts';
import { statusLineOf } from './status-lines.ts';

function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

const VERSION_AND_SPACE = ascii('HTTP/1.1 ');
const METHODS_AND_SPACE = METHOD_NAMES.map((name) => ascii(name + ' '));
const VERSION_AND_LINE_END = ascii(' HTTP/1.1\r\n');
const CONTENT_LENGTH = ascii('Content-Length: ');
const CHUNKED = ascii('Transfer-Encoding: chunked\r\n');
const LAST_CHUNK = ascii('0\r\n\r\n');
const CONTINUE = ascii('HTTP/1.1 100 Continue\r\n\r\n');

const LINE_END_BYTES = 2;
const SEPARATOR_BYTES = 2;
const COLON = 0x3a;
const ZERO = 0x30;
const LOWER_A = 0x61;

/** Appends `HTTP/1.1 <status> <phrase> CRLF`. @param status 100..999 */
export function appendStatusLine(out: OutBuffer, status: number): void {
  const line = statusLineOf(status);
  if (line !== undefined) {
    out.append(line, 0, line.length);
    return;
  }
  out.append(VERSION_AND_SPACE, 0, VERSION_AND_SPACE.length);
  appendDecimal(out, status);
  const at = out.reserve(1 + LINE_END_BYTES);
  out.bytes[at] = SP;
  writeLineEnd(out.bytes, at + 1);
}

/** Appends the interim answer that lets a client send its body. */
export function appendContinue(out: OutBuffer): void {
  out.append(CONTINUE, 0, CONTINUE.length);
}

/**
 * Appends a request line with the target at `source[targetOffset, targetOffset + targetLength)`,
 * which a parser or the configuration has checked.
 *
 * @param method an HttpMethod other than `none`
 */
export function appendRequestLine(
  out: OutBuffer,
  method: number,
  source: Uint8Array,
  targetOffset: number,
  targetLength: number,
): void {
  const name = METHODS_AND_SPACE[method]!;
  out.append(name, 0, name.length);
  out.append(source, targetOffset, targetLength);
  out.append(VERSION_AND_LINE_END, 0, VERSION_AND_LINE_END.length);
}

/**
 * Appends one header from text.
 *
 * @param value characters up to U+00FF, written as Latin-1
 * @returns false, and nothing is appended, when the name is not a token or the value has a control
 *   character (CR, LF and NUL among them) or a character above U+00FF
 */
export function appendHeader(out: OutBuffer, name: string, value: string): boolean {
  const before = out.length;
  const lengths = name.length + value.length;
  let at = out.reserve(lengths + SEPARATOR_BYTES + LINE_END_BYTES);
  const bytes = out.bytes;
  let isClean = name.length > 0;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    isClean &&= IS_TOKEN[code] === 1;
    bytes[at++] = code;
  }
  bytes[at] = COLON;
  bytes[at + 1] = SP;
  at += SEPARATOR_BYTES;
  for (let i = 0; i < value.length; i++) {
    // A character above U+00FF is outside the table; cut to a byte it could become an LF.
    const code = value.charCodeAt(i);
    isClean &&= IS_VALUE[code] === 1;
    bytes[at++] = code;
  }
  writeLineEnd(bytes, at);
  if (!isClean) out.length = before;
  return isClean;
}

/**
 * Appends one header from bytes, with the same checks and result as {@link appendHeader}: bytes
 * that came by another protocol may hold what HTTP/1.1 may not.
 */
export function appendHeaderBytes(
  out: OutBuffer,
  source: Uint8Array,
  nameOffset: number,
  nameLength: number,
  valueOffset: number,
  valueLength: number,
): boolean {
  const before = out.length;
  let at = out.reserve(nameLength + valueLength + SEPARATOR_BYTES + LINE_END_BYTES);
  const bytes = out.bytes;
  let isClean = nameLength > 0;
  for (let i = 0; i < nameLength; i++) {
    const byte = source[nameOffset + i]!;
    isClean &&= IS_TOKEN[byte] === 1;
    bytes[at++] = byte;
  }
  bytes[at] = COLON;
  bytes[at + 1] = SP;
  at += SEPARATOR_BYTES;
  for (let i = 0; i < valueLength; i++) {
    const byte = source[valueOffset + i]!;
    isClean &&= IS_VALUE[byte] === 1;
    bytes[at++] = byte;
  }
  writeLineEnd(bytes, at);
  if (!isClean) out.length = before;
  return isClean;
}

/** Appends `Content-Length`. @param length bytes of the body, 0..2^53-1 */
export function appendContentLength(out: OutBuffer, length: number): void {
  out.append(CONTENT_LENGTH, 0, CONTENT_LENGTH.length);
  appendDecimal(out, length);
  appendLineEnd(out);
}

/** Appends `Transfer-Encoding: chunked`. */
export function appendChunkedCoding(out: OutBuffer): void {
  out.append(CHUNKED, 0, CHUNKED.length);
}

/** Appends the empty line that ends a head. */
export function appendHeadEnd(out: OutBuffer): void {
  appendLineEnd(out);
}

const dateLine = ascii('Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n');
let dateSecond = 0;

/** Appends `Date` (RFC 9110 section 6.6.1); the text is made once a second. */
export function appendDate(out: OutBuffer, wallMs: number): void {
  const second = Math.floor(wallMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine.write(`Date: ${new Date(second * 1000).toUTCString()}\r\n`, 'latin1');
  }
  out.append(dateLine, 0, dateLine.length);
}

/** Appends one chunk; nothing for an empty one, which would end the body. */
export function appendChunk(
  out: OutBuffer,
  source: Uint8Array,
  offset: number,
  length: number,
): void {
  if (length === 0) return;
  appendHex(out, length);
  appendLineEnd(out);
  out.append(source, offset, length);
  appendLineEnd(out);
}

/** Appends the last chunk and the empty line behind it: the end of a chunked body. */
export function appendLastChunk(out: OutBuffer): void {
  out.append(LAST_CHUNK, 0, LAST_CHUNK.length);
}

/** Appends a number in decimal digits. @param value a whole number, 0..2^53-1 */
export function appendDecimal(out: OutBuffer, value: number): void {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  let at = out.reserve(digits) + digits;
  const bytes = out.bytes;
  let rest = value;
  for (let i = 0; i < digits; i++) {
    const quotient = Math.floor(rest / 10);
    bytes[--at] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
}

/** Appends a number in lower-case hexadecimal digits. @param value a whole number, 0..2^53-1 */
export function appendHex(out: OutBuffer, value: number): void {
  let digits = 1;
  for (let rest = value; rest >= 16; rest = Math.floor(rest / 16)) digits++;
  let at = out.reserve(digits) + digits;
  const bytes = out.bytes;
  let rest = value;
  for (let i = 0; i < digits; i++) {
    const quotient = Math.floor(rest / 16);
    const digit = rest - quotient * 16;
    bytes[--at] = digit < 10 ? ZERO + digit : LOWER_A + digit - 10;
    rest = quotient;
  }
}

function appendLineEnd(out: OutBuffer): void {
  const at = out.reserve(LINE_END_BYTES);
  writeLineEnd(out.bytes, at);
}

function writeLineEnd(bytes: Buffer, at: number): void {
  bytes[at] = CR;
  bytes[at + 1] = LF;
}
