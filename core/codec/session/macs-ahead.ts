// HOT PATH. MACs of compact sessions that are verified together before their requests are run: one
// call of the addon for many, which computes two at a time. Invariant: an answer is given only for
// the very bytes that were verified, and only until `clear`; who asks for others computes.

import type { BoundMemory, MacBatch, MacKey } from '../kernels.ts';
import { MAC_BYTES } from '../kernels.ts';

/** What {@link MacsAhead.take} answers. */
export const MacAnswer = { unknown: -1, bad: 0, good: 1 } as const;
export type MacAnswer = (typeof MacAnswer)[keyof typeof MacAnswer];

/** Sessions of one thread's requests at hand. */
export class MacsAhead {
  readonly #batch: MacBatch;
  readonly #memory: BoundMemory;
  /** Where each session begins, and its length. */
  readonly #places: Float64Array;
  #count = 0;
  #isVerified = false;
  /** Sessions are asked for in the order in which they were added. */
  #next = 0;

  /**
   * @param batch for this use alone
   * @param memory what the thread's requests are read from, bound by the kernels of `batch`
   */
  constructor(batch: MacBatch, memory: BoundMemory) {
    this.#batch = batch;
    this.#memory = memory;
    this.#places = new Float64Array(2 * batch.entriesMax);
  }

  /** Adds `bytes[offset, offset + length)`; what is elsewhere, or too much, is left out. */
  add(key: MacKey, bytes: Buffer, offset: number, length: number): void {
    const count = this.#count;
    if (bytes !== this.#memory.bytes || count === this.#batch.entriesMax) return;
    const signed = length - MAC_BYTES;
    this.#batch.add(key, this.#memory, offset, signed, offset + signed);
    this.#places[2 * count] = offset;
    this.#places[2 * count + 1] = length;
    this.#count = count + 1;
  }

  /** Computes what was added. One alone is left to who asks for it. */
  verify(): void {
    if (this.#count < 2) return;
    this.#batch.verify();
    this.#isVerified = true;
  }

  /** What came out for `bytes[offset, offset + length)`. */
  take(bytes: Buffer, offset: number, length: number): MacAnswer {
    if (!this.#isVerified || bytes !== this.#memory.bytes) return MacAnswer.unknown;
    const places = this.#places;
    for (let i = this.#next; i < this.#count; i++) {
      if (places[2 * i] !== offset || places[2 * i + 1] !== length) continue;
      this.#next = i + 1;
      return this.#batch.isGood(i) ? MacAnswer.good : MacAnswer.bad;
    }
    return MacAnswer.unknown;
  }

  /** Forgets everything: the memory may change now. */
  clear(): void {
    if (this.#count === 0) return;
    this.#batch.clear();
    this.#count = this.#next = 0;
    this.#isVerified = false;
  }
}
