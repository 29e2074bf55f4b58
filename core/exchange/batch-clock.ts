// HOT PATH. Time for one batch of received bytes: read once, used by every request in it. The wall
// clock is read more rarely still; sessions count in seconds.

import { DownstreamProtocol } from '#core/codec/message.ts';
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

  /**
   * When something about a request of `protocol` happened. Answers of HTTP tell their client how
   * long the gateway took, and come one by one: the clock is read. Mmtp requests come in batches;
   * a batch is one moment. PERF: suite `mmtp`, two readings of 30 ns per request.
   */
  timeOf(protocol: number): number {
    return protocol === DownstreamProtocol.http1 ? this.exactMs() : this.nowMs;
  }

  /** Monotonic ms right now, for durations that end within a batch. */
  exactMs(): number {
    return this.#clock.nowMs();
  }
}
