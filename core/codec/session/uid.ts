// HOT PATH, except where a function takes or gives text. User ids are 64-bit numbers held as two
// unsigned 32-bit halves; their text form is decimal without leading zeros. No BigInt: all steps
// stay below 2^53.

/** The most digits a user id has: 18446744073709551615. */
export const UID_DIGITS_MAX = 20;

const TWO_32 = 2 ** 32;
/** Largest power of ten whose square times 2^32 still leaves every step exact. */
const GROUP = 1_000_000;
const GROUP_DIGITS = 6;
const ZERO_DIGIT = 48;

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
 * Writes a user id as decimal digits at `offset`, where there is room for {@link UID_DIGITS_MAX}.
 *
 * @returns the number of digits
 */
export function writeUid(high: number, low: number, target: Buffer, offset: number): number {
  let from = digits.length;
  let restHigh = high;
  let restLow = low;
  do {
    // PERF: no `%` on numbers above 2^31, which is a call of fmod.
    const quotientHigh = Math.floor(restHigh / GROUP);
    const carried = (restHigh - quotientHigh * GROUP) * TWO_32 + restLow;
    const quotientLow = Math.floor(carried / GROUP);
    let group = (carried - quotientLow * GROUP) | 0;
    restHigh = quotientHigh;
    restLow = quotientLow;
    for (let i = 0; i < GROUP_DIGITS; i++) {
      const rest = (group / 10) | 0;
      digits[--from] = ZERO_DIGIT + group - rest * 10;
      group = rest;
    }
  } while (restHigh > 0 || restLow > 0);
  while (from < digits.length - 1 && digits[from] === ZERO_DIGIT) from++;
  const count = digits.length - from;
  for (let i = 0; i < count; i++) target[offset + i] = digits[from + i]!;
  return count;
}

/** Whole groups, from the last to the first; a text begins behind their leading zeros. */
const digits = Buffer.alloc(4 * GROUP_DIGITS);
const textScratch = Buffer.alloc(UID_DIGITS_MAX);

/** A user id as decimal text. Cold path: makes a string. */
export function uidText(high: number, low: number): string {
  return textScratch.latin1Slice(0, writeUid(high, low, textScratch, 0));
}
