// HOT PATH, except where a function takes or gives text. User ids are 64-bit numbers held as two
// unsigned 32-bit halves; their text form is decimal without leading zeros. No BigInt: all steps
// stay below 2^53.

/** The most digits a user id has: 18446744073709551615. */
export const UID_DIGITS_MAX = 20;

const TWO_32 = 2 ** 32;
/** Largest power of ten whose square times 2^32 still leaves every step exact. */
const GROUP = 1_000_000;
const GROUP_DIGITS = 6;

/** A user id in two halves. */
export interface Uid {
  readonly high: number;
  readonly low: number;
}

/**
 * Parses a decimal user id.
 *
 * @returns null for anything but 0..2^64-1 without sign, blanks or leading zeros
 */
export function parseUid(text: string): Uid | null {
  const length = text.length;
  if (length === 0 || length > UID_DIGITS_MAX) return null;
  if (length > 1 && text.charCodeAt(0) === 48) return null;
  let high = 0;
  let low = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return null;
    const next = low * 10 + digit;
    const carry = Math.floor(next / TWO_32);
    low = next - carry * TWO_32;
    high = high * 10 + carry;
    if (high >= TWO_32) return null;
  }
  return { high, low };
}

/**
 * Writes a user id as decimal digits at `offset`; at most {@link UID_DIGITS_MAX} bytes are touched.
 *
 * @returns the number of digits
 */
export function writeUid(high: number, low: number, target: Buffer, offset: number): number {
  let restHigh = high;
  let restLow = low;
  let at = offset + UID_DIGITS_MAX;
  while (restHigh !== 0 || restLow !== 0) {
    const quotientHigh = Math.floor(restHigh / GROUP);
    const carried = (restHigh - quotientHigh * GROUP) * TWO_32 + restLow;
    const quotientLow = Math.floor(carried / GROUP);
    let group = carried - quotientLow * GROUP;
    restHigh = quotientHigh;
    restLow = quotientLow;
    const isFirst = restHigh === 0 && restLow === 0;
    for (let i = 0; isFirst ? group !== 0 : i < GROUP_DIGITS; i++) {
      const rest = Math.floor(group / 10);
      target[--at] = 48 + group - rest * 10;
      group = rest;
    }
  }
  if (at === offset + UID_DIGITS_MAX) target[--at] = 48;
  const digits = offset + UID_DIGITS_MAX - at;
  target.copyWithin(offset, at, at + digits);
  return digits;
}

const textScratch = Buffer.alloc(UID_DIGITS_MAX);

/** A user id as decimal text. Cold path: makes a string. */
export function uidText(high: number, low: number): string {
  return textScratch.latin1Slice(0, writeUid(high, low, textScratch, 0));
}
