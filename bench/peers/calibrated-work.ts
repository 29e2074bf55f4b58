// HOT PATH. Stands for what a service computes for a request: a loop that nothing can shorten. How
// many turns take a microsecond is found by the clock on the core that it runs on; every service of
// a comparison then runs the same number of turns, so that the work is equal to the last one.

/** Before timing: the loop is compiled by then. Ms. */
const WARM_UP_MS = 60;

/** Turns of one timed stretch: well below a time slice, far above the clock's resolution. */
const STRETCH_TURNS = 200_000;

/** Stretches timed. The fastest counts: whatever else the machine does only makes them longer. */
const STRETCHES = 60;

/** A given number of turns. */
export class CalibratedWork {
  readonly #turns: number;
  /**
   * PERF: below 2^31, so that the loop is compiled for 32-bit integers in every process. A number
   * above made it half as slow again in one service and not in the other.
   */
  #state = 0x1e3779b9;

  /** @param turns 0: nothing is done */
  constructor(turns: number) {
    this.#turns = turns;
  }

  /** Does the work. Its result is kept, so that it cannot be left out. */
  run(): void {
    let state = this.#state;
    for (let left = this.#turns; left > 0; left--) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
    }
    this.#state = state;
  }

  /** Runs until the loop is compiled: a service is warm before its first request. */
  warmUp(): void {
    const endMs = performance.now() + WARM_UP_MS;
    while (performance.now() < endMs) this.run();
  }
}

/** Turns per microsecond on this core, as fast as it goes now. */
export function calibrate(): number {
  const stretch = new CalibratedWork(STRETCH_TURNS);
  stretch.warmUp();
  let fastestMs = Infinity;
  for (let i = 0; i < STRETCHES; i++) {
    const startMs = performance.now();
    stretch.run();
    fastestMs = Math.min(fastestMs, performance.now() - startMs);
  }
  return STRETCH_TURNS / (fastestMs * 1000);
}
