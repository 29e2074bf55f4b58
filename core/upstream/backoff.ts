// How long to leave a host alone after failed attempts to connect: doubling, with full jitter, so
// that many gateways do not come back to a restarted service in step.

import type { Random } from '#core/base/clock.ts';

/** Delay between attempts. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #failures = 0;

  /** @param minMs delay after the first failure; @param maxMs bound of the doubling */
  constructor(minMs: number, maxMs: number, random: Random) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /**
   * Counts a failure and answers how many ms to wait: between half and all of the doubled delay.
   */
  failed(): number {
    const doubled = this.#minMs * 2 ** Math.min(this.#failures, 30);
    this.#failures++;
    const bound = Math.min(this.#maxMs, doubled);
    return bound / 2 + (this.#random.unit() * bound) / 2;
  }
}
