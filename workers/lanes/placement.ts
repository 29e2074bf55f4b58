// Which requests the acceptor runs itself. An idle acceptor does: the hop to another thread costs
// some 40 µs of response time. A busy one hands over, and what it then does per request is less.
//
//            busy: utilization over SPREAD_ABOVE in SPREAD_WINDOWS windows in a row
//   inline ───────────────────────────────────────────────────────────────▶ spread
//          ◀───────────────────────────────────────────────────────────────
//            calm: the load would fill less than GATHER_BELOW of the acceptor if it ran inline,
//            in GATHER_WINDOWS windows in a row
//
// While requests are spread, the acceptor's utilization says what is left to it, not what the load
// would take inline. That is the rate of requests times their cost, which was measured while they
// were run inline. The gap between the two marks is what keeps
// a steady load from being moved to and fro.

/** What a busy acceptor is. Share of the window. */
const SPREAD_ABOVE = 0.65;
const SPREAD_WINDOWS = 2;

const GATHER_BELOW = 0.4;
const GATHER_WINDOWS = 5;

/** Requests of a window whose cost means something. */
const COST_REQUESTS_MIN = 20;
/** Weight of the last window in the cost of a request. */
const COST_WEIGHT = 0.3;

/** Adaptive placement; told once a window what happened, asked for each request. */
export class AdaptivePlacement {
  isSpreading = false;
  #costMs = 0;
  #streak = 0;

  /** Inline cost of a request as it was measured last, 0: never. Ms. */
  get costMs(): number {
    return this.#costMs;
  }

  /**
   * A window is over.
   *
   * @param windowMs its length
   * @param activeMs time in which the acceptor's loop did not sleep
   * @param requests requests that came, wherever they ran
   * @returns whether placement changed
   */
  observe(windowMs: number, activeMs: number, requests: number): boolean {
    if (windowMs <= 0) return false;
    if (this.isSpreading) {
      const share = (requests * this.#costMs) / windowMs;
      return this.#count(share < GATHER_BELOW, GATHER_WINDOWS);
    }
    if (requests >= COST_REQUESTS_MIN) this.#measure(activeMs / requests);
    // A loop that is busy with something else than requests is not helped by handing these over.
    const isBusy = activeMs / windowMs > SPREAD_ABOVE && requests >= COST_REQUESTS_MIN;
    return this.#count(isBusy, SPREAD_WINDOWS);
  }

  #measure(costMs: number): void {
    this.#costMs =
      this.#costMs === 0 ? costMs : this.#costMs + (costMs - this.#costMs) * COST_WEIGHT;
  }

  /** Changes sides after `windows` windows in a row that speak for it. */
  #count(speaksForChange: boolean, windows: number): boolean {
    this.#streak = speaksForChange ? this.#streak + 1 : 0;
    if (this.#streak < windows) return false;
    this.#streak = 0;
    this.isSpreading = !this.isSpreading;
    return true;
  }
}
