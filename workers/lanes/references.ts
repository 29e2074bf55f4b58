// HOT PATH. Which slots the records of a ring refer to, in the order of the records. The writer
// alone keeps this book: a slot is free for reads again once the reader's position has passed the
// record, whatever happens to the reader.

import type { Slot, SlotArena } from '#core/slot-arena.ts';

const FIRST_ENTRIES = 1024;

/** References of one ring. */
export class SlotReferences {
  readonly #arena: SlotArena;
  #positions = new Int32Array(FIRST_ENTRIES);
  #slots: (Slot | null)[] = Array.from({ length: FIRST_ENTRIES }, () => null);
  #first = 0;
  #count = 0;

  constructor(arena: SlotArena) {
    this.#arena = arena;
  }

  get count(): number {
    return this.#count;
  }

  /** The record that ends at `position` refers to `slot`. */
  add(position: number, slot: Slot): void {
    if (this.#count === this.#slots.length) this.#grow();
    const at = (this.#first + this.#count++) & (this.#slots.length - 1);
    this.#positions[at] = position;
    this.#slots[at] = slot;
    this.#arena.refer(slot);
  }

  /** The reader is done with everything before `position`. */
  release(position: number): void {
    const mask = this.#slots.length - 1;
    while (this.#count > 0 && ((position - this.#positions[this.#first]!) | 0) >= 0) {
      this.#arena.release(this.#slots[this.#first]!);
      this.#slots[this.#first] = null;
      this.#first = (this.#first + 1) & mask;
      this.#count--;
    }
  }

  /** There is no reader any more. */
  releaseAll(): void {
    while (this.#count > 0) this.release(this.#positions[this.#first]!);
  }

  #grow(): void {
    const { length } = this.#slots;
    const positions = new Int32Array(length * 2);
    const slots: (Slot | null)[] = Array.from({ length: length * 2 }, () => null);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#first + i) & (length - 1);
      positions[i] = this.#positions[from]!;
      slots[i] = this.#slots[from]!;
    }
    this.#positions = positions;
    this.#slots = slots;
    this.#first = 0;
  }
}
