// HOT PATH. A batch of MACs that the addon verifies in one call. Invariant: the entries live in one
// fixed memory that the addon reads and writes; numbers of keys and memories stay valid because the
// batch holds their objects until `clear`.
//
//   entry, 24 bytes: | key | memory | offset | length | MAC offset | answer |   words of 32 bits

import type { BoundMemory, MacBatch, MacKey } from '#core/codec/kernels.ts';
import type { Addon } from './addon.ts';
import { checkEntriesMax, checkRoom } from './checks.ts';
import { NativeMacKey } from './native-mac-key.ts';

const ENTRY_WORDS = 6;
const ANSWER = 5;

/** An offset that no memory reaches; stands for those that no word can hold. */
const BEYOND = 0xffff_ffff;

/** Number of a memory that was unbound. */
const UNBOUND = BEYOND;

/** A memory that the addon has under a number. */
export class NativeMemory implements BoundMemory {
  readonly bytes: Buffer;
  /** Number in the addon; {@link UNBOUND} after `release`. */
  index: number;

  constructor(bytes: Buffer, index: number) {
    this.bytes = bytes;
    this.index = index;
  }

  /** Lets the addon forget the memory. */
  release(addon: Addon): void {
    if (this.index !== UNBOUND) addon.unbindMemory(this.index);
    this.index = UNBOUND;
  }
}

/** `MacBatch` over the addon, which reads the words in the order of all our platforms: little. */
export class NativeMacBatch implements MacBatch {
  readonly entriesMax: number;
  count = 0;
  readonly #addon: Addon;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #keys: (MacKey | null)[];
  readonly #memories: (BoundMemory | null)[];

  constructor(addon: Addon, entriesMax: number) {
    checkEntriesMax(entriesMax);
    this.entriesMax = entriesMax;
    this.#addon = addon;
    this.#words = new Uint32Array(entriesMax * ENTRY_WORDS);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#keys = Array.from({ length: entriesMax }, () => null);
    this.#memories = Array.from({ length: entriesMax }, () => null);
  }

  add(key: MacKey, memory: BoundMemory, offset: number, length: number, macOffset: number): number {
    const entry = this.count;
    checkRoom(entry, this.entriesMax);
    if (!(key instanceof NativeMacKey) || !(memory instanceof NativeMemory)) {
      throw new TypeError('The key or the memory belongs to other kernels');
    }
    const at = entry * ENTRY_WORDS;
    const words = this.#words;
    this.#keys[entry] = key;
    this.#memories[entry] = memory;
    words[at] = key.index;
    words[at + 1] = memory.index;
    words[at + 2] = wordOf(offset);
    words[at + 3] = wordOf(length);
    words[at + 4] = wordOf(macOffset);
    words[at + ANSWER] = 0;
    this.count = entry + 1;
    return entry;
  }

  verify(): number {
    return this.#addon.verifyMacs(this.#bytes, this.count);
  }

  isGood(entry: number): boolean {
    return entry < this.count && this.#words[entry * ENTRY_WORDS + ANSWER] === 1;
  }

  clear(): void {
    this.#keys.fill(null, 0, this.count);
    this.#memories.fill(null, 0, this.count);
    this.count = 0;
  }
}

/** A number as a word; one that does not fit must not wrap into the memory. */
function wordOf(value: number): number {
  return value >= 0 && value < BEYOND ? value : BEYOND;
}
