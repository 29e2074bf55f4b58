// HOT PATH. The Connection header (RFC 9110 section 7.6.1): whether the connection stays, and which
// headers belong to this hop alone. Invariant: a token is compared as bytes, never made a string.

import { COMMA, equalsIgnoreCase, HT, isDigit, SP } from './char-classes.ts';
import { HEADER_WORDS } from '../message.ts';
import { HeaderId } from './known-headers.ts';
import type { HttpHead } from './types.ts';

const CLOSE = Buffer.from('close', 'latin1');
const KEEP_ALIVE = Buffer.from('keep-alive', 'latin1');
const UPGRADE = Buffer.from('upgrade', 'latin1');
const TIMEOUT = Buffer.from('timeout', 'latin1');

/** Walks over the members of a comma-separated list, without empty ones and white space. */
class ListCursor {
  offset = 0;
  length = 0;
  #at = 0;
  #end = 0;

  start(offset: number, length: number): void {
    this.#at = offset;
    this.#end = offset + length;
  }

  /** Goes to the next member; false when there is none. */
  next(bytes: Uint8Array): boolean {
    const end = this.#end;
    let at = this.#at;
    while (at < end && (isSpace(bytes[at]!) || bytes[at] === COMMA)) at++;
    this.offset = at;
    while (at < end && bytes[at] !== COMMA) at++;
    this.#at = at;
    while (at > this.offset && isSpace(bytes[at - 1]!)) at--;
    this.length = at - this.offset;
    return this.length > 0;
  }
}

const cursor = new ListCursor();

function isSpace(byte: number): boolean {
  return byte === SP || byte === HT;
}

/** Takes the tokens of one Connection header into `head`. */
export function readConnection(
  bytes: Uint8Array,
  offset: number,
  length: number,
  head: HttpHead,
): void {
  cursor.start(offset, length);
  while (cursor.next(bytes)) {
    if (equalsIgnoreCase(bytes, cursor.offset, cursor.length, CLOSE)) {
      head.hasClose = true;
    } else if (equalsIgnoreCase(bytes, cursor.offset, cursor.length, KEEP_ALIVE)) {
      head.hasKeepAlive = true;
    } else {
      head.hasConnectionTokens = true;
      head.listsUpgrade ||= equalsIgnoreCase(bytes, cursor.offset, cursor.length, UPGRADE);
    }
  }
}

/**
 * Whether a Connection header lists the header name at `bytes[offset, offset + length)`, so that
 * it must not cross. Ask only when `head.hasConnectionTokens`.
 *
 * Who drops listed headers must not drop framing, Host or the gateway's own headers by it: a client
 * chooses the list.
 */
export function isListedInConnection(
  bytes: Uint8Array,
  head: HttpHead,
  offset: number,
  length: number,
): boolean {
  const { words, count } = head.headers;
  const first = head.known[HeaderId.connection]!;
  for (let index = first < 0 ? count : first; index < count; index++) {
    if (head.headerIds[index] !== HeaderId.connection) continue;
    cursor.start(words[index * HEADER_WORDS + 2]!, words[index * HEADER_WORDS + 3]!);
    while (cursor.next(bytes)) {
      if (cursor.length !== length) continue;
      let i = 0;
      while (i < length && sameLetter(bytes[cursor.offset + i]!, bytes[offset + i]!)) i++;
      if (i === length) return true;
    }
  }
  return false;
}

function sameLetter(left: number, right: number): boolean {
  if (left === right) return true;
  const lower = left | 0x20;
  return lower === (right | 0x20) && lower >= 0x61 && lower <= 0x7a;
}

/** Longest idle time taken from a peer, in seconds: one day. */
const TIMEOUT_SECONDS_MAX = 86400;

/**
 * How long the peer keeps an idle connection, by `Keep-Alive: timeout=N`.
 *
 * @returns milliseconds, 0..86,400,000; -1 when the head does not tell
 */
export function keepAliveTimeoutMs(bytes: Uint8Array, head: HttpHead): number {
  const index = head.known[HeaderId.keepAlive]!;
  if (index < 0) return -1;
  const words = head.headers.words;
  cursor.start(words[index * HEADER_WORDS + 2]!, words[index * HEADER_WORDS + 3]!);
  while (cursor.next(bytes)) {
    const digitsAt = cursor.offset + TIMEOUT.length + 1;
    const end = cursor.offset + cursor.length;
    if (digitsAt >= end || bytes[digitsAt - 1] !== 0x3d) continue;
    if (!equalsIgnoreCase(bytes, cursor.offset, TIMEOUT.length, TIMEOUT)) continue;
    let seconds = 0;
    for (let at = digitsAt; at < end; at++) {
      if (!isDigit(bytes[at]!)) return -1;
      seconds = Math.min(TIMEOUT_SECONDS_MAX, seconds * 10 + (bytes[at]! - 0x30));
    }
    return seconds * 1000;
  }
  return -1;
}
