// HOT PATH. The memory that the sockets of one thread read into, and its parts that another thread
// may be reading: slots. One thread owns an arena and keeps all of its books; others only read
// bytes of slots that a ring's record names.
//
//   +---------+------------+------------+-- ... --+
//   | landing | small slot | small slot |  large  |      offsets are those of `bytes`
//   +---------+------------+------------+-- ... --+
//
// The landing serves all sockets without a slot: what it holds is good only during one read. A slot
// is free again once nobody holds it to write and no record refers to it (`references` is 0).

/** Bytes of the landing: large reads batch frames, and all sockets without a slot share it. */
const LANDING_BYTES = 256 * 1024;

/** Slots start and end at multiples of this. */
const GRANULE_SHIFT = 14;
const GRANULE_BYTES = 1 << GRANULE_SHIFT;

/** How many slots of which size an arena has. */
export interface SlotClass {
  /** A multiple of 16 KiB. */
  readonly bytes: number;
  readonly count: number;
}

/** An arena without slots: the gateway of one thread. */
export const NO_SLOTS: readonly SlotClass[] = [];

/** One piece of the arena that outlives a read. */
export class Slot {
  readonly base: number;
  readonly limit: number;
  /** All of it, made once: a view costs 30 ns. */
  readonly view: Buffer;
  readonly free: Slot[];
  /** Records that refer to it and have not been read by the other thread. */
  references = 0;
  /** Somebody writes to it. */
  isHeld = false;

  constructor(bytes: Buffer, base: number, length: number, free: Slot[]) {
    this.base = base;
    this.limit = base + length;
    this.view = bytes.subarray(base, this.limit);
    this.free = free;
  }

  get capacity(): number {
    return this.limit - this.base;
  }
}

/** Read memory of one thread. */
export class SlotArena {
  /** Everything; what handlers get is a range of it. */
  readonly bytes: Buffer;
  readonly landing: Buffer;
  /** Largest unit that fits into a slot; 0 without slots. Bytes. */
  readonly slotBytesMax: number;
  /** Sockets that read much get slots of their own: frames go to another thread as they lie. */
  isSharing = false;
  /** Tells recent reads from old ones; its owner moves it on now and then. */
  epoch = 0;
  readonly #classes: { readonly bytes: number; readonly free: Slot[] }[] = [];
  readonly #byGranule: (Slot | null)[];

  /**
   * @param classes ascending by size
   * @param memory of {@link arenaBytes} bytes; shared if other threads are to read it
   */
  constructor(classes: readonly SlotClass[], memory: ArrayBufferLike = heapMemory(classes)) {
    this.bytes = Buffer.from(memory);
    this.landing = this.bytes.subarray(0, LANDING_BYTES);
    this.#byGranule = Array.from({ length: this.bytes.length >>> GRANULE_SHIFT }, () => null);
    let at = LANDING_BYTES;
    for (const { bytes, count } of classes) {
      const free: Slot[] = [];
      for (let i = 0; i < count; i++, at += bytes) this.#add(at, bytes, free);
      this.#classes.push({ bytes, free });
    }
    this.slotBytesMax = classes.at(-1)?.bytes ?? 0;
  }

  /** Slots that are neither held nor referred to. */
  get freeSlots(): number {
    return this.#classes.reduce((sum, { free }) => sum + free.length, 0);
  }

  /** Takes and holds the smallest free slot of at least `bytes` bytes; null when there is none. */
  acquire(bytes: number): Slot | null {
    for (const slots of this.#classes) {
      if (slots.bytes < bytes) continue;
      const slot = slots.free.pop();
      if (slot === undefined) continue;
      slot.isHeld = true;
      return slot;
    }
    return null;
  }

  /** Would {@link SlotArena.acquire} find one? */
  has(bytes: number): boolean {
    for (const slots of this.#classes) {
      if (slots.bytes >= bytes && slots.free.length > 0) return true;
    }
    return false;
  }

  /** The slot that `offset` lies in; null in the landing. */
  slotAt(offset: number): Slot | null {
    return this.#byGranule[offset >>> GRANULE_SHIFT] ?? null;
  }

  /** Nobody writes to `slot` any more. */
  drop(slot: Slot): void {
    slot.isHeld = false;
    if (slot.references === 0) slot.free.push(slot);
  }

  /** A record refers to `slot`. */
  refer(slot: Slot): void {
    slot.references++;
  }

  /** A record that referred to `slot` was read. */
  release(slot: Slot): void {
    if (--slot.references === 0 && !slot.isHeld) slot.free.push(slot);
  }

  #add(base: number, bytes: number, free: Slot[]): void {
    const slot = new Slot(this.bytes, base, bytes, free);
    free.push(slot);
    for (let at = base; at < base + bytes; at += GRANULE_BYTES) {
      this.#byGranule[at >>> GRANULE_SHIFT] = slot;
    }
  }
}

/** Bytes of memory that an arena with `classes` takes. */
export function arenaBytes(classes: readonly SlotClass[]): number {
  return classes.reduce((sum, { bytes, count }) => {
    if (bytes % GRANULE_BYTES !== 0)
      throw new RangeError(`A slot of ${bytes} bytes is no multiple`);
    return sum + bytes * count;
  }, LANDING_BYTES);
}

/** Unset memory of the heap: pages that are never read into cost nothing. */
function heapMemory(classes: readonly SlotClass[]): ArrayBufferLike {
  return Buffer.allocUnsafeSlow(arenaBytes(classes)).buffer;
}
