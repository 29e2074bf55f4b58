// HOT PATH. Open streams of one Mmtp connection: stream id -> exchange. Open addressing with linear
// probing and backward-shift deletion; ids of one client are consecutive odd numbers, so almost
// every id sits in its own slot. Starts empty: an idle connection holds no table.

/** First number of slots; power of two. */
const FIRST_SLOTS = 16;

/** Map from odd stream ids to values of one kind. */
export class StreamTable<T> {
  count = 0;
  #ids = new Int32Array(0);
  #values: (T | null)[] = [];
  #mask = -1;

  /** The value of `streamId`, or null. */
  get(streamId: number): T | null {
    if (this.count === 0) return null;
    const ids = this.#ids;
    const mask = this.#mask;
    for (let slot = (streamId >>> 1) & mask; ids[slot] !== 0; slot = (slot + 1) & mask) {
      if (ids[slot] === streamId) return this.#values[slot]!;
    }
    return null;
  }

  /** Adds `streamId`; the caller knows that it is not there and not 0. */
  add(streamId: number, value: T): void {
    if ((this.count + 1) * 2 > this.#ids.length) this.#grow();
    this.#insert(streamId, value);
    this.count++;
  }

  /** Removes `streamId`; nothing happens when it is not there. */
  delete(streamId: number): void {
    if (this.count === 0) return;
    const ids = this.#ids;
    const mask = this.#mask;
    let hole = (streamId >>> 1) & mask;
    while (ids[hole] !== streamId) {
      if (ids[hole] === 0) return;
      hole = (hole + 1) & mask;
    }
    this.count--;
    // Move later entries of the same run back, so that lookups need no tombstones.
    let slot = (hole + 1) & mask;
    while (ids[slot] !== 0) {
      const home = (ids[slot]! >>> 1) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        ids[hole] = ids[slot]!;
        this.#values[hole] = this.#values[slot]!;
        hole = slot;
      }
      slot = (slot + 1) & mask;
    }
    ids[hole] = 0;
    this.#values[hole] = null;
  }

  /**
   * All values, oldest slot first; a copy, so the table may change while it is walked. Cold path.
   */
  values(): T[] {
    return this.#values.filter((value) => value !== null);
  }

  /** Forgets everything and frees the memory. */
  clear(): void {
    this.count = 0;
    this.#ids = new Int32Array(0);
    this.#values = [];
    this.#mask = -1;
  }

  #insert(streamId: number, value: T): void {
    const ids = this.#ids;
    const mask = this.#mask;
    let slot = (streamId >>> 1) & mask;
    while (ids[slot] !== 0) slot = (slot + 1) & mask;
    ids[slot] = streamId;
    this.#values[slot] = value;
  }

  #grow(): void {
    const ids = this.#ids;
    const values = this.#values;
    const slots = Math.max(FIRST_SLOTS, ids.length * 2);
    this.#ids = new Int32Array(slots);
    this.#values = Array.from({ length: slots }, () => null);
    this.#mask = slots - 1;
    for (let i = 0; i < ids.length; i++) if (ids[i] !== 0) this.#insert(ids[i]!, values[i]!);
  }
}
