// HOT PATH. Open calls of one multiplexed connection: request id -> call. Ids are consecutive, so a
// ring indexed by the id's low bits finds a call with one load; it grows before it fills up.

import type { UpstreamCall } from './contract.ts';

const FIRST_SLOTS = 64;

/** Map from 32-bit request ids that it assigns itself to calls. */
export class CallTable {
  count = 0;
  #slots: (UpstreamCall | null)[] = Array.from({ length: FIRST_SLOTS }, () => null);
  #nextId = 1;

  /** Assigns an id to `call`, stores it in `call.linkId` and returns it: 1 .. 2^32 - 1. */
  add(call: UpstreamCall): number {
    if (this.count * 2 >= this.#slots.length) this.#grow();
    const slots = this.#slots;
    const mask = slots.length - 1;
    let id = this.#nextId;
    while (id === 0 || slots[id & mask] !== null) id = (id + 1) >>> 0;
    this.#nextId = (id + 1) >>> 0;
    slots[id & mask] = call;
    call.linkId = id;
    this.count++;
    return id;
  }

  /** Takes the call with `id` out, or returns null when there is none. */
  take(id: number): UpstreamCall | null {
    const index = id & (this.#slots.length - 1);
    const call = this.#slots[index]!;
    if (call === null || call.linkId !== id) return null;
    this.#slots[index] = null;
    this.count--;
    return call;
  }

  /** Takes everything out. Cold path. */
  drain(): UpstreamCall[] {
    const calls = this.#slots.filter((call) => call !== null);
    this.#slots.fill(null);
    this.count = 0;
    return calls;
  }

  /** Ids that shared no slot before may not share one after doubling either. */
  #grow(): void {
    const grown: (UpstreamCall | null)[] = Array.from(
      { length: this.#slots.length * 2 },
      () => null,
    );
    for (const call of this.#slots)
      if (call !== null) grown[call.linkId & (grown.length - 1)] = call;
    this.#slots = grown;
  }
}
