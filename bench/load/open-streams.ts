// HOT PATH. The open streams of one generator connection: which were sent, when they were due and
// what they must be answered with. Invariant: a stream is taken once; the second answer, or one
// nobody asked for, finds nothing.

import { STREAM_ID_MAX } from '#core/codec/mmtp/types.ts';

/** Slots per stream: ids stay consecutive, so a slow stream seldom blocks the slot of another. */
const SLOTS_PER_STREAM = 4;

/** Streams by id: an id has the slot of its number modulo the number of slots. */
export class OpenStreams {
  readonly streamsMax: number;
  count = 0;
  /** Of the stream that {@link OpenStreams.tryTake} took last. */
  dueMs = 0;
  tag = 0;
  readonly #mask: number;
  readonly #ids: Int32Array;
  readonly #due: Float64Array;
  readonly #tags: Uint32Array;
  #nextId = 1;

  constructor(streamsMax: number) {
    let slots = 1;
    while (slots < streamsMax * SLOTS_PER_STREAM) slots *= 2;
    this.streamsMax = streamsMax;
    this.#mask = slots - 1;
    this.#ids = new Int32Array(slots);
    this.#due = new Float64Array(slots);
    this.#tags = new Uint32Array(slots);
  }

  /** Opens a stream and returns its id; the caller has checked that one more may be open. */
  open(dueMs: number, tag: number): number {
    let id: number;
    let slot: number;
    do {
      id = this.#nextId;
      this.#nextId = id === STREAM_ID_MAX ? 1 : id + 2;
      slot = (id >>> 1) & this.#mask;
    } while (this.#ids[slot] !== 0);
    this.#ids[slot] = id;
    this.#due[slot] = dueMs;
    this.#tags[slot] = tag;
    this.count++;
    return id;
  }

  /** Takes the stream `id` off the table; false when it is not open. */
  tryTake(id: number): boolean {
    const slot = (id >>> 1) & this.#mask;
    if (id === 0 || this.#ids[slot] !== id) return false;
    this.dueMs = this.#due[slot]!;
    this.tag = this.#tags[slot]!;
    this.#ids[slot] = 0;
    this.count--;
    return true;
  }
}
