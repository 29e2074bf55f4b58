// HOT PATH. Reads a traceparent header (W3C Trace Context, section 3.2.2) into the 25 bytes that
// messages carry: trace id, parent id, flags. Anything else than the exact form is ignored, as the
// specification asks for.

const LENGTH = 55;
const DASH = 0x2d;
const INVALID = 0xff;
const ID_BYTES = 16;
const PARENT_BYTES = 8;
const FLAGS_OFFSET = 24;

const HEX_VALUE = new Uint8Array(256).fill(INVALID);
for (let digit = 0; digit < 16; digit++) {
  HEX_VALUE[digit.toString(16).charCodeAt(0)] = digit;
}

/**
 * Reads `bytes[offset, offset + length)` into `trace`.
 *
 * @returns false when it is not a valid traceparent; `trace` is undefined then
 */
export function tryReadTraceparent(
  bytes: Buffer,
  offset: number,
  length: number,
  trace: Buffer,
): boolean {
  if (length < LENGTH) return false;
  const version = readHex(bytes, offset);
  // Version 00 has exactly this form; later ones may append, ff is forbidden.
  if (version < 0 || version === INVALID || (version === 0 && length !== LENGTH)) return false;
  if (length > LENGTH && bytes[offset + LENGTH] !== DASH) return false;
  if (bytes[offset + 2] !== DASH || bytes[offset + 35] !== DASH) return false;
  if (bytes[offset + 52] !== DASH) return false;
  if (!tryReadId(bytes, offset + 3, trace, 0, ID_BYTES)) return false;
  if (!tryReadId(bytes, offset + 36, trace, ID_BYTES, PARENT_BYTES)) return false;
  const flags = readHex(bytes, offset + 53);
  if (flags < 0) return false;
  trace[FLAGS_OFFSET] = flags;
  return true;
}

/** An id of all zeros is not one. */
function tryReadId(
  bytes: Buffer,
  offset: number,
  trace: Buffer,
  at: number,
  length: number,
): boolean {
  let any = 0;
  for (let i = 0; i < length; i++) {
    const byte = readHex(bytes, offset + 2 * i);
    if (byte < 0) return false;
    trace[at + i] = byte;
    any |= byte;
  }
  return any !== 0;
}

/** Two lower-case hex digits as a byte, or -1. */
function readHex(bytes: Buffer, offset: number): number {
  const high = HEX_VALUE[bytes[offset]!]!;
  const low = HEX_VALUE[bytes[offset + 1]!]!;
  return high === INVALID || low === INVALID ? -1 : (high << 4) | low;
}
