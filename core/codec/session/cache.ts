// HOT PATH. Remembers sessions whose MAC was good, by all their bytes. Invariant: an entry answers
// only for exactly the bytes, and under exactly the key ring, that it was verified with. It spares
// the MAC and nothing else: who asks it still checks time, revocation and device.

import { MAC_BYTES } from '../kernels.ts';
import { readU32 } from './bytes.ts';
import type { KeyRing } from './keys.ts';
import { SESSION_BYTES_MAX, SESSION_BYTES_MIN } from './types.ts';

/** LIMIT: 650 bytes an entry, 680 MB in all; memory is used as entries fill. */
export const SESSION_CACHE_ENTRIES_MAX = 1_048_576;

/**
 * Direct-mapped by the last four bytes of the MAC: nobody without the key can choose a place, and
 * only sessions with a good MAC get in. One per thread.
 */
export class SessionCache {
  readonly entries: number;
  hits = 0;
  misses = 0;
  readonly #keys: KeyRing;
  readonly #bytes: Buffer;
  /** Length of the session in each place; 0: the place is free. */
  readonly #lengths: Uint16Array;

  /**
   * @param entries places, 0 (always misses) .. {@link SESSION_CACHE_ENTRIES_MAX}
   * @param keys the ring the sessions are verified with; {@link SessionCache.has} wants the same
   */
  constructor(entries: number, keys: KeyRing) {
    if (!Number.isInteger(entries) || entries < 0 || entries > SESSION_CACHE_ENTRIES_MAX) {
      throw new RangeError(
        `Session cache of ${entries} entries; use 0..${SESSION_CACHE_ENTRIES_MAX}`,
      );
    }
    this.entries = entries;
    this.#keys = keys;
    this.#bytes = Buffer.allocUnsafeSlow(entries * SESSION_BYTES_MAX);
    this.#lengths = new Uint16Array(entries);
  }

  /** True when exactly these bytes were added under this ring and not displaced since. */
  has(keys: KeyRing, bytes: Buffer, offset: number, length: number): boolean {
    if (this.entries === 0 || keys !== this.#keys) return false;
    const place = readU32(bytes, offset + length - 4) % this.entries;
    const at = place * SESSION_BYTES_MAX;
    if (this.#lengths[place] !== length || !this.#isSame(at, bytes, offset, length)) {
      this.misses++;
      return false;
    }
    this.hits++;
    return true;
  }

  /** Remembers a session whose MAC is good under `keys`; the one in its place is forgotten. */
  add(keys: KeyRing, bytes: Buffer, offset: number, length: number): void {
    if (this.entries === 0 || keys !== this.#keys) return;
    if (length < SESSION_BYTES_MIN || length > SESSION_BYTES_MAX) return;
    const place = readU32(bytes, offset + length - 4) % this.entries;
    bytes.copy(this.#bytes, place * SESSION_BYTES_MAX, offset, offset + length);
    this.#lengths[place] = length;
  }

  /**
   * The MAC is compared first and in constant time: a compare that stops at the first wrong byte
   * would tell a guesser how much of a remembered MAC is right.
   */
  #isSame(at: number, bytes: Buffer, offset: number, length: number): boolean {
    const own = this.#bytes;
    const signed = length - MAC_BYTES;
    let difference = 0;
    for (let i = signed; i < length; i++) difference |= own[at + i]! ^ bytes[offset + i]!;
    if (difference !== 0) return false;
    return bytes.compare(own, at, at + signed, offset, offset + signed) === 0;
  }
}
