// Time and randomness enter the data plane only through these two seams, so that tests and
// simulations can replay a run. Nothing else in core/ reads a clock or draws a random number.

import { randomFillSync } from 'node:crypto';

/** Source of time. */
export interface Clock {
  /**
   * Monotonic milliseconds with a fraction, the same on all threads of a process; only differences
   * mean something.
   */
  nowMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls `action` once after `ms`; does not keep the process alive. */
  setTimer(action: () => void, ms: number): TimerHandle;
  clearTimer(handle: TimerHandle): void;
}

/** What {@link Clock.setTimer} answers; only {@link Clock.clearTimer} looks inside. */
export type TimerHandle = NodeJS.Timeout | number;

/** Source of random bytes fit for identifiers and keys. */
export interface Random {
  /** Fills `target[offset, offset + length)`. */
  fill(target: Buffer, offset: number, length: number): void;
  /** A number in [0, 1), for jitter and sampling. */
  unit(): number;
}

/**
 * `performance.now()` counts from the start of its thread. The system's monotonic clock is one for
 * all threads, and so is what they share: limits, and times that go with a request.
 */
const THREAD_START_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  nowMs: () => THREAD_START_MS + performance.now(),
  wallMs: () => Date.now(),
  setTimer: (action, ms) => setTimeout(action, ms).unref(),
  clearTimer: (handle) => clearTimeout(handle),
};

/** Random bytes are drawn from the system in blocks of this size: one call serves 512 trace ids. */
const RANDOM_POOL_BYTES = 8192;

/** {@link Random} over the operating system's generator, drawn in blocks. */
export class SystemRandom implements Random {
  readonly #pool = Buffer.allocUnsafeSlow(RANDOM_POOL_BYTES);
  #used = RANDOM_POOL_BYTES;

  fill(target: Buffer, offset: number, length: number): void {
    if (length > RANDOM_POOL_BYTES) {
      randomFillSync(target, offset, length);
      return;
    }
    if (this.#used + length > RANDOM_POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const pool = this.#pool;
    const from = this.#used;
    for (let i = 0; i < length; i++) {
      target[offset + i] = pool[from + i]!;
      pool[from + i] = 0;
    }
    this.#used = from + length;
  }

  unit(): number {
    return Math.random();
  }
}
