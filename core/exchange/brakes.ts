// Who stopped reading because of which congested upstream connection. Cold path: entered only when
// a socket does not take data any more.

import type { ReplyTarget } from '#core/pipeline/exchange.ts';

/** Downstream connections paused on behalf of upstream links. */
export class Brakes {
  readonly #paused = new Map<object, Set<ReplyTarget>>();

  /** Pauses `downstream` until `link` is released; once per pair. */
  apply(link: object, downstream: ReplyTarget): void {
    let paused = this.#paused.get(link);
    if (paused === undefined) {
      paused = new Set();
      this.#paused.set(link, paused);
    }
    if (paused.has(downstream)) return;
    paused.add(downstream);
    downstream.pauseReading();
  }

  /** Lets every connection that `link` paused read again. */
  release(link: object): void {
    const paused = this.#paused.get(link);
    if (paused === undefined) return;
    this.#paused.delete(link);
    for (const downstream of paused) downstream.resumeReading();
  }
}
