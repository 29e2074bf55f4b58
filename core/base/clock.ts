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

/** Source of randomness. */
export interface Random {
  /** Fills `target[offset, offset + length)` with bytes fit for keys. */
  fill(target: Buffer, offset: number, length: number): void;
  /**
   * Fills `target[offset, offset + length)` with an id that will not come again, but that somebody
   * who knows others may guess: for traces, not for secrets.
   *
   * @param length a multiple of 4
   */
  identify(target: Buffer, offset: number, length: number): void;
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

/** Random bytes are drawn from the system in blocks of this size. */
const RANDOM_POOL_BYTES = 8192;

const STATE_WORDS = 4;

/** {@link Random} over the operating system's generator, drawn in blocks. */
export class SystemRandom implements Random {
  readonly #pool = Buffer.allocUnsafeSlow(RANDOM_POOL_BYTES);
  #used = RANDOM_POOL_BYTES;
  /** State of {@link SystemRandom.identify}, seeded by the system. */
  readonly #state = randomFillSync(new Int32Array(STATE_WORDS));

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

  /** xoshiro128++ (Blackman and Vigna, 2019): 4 bytes in some 3 ns. */
  identify(target: Buffer, offset: number, length: number): void {
    const state = this.#state;
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    for (let i = 0; i < length; i += 4) {
      const sum = (a + d) | 0;
      const word = (((sum << 7) | (sum >>> 25)) + a) | 0;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
      target[offset + i] = word;
      target[offset + i + 1] = word >>> 8;
      target[offset + i + 2] = word >>> 16;
      target[offset + i + 3] = word >>> 24;
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
  }

  unit(): number {
    return Math.random();
  }
}
