// HOT PATH. Which bytes may stand where in HTTP/1.1, as tables of 256 entries: 1 allowed, 0 not.
// Invariant: no class that a scan loop runs over contains CR, LF or NUL, so no scan passes a line.

export const HT = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const COLON = 0x3a;

const DIGITS = '0123456789';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const FIRST_VISIBLE = 0x21;
const DELETE = 0x7f;

function classOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

function visibleExcept(characters: string): Uint8Array {
  const table = new Uint8Array(256).fill(1, FIRST_VISIBLE, DELETE);
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 0;
  return table;
}

function valueClass(): Uint8Array {
  const table = new Uint8Array(256).fill(1, SP);
  table[DELETE] = 0;
  table[HT] = 1;
  return table;
}

function hexValues(): Uint8Array {
  const table = new Uint8Array(256).fill(NOT_HEX);
  for (let digit = 0; digit < 16; digit++) {
    const text = digit.toString(16);
    table[text.charCodeAt(0)] = digit;
    table[text.toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}

/** tchar of RFC 9110 section 5.6.2. */
export const IS_TOKEN = classOf("!#$%&'*+-.^_`|~" + DIGITS + LETTERS);

/** Bytes of a header value or phrase: visible, obs-text, space, tab (RFC 9110 section 5.5). */
export const IS_VALUE = valueClass();

/**
 * Bytes of a path: what RFC 3986 allows and what browsers leave as they are, without the quotes,
 * angle brackets, backslash and fragment that servers read in different ways. No question mark.
 */
export const IS_PATH = visibleExcept('"#<>?\\');

/** Bytes of a query: those of a path and the question mark. */
export const IS_QUERY = visibleExcept('"#<>\\');

/** Bytes of a host name or IPv4 address; brackets and port are looked at apart. */
export const IS_HOST_NAME = classOf('-._~%' + DIGITS + LETTERS);

/** Bytes between the brackets of an IPv6 address. */
export const IS_IPV6 = classOf(':.' + DIGITS + 'ABCDEFabcdef');

/** {@link HEX_VALUE} of a byte that is no hexadecimal digit. */
export const NOT_HEX = 255;

/** 0..15 for hexadecimal digits of either case, {@link NOT_HEX} otherwise. */
export const HEX_VALUE = hexValues();

/** Whether the byte is 0..9. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/**
 * Whether `bytes[offset, offset + length)` is `lower`, ignoring ASCII case.
 *
 * @param lower lower-case letters, digits and `-./+` only; the other side has no control characters
 */
export function equalsIgnoreCase(
  bytes: Uint8Array,
  offset: number,
  length: number,
  lower: Uint8Array,
): boolean {
  if (length !== lower.length) return false;
  for (let i = 0; i < length; i++) {
    // Setting bit 5 maps A-Z onto a-z; only control characters would fall onto the rest.
    if ((bytes[offset + i]! | 0x20) !== lower[i]) return false;
  }
  return true;
}
