// Requests that no lane has, on the heap: those that a dead lane had not touched, and those whose
// one lane is being replaced. Cold path: there are some only after the death of a lane.

import type { RemoteExchange } from './remote-exchange.ts';

/** Any lane may run the request. */
export const ANY_LANE = 0;

export class Orphans {
  /** By the number of the lane that they wait for, each in the order in which they came. */
  readonly #byLane = new Map<number, Set<RemoteExchange>>();

  /** Some wait for whichever lane has room. */
  get isAnyoneWaiting(): boolean {
    return this.#byLane.size > 0 && this.#byLane.has(ANY_LANE);
  }

  /** @param lane the only one that may run it, 1 and up, or {@link ANY_LANE} */
  add(exchange: RemoteExchange, lane: number): void {
    const waiting = this.#byLane.get(lane);
    if (waiting === undefined) this.#byLane.set(lane, new Set([exchange]));
    else waiting.add(exchange);
  }

  /** @returns whether it was here */
  remove(exchange: RemoteExchange): boolean {
    for (const [lane, waiting] of this.#byLane) {
      if (!waiting.delete(exchange)) continue;
      if (waiting.size === 0) this.#byLane.delete(lane);
      return true;
    }
    return false;
  }

  /** The oldest of those that any lane may run. */
  takeFirst(): RemoteExchange | null {
    const [exchange] = this.#byLane.get(ANY_LANE) ?? [];
    if (exchange === undefined) return null;
    this.remove(exchange);
    return exchange;
  }

  /** All that wait for `lane`. */
  takeNamed(lane: number): readonly RemoteExchange[] {
    const waiting = [...(this.#byLane.get(lane) ?? [])];
    this.#byLane.delete(lane);
    return waiting;
  }

  /** All whose requests came before `sinceMs`. */
  takeOlder(sinceMs: number): readonly RemoteExchange[] {
    const older = [...this.#byLane.values()].flatMap((waiting) =>
      [...waiting].filter(({ startedMs }) => startedMs < sinceMs),
    );
    for (const exchange of older) this.remove(exchange);
    return older;
  }
}
