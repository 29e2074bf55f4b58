// HOT PATH. FNV-1a, 32 bits (Fowler, Noll, Vo): spreads short names over tables. Not for bytes that
// somebody chooses to collide.

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** Hash of `bytes[offset, offset + length)`, 0..2^32-1. */
export function fnv1a(bytes: Buffer, offset: number, length: number): number {
  let hash = OFFSET;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[offset + i]!, PRIME);
  return hash >>> 0;
}
