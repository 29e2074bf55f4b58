// HOT PATH. A batch of MACs without the addon: entries are kept in typed arrays and verified one
// after the other. Saves nothing; it is here so that lanes are written once for both forms.

import type { BoundMemory, Kernels, MacBatch, MacKey } from '#core/codec/kernels.ts';
import { checkEntriesMax, checkRoom } from './checks.ts';

/** Numbers of an entry: offset, length, offset of the MAC, answer. */
const ENTRY_NUMBERS = 4;

/** {@link MacBatch} over `verifyMac`. */
export class PlainMacBatch implements MacBatch {
  readonly entriesMax: number;
  count = 0;
  readonly #kernels: Kernels;
  readonly #keys: (MacKey | null)[];
  readonly #memories: (BoundMemory | null)[];
  readonly #numbers: Float64Array;

  constructor(kernels: Kernels, entriesMax: number) {
    checkEntriesMax(entriesMax);
    this.entriesMax = entriesMax;
    this.#kernels = kernels;
    this.#keys = Array.from({ length: entriesMax }, () => null);
    this.#memories = Array.from({ length: entriesMax }, () => null);
    this.#numbers = new Float64Array(entriesMax * ENTRY_NUMBERS);
  }

  add(key: MacKey, memory: BoundMemory, offset: number, length: number, macOffset: number): number {
    const entry = this.count;
    checkRoom(entry, this.entriesMax);
    const at = entry * ENTRY_NUMBERS;
    this.#keys[entry] = key;
    this.#memories[entry] = memory;
    this.#numbers[at] = offset;
    this.#numbers[at + 1] = length;
    this.#numbers[at + 2] = macOffset;
    this.#numbers[at + 3] = 0;
    this.count = entry + 1;
    return entry;
  }

  verify(): number {
    const numbers = this.#numbers;
    let good = 0;
    for (let entry = 0; entry < this.count; entry++) {
      const at = entry * ENTRY_NUMBERS;
      const offset = numbers[at]!;
      const length = numbers[at + 1]!;
      const macOffset = numbers[at + 2]!;
      const { bytes } = this.#memories[entry]!;
      const isInside = offset >= 0 && length >= 0 && macOffset >= 0;
      const isGood =
        isInside && this.#kernels.verifyMac(this.#keys[entry]!, bytes, offset, length, macOffset);
      numbers[at + 3] = isGood ? 1 : 0;
      if (isGood) good++;
    }
    return good;
  }

  isGood(entry: number): boolean {
    return entry < this.count && this.#numbers[entry * ENTRY_NUMBERS + 3] === 1;
  }

  clear(): void {
    this.#keys.fill(null, 0, this.count);
    this.#memories.fill(null, 0, this.count);
    this.count = 0;
  }
}
