// A clock that stands still until the test moves it.

import type { Clock } from '#core/base/clock.ts';

interface Due {
  readonly atMs: number;
  readonly action: () => void;
}

/** Clock whose time and timers the test drives. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #next = 1;
  readonly #timers = new Map<number, Due>();

  get timerCount(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(action: () => void, ms: number): number {
    const handle = this.#next++;
    this.#timers.set(handle, { atMs: this.#nowMs + ms, action });
    return handle;
  }

  clearTimer(handle: NodeJS.Timeout | number): void {
    this.#timers.delete(Number(handle));
  }

  /** Moves on by `ms` and runs what is due, in order of time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.atMs <= endMs);
      if (due.length === 0) break;
      const [handle, timer] = due.reduce((a, b) => (b[1].atMs < a[1].atMs ? b : a));
      this.#timers.delete(handle);
      this.#nowMs = timer.atMs;
      timer.action();
    }
    this.#nowMs = endMs;
  }
}
