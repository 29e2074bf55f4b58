// The clock of a simulation: time jumps from timer to timer, in the order of their times and,
// within one moment, of their setting. A heap, because a simulated network sets a timer for every
// piece.

import type { Clock } from '#core/base/clock.ts';

/** Wall time at which simulations begin: within the life of the sessions that tests mint. */
const WALL_START_MS = 1_800_000_000_000;

interface Timer {
  readonly id: number;
  readonly atMs: number;
  readonly action: () => void;
}

/** {@link Clock} whose time only {@link SimClock.advance} moves. */
export class SimClock implements Clock {
  #nowMs: number;
  #nextId = 1;
  readonly #heap: Timer[] = [];
  /** Timers that are set and neither ran nor were cleared. */
  readonly #live = new Set<number>();

  /** @param startMs monotonic time at the beginning; not 0, which means "never" in places */
  constructor(startMs = 1000) {
    this.#nowMs = startMs;
  }

  get timerCount(): number {
    return this.#live.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return WALL_START_MS + this.#nowMs;
  }

  setTimer(action: () => void, ms: number): number {
    const timer = { id: this.#nextId++, atMs: this.#nowMs + Math.max(0, ms), action };
    this.#live.add(timer.id);
    this.#push(timer);
    return timer.id;
  }

  clearTimer(handle: NodeJS.Timeout | number): void {
    this.#live.delete(Number(handle));
  }

  /** Moves on by `ms` and runs everything due on the way. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#heap.length > 0 && this.#heap[0]!.atMs <= endMs) {
      const timer = this.#pop();
      if (!this.#live.delete(timer.id)) continue;
      this.#nowMs = timer.atMs;
      timer.action();
    }
    this.#nowMs = endMs;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs === b.atMs ? a.id < b.id : a.atMs < b.atMs;
}
