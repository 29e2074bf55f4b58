// HOT PATH. Where a byte is next. Short stretches are walked; long ones, such as a session in a
// cookie, are left to the vectorised search of Buffer. PERF: bench case http-16.

/** From here on the native search pays for its call and view. */
const LONG_BYTES = 64;

/** Offset of the first `byte` in `bytes[start, end)`, or `end`. */
export function findByte(bytes: Buffer, byte: number, start: number, end: number): number {
  const walkEnd = Math.min(end, start + LONG_BYTES);
  for (let at = start; at < walkEnd; at++) if (bytes[at] === byte) return at;
  if (walkEnd === end) return end;
  const found = bytes.subarray(walkEnd, end).indexOf(byte);
  return found < 0 ? end : walkEnd + found;
}
