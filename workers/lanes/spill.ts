// HOT PATH. Slots that are kept for bytes which must be copied to be seen by the other thread: what
// landed where all sockets read, what came in pieces, what the gateway made itself. They are never
// lent to connections, so copying cannot starve.

import type { Slot, SlotArena } from '#core/slot-arena.ts';

/** Room for copies in one arena. */
export class Spill {
  /** LIMIT: one copy is at most this large. Bytes. */
  readonly bytesMax: number;
  readonly #slots: readonly Slot[];
  #current: Slot;
  #at: number;
  #turn = 0;

  /** @param count slots of the largest class to keep */
  constructor(arena: SlotArena, count: number) {
    this.bytesMax = arena.slotBytesMax;
    this.#slots = Array.from({ length: count }, () => {
      const slot = arena.acquire(arena.slotBytesMax);
      if (slot === null) throw new RangeError(`An arena has fewer than ${count} large slots`);
      return slot;
    });
    this.#current = this.#slots[0]!;
    this.#at = this.#current.base;
  }

  /** Would {@link Spill.take} find room for `bytes` bytes? */
  has(bytes: number): boolean {
    return this.#fits(Math.max(1, bytes)) || (bytes <= this.bytesMax && this.#idle() !== null);
  }

  /**
   * Room for `bytes` bytes, good until no record refers to its slot. The caller refers to it before
   * it takes anything else.
   *
   * @returns offset in the arena; -1 when there is none now
   */
  take(bytes: number): number {
    // Nothing takes a byte as well: an offset at the end of a slot would name its neighbour.
    const room = Math.max(1, bytes);
    if (this.#current.references === 0) this.#at = this.#current.base;
    if (!this.#fits(room)) {
      const next = room <= this.bytesMax ? this.#idle() : null;
      if (next === null) return -1;
      this.#current = next;
      this.#at = next.base;
    }
    const at = this.#at;
    // The next copy begins at a multiple of 8: aligned copies are faster.
    this.#at = (at + room + 7) & ~7;
    return at;
  }

  #fits(bytes: number): boolean {
    const at = this.#current.references === 0 ? this.#current.base : this.#at;
    return at + bytes <= this.#current.limit;
  }

  #idle(): Slot | null {
    for (let i = 0; i < this.#slots.length; i++) {
      this.#turn = (this.#turn + 1) % this.#slots.length;
      const slot = this.#slots[this.#turn]!;
      if (slot.references === 0 && slot !== this.#current) return slot;
    }
    return null;
  }
}
