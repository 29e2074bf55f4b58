// HOT PATH. Host and port as they stand in Host and in a URL (RFC 9110 section 7.2, RFC 3986
// section 3.2). Stricter than the grammar: no user information, no sub-delimiters, no empty host,
// because servers and proxies read those in different ways.

import { COLON, IS_HOST_NAME, IS_IPV6, isDigit } from './char-classes.ts';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const PORT_DIGITS_MAX = 5;
const PORT_MAX = 65535;

/** Whether `bytes[offset, offset + length)` is a host name or address with an optional port. */
export function isAuthority(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length;
  let at = offset;
  if (length > 0 && bytes[at] === OPEN_BRACKET) {
    const first = ++at;
    while (at < end && IS_IPV6[bytes[at]!] === 1) at++;
    if (at === first || at === end || bytes[at] !== CLOSE_BRACKET) return false;
    at++;
  } else {
    while (at < end && IS_HOST_NAME[bytes[at]!] === 1) at++;
    if (at === offset) return false;
  }
  if (at === end) return true;
  return bytes[at] === COLON && isPort(bytes, at + 1, end);
}

/** RFC 3986 allows a colon without digits after it: the default port. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > PORT_DIGITS_MAX) return false;
  let port = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (!isDigit(byte)) return false;
    port = port * 10 + (byte - 0x30);
  }
  return port <= PORT_MAX;
}
