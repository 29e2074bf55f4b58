// HOT PATH. Time for one batch of received bytes: read once, used by every request in it. The wall
// clock is read more rarely still; sessions count in seconds.

import type { Clock } from '#core/base/clock.ts';

/** How old {@link BatchClock.wallSeconds} may be. Ms. */
const WALL_REFRESH_MS = 50;

/** Clock readings shared by a batch. */
export class BatchClock {
  /** Monotonic ms at the start of the batch. */
  nowMs = 0;
  /** Unix seconds. */
  wallSeconds = 0;
  readonly #clock: Clock;
  #wallDueMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.start();
  }

  /** A batch begins. */
  start(): void {
    this.nowMs = this.#clock.nowMs();
    if (this.nowMs < this.#wallDueMs) return;
    this.wallSeconds = Math.floor(this.#clock.wallMs() / 1000);
    this.#wallDueMs = this.nowMs + WALL_REFRESH_MS;
  }

  /** Monotonic ms right now, for durations that end within a batch. */
  exactMs(): number {
    return this.#clock.nowMs();
  }
}
