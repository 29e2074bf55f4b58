// HOT PATH. Free output memory of one thread, by size class. Connections borrow a buffer for the
// turn in which they write and give it back after the flush, so an idle connection holds none.

/** Smallest class: 2^14 = 16 KiB. */
const SMALLEST_SHIFT = 14;

/** Largest class that is kept: 2^18 = 256 KiB. Larger buffers are left to the garbage collector. */
const LARGEST_SHIFT = 18;

/** LIMIT: free buffers kept per class; all classes together at most 32 * 496 KiB = 15.5 MiB. */
const PER_CLASS_MAX = 32;

/** Bytes of the smallest buffer. */
export const SMALLEST_BUFFER_BYTES = 1 << SMALLEST_SHIFT;

/** Bytes of the largest buffer that is kept for reuse. */
export const LARGEST_BUFFER_BYTES = 1 << LARGEST_SHIFT;

/** Free lists of power-of-two buffers. */
export class SpareBuffers {
  readonly #classes: Buffer[][] = Array.from(
    { length: LARGEST_SHIFT - SMALLEST_SHIFT + 1 },
    () => [],
  );

  /** A buffer of at least `bytes` bytes with undefined content. */
  take(bytes: number): Buffer {
    const shift = classShift(bytes);
    if (shift > LARGEST_SHIFT) return Buffer.allocUnsafeSlow(bytes);
    const spare = this.#classes[shift - SMALLEST_SHIFT]!.pop();
    return spare ?? Buffer.allocUnsafeSlow(1 << shift);
  }

  /** Takes `buffer` back; the caller must not touch it any more. */
  give(buffer: Buffer): void {
    const shift = classShift(buffer.length);
    if (shift > LARGEST_SHIFT || buffer.length !== 1 << shift) return;
    const list = this.#classes[shift - SMALLEST_SHIFT]!;
    if (list.length < PER_CLASS_MAX) list.push(buffer);
  }
}

/** Exponent of the smallest class that holds `bytes`. */
function classShift(bytes: number): number {
  return bytes <= SMALLEST_BUFFER_BYTES ? SMALLEST_SHIFT : 32 - Math.clz32(bytes - 1);
}
