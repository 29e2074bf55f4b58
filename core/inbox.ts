// HOT PATH. The bytes of one connection that its handler has not consumed, and where the next read
// lands. Three places, in the order in which a connection comes to need them:
//
//   landing ──rest of a unit──▶ carry (heap, of its own)       most connections, most of the time
//      │                          │
//      └── busy, and shared ──────┴──▶ slot ──unit larger than any slot──▶ carry
//
// In a slot the next read lands right behind what is there: a unit that came in pieces lies in one
// piece without being copied. A slot that is used up is left, and only the rest moves on.

import type { Slot, SlotArena } from './slot-arena.ts';

/** First capacity of a carry. */
const CARRY_BYTES = 4096;

/** A read gets at least this much room. */
const READ_BYTES_MIN = 4096;

/** Reads within one epoch of the arena that make a connection a busy one. */
const BUSY_READS = 2;

/** A carry above this that is mostly unused is not kept for a small rest. */
const CARRY_LOOSE_BYTES = 128 * 1024;

const EMPTY = Buffer.alloc(0);

/** Unconsumed input of one connection: `bytes[start, end)`. */
export class Inbox {
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  readonly #arena: SlotArena;
  #slot: Slot | null = null;
  #carry: Buffer = EMPTY;
  #view: Buffer;
  /** The view that the socket was given last. */
  #given: Buffer | null = null;
  #epoch = 0;
  #reads = 0;

  constructor(arena: SlotArena) {
    this.#arena = arena;
    this.#view = arena.landing;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Memory that what is left takes. In slots it is the bytes: their memory is there anyway. */
  get keptBytes(): number {
    return this.#slot === null ? this.#carry.length : this.end - this.start;
  }

  /** Where the next read lands, for `onread.buffer`; undefined: where the last one did. */
  nextView(): Buffer | undefined {
    if (this.#view === this.#given) return undefined;
    this.#given = this.#view;
    return this.#view;
  }

  /** A read brought `count` bytes: they are behind what was there. */
  landed(count: number): void {
    if (this.#slot !== null) {
      this.end += count;
      return;
    }
    const { landing } = this.#arena;
    if (this.end > this.start) {
      this.#keep(landing, 0, count);
      return;
    }
    this.bytes = this.#arena.bytes;
    this.start = landing.byteOffset - this.bytes.byteOffset;
    this.end = this.start + count;
  }

  /** The handler has used the first `count` bytes. */
  consume(count: number): void {
    this.start += count;
  }

  /** After each read: keeps what is left, and chooses where the next read lands. */
  settle(): void {
    if (this.#slot !== null) this.#settleSlot(this.#slot);
    else if (this.#arena.isSharing && this.#isBusy()) this.#enterSlot();
    if (this.#slot === null) this.#settleCarry();
  }

  /** Keeps what is left after an offer that no read caused. */
  settleKept(): void {
    if (this.#slot === null) this.#settleCarry();
  }

  /** The connection is gone. */
  release(): void {
    if (this.#slot !== null) this.#arena.drop(this.#slot);
    this.#slot = null;
    this.#carry = EMPTY;
    this.#reset();
  }

  #isBusy(): boolean {
    const { epoch } = this.#arena;
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#reads = 0;
    }
    return ++this.#reads >= BUSY_READS;
  }

  /** Moves what is left into a slot of the connection's own, if there is one. */
  #enterSlot(): void {
    const { length } = this;
    const slot = this.#arena.acquire(length * 2 + READ_BYTES_MIN);
    if (slot === null) return;
    this.#moveTo(slot);
    this.#slot = slot;
    this.#carry = EMPTY;
  }

  #settleSlot(slot: Slot): void {
    const { length } = this;
    if (length === 0 && !this.#arena.isSharing) {
      this.#leaveSlot(slot);
      return;
    }
    if (length === 0 && slot.references === 0) {
      const isSmall = this.end === slot.limit;
      const larger = isSmall ? this.#arena.acquire(slot.capacity + 1) : null;
      if (larger !== null) this.#replaceSlot(slot, larger);
      else this.#startOver(slot);
      return;
    }
    if (slot.limit - this.end >= READ_BYTES_MIN) {
      this.#view = this.bytes.subarray(this.end, slot.limit);
      return;
    }
    const next = this.#arena.acquire(Math.max(slot.capacity, length * 2 + READ_BYTES_MIN));
    if (next !== null) this.#replaceSlot(slot, next);
    else this.#leaveSlot(slot);
  }

  /** Nobody refers to anything in the slot: it is used from its beginning again. */
  #startOver(slot: Slot): void {
    this.start = this.end = slot.base;
    this.#view = slot.view;
  }

  #replaceSlot(slot: Slot, next: Slot): void {
    this.#moveTo(next);
    this.#slot = next;
    this.#arena.drop(slot);
  }

  /** Back to the landing, what is left to a carry. */
  #leaveSlot(slot: Slot): void {
    this.#slot = null;
    this.#view = this.#arena.landing;
    const { bytes, start, end } = this;
    this.#reset();
    if (end > start) this.#keep(bytes, start, end);
    this.#arena.drop(slot);
  }

  #moveTo(slot: Slot): void {
    const { length } = this;
    const target = this.#arena.bytes;
    if (length > 0) this.bytes.copy(target, slot.base, this.start, this.end);
    this.bytes = target;
    this.start = slot.base;
    this.end = slot.base + length;
    this.#view = length === 0 ? slot.view : target.subarray(this.end, slot.limit);
  }

  #settleCarry(): void {
    const { length } = this;
    if (length === 0) {
      this.#carry = EMPTY;
      this.#reset();
      return;
    }
    const { bytes, start, end } = this;
    const carry = this.#carry;
    const isLoose = carry.length > CARRY_LOOSE_BYTES && length * 8 <= carry.length;
    if (bytes !== carry || isLoose) {
      if (isLoose) this.#carry = EMPTY;
      this.#reset();
      this.#keep(bytes, start, end);
    } else if (start > 0) {
      carry.copyWithin(0, start, end);
      this.start = 0;
      this.end = length;
    }
  }

  /** Appends `source[from, to)` to the carry. Handlers bound it: they refuse oversize units. */
  #keep(source: Buffer, from: number, to: number): void {
    const needed = this.end + to - from;
    if (needed > this.#carry.length) {
      let capacity = Math.max(CARRY_BYTES, this.#carry.length * 2);
      while (capacity < needed) capacity *= 2;
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.#carry.copy(grown, 0, 0, this.end);
      this.#carry = grown;
    }
    source.copy(this.#carry, this.end, from, to);
    this.bytes = this.#carry;
    this.end = needed;
  }

  #reset(): void {
    this.bytes = this.#carry;
    this.start = this.end = 0;
  }
}
