// HOT PATH. When a thread looks at its rings, and when it may sleep. It looks at the end of every
// turn of its loop; while work is open elsewhere it may turn again without sleeping, a limited
// number of times: an empty turn costs a system call, waking a sleeper several on both sides.

/**
 * Empty turns before sleep while work is open elsewhere. PERF: suite `lanes`, case `pool-1-16x1`:
 * CPU per request of the busier thread was 8.0 µs with 1, 8.3 with 4, 8.8 with 16, 10.1 with 48.
 */
const SPIN_TURNS = 1;

export interface TurnActions {
  /** Looks at the rings. @returns how much there was */
  work(): number;
  /** Something may come without this side doing anything. */
  isExpecting(): boolean;
  /** Tells the other side that this one sleeps. @returns false: there is something already */
  trySleep(): boolean;
  /** Tells the other side that this one is awake. */
  wake(): void;
  /** Another turn is to follow at once. */
  turnAgain(): void;
}

/** Ends the turns of one thread. */
export class TurnKeeper {
  /** Turns that found nothing, of all; they tell how much time is left. */
  turns = 0;
  emptyTurns = 0;
  isAsleep = false;
  readonly #actions: TurnActions;
  readonly #spinTurns: number;
  #streak = 0;

  constructor(actions: TurnActions, spinTurns = SPIN_TURNS) {
    this.#actions = actions;
    this.#spinTurns = spinTurns;
  }

  /** A turn of the loop is about to end. */
  end(): void {
    const actions = this.#actions;
    if (this.isAsleep) {
      this.isAsleep = false;
      actions.wake();
    }
    this.turns++;
    if (actions.work() > 0) this.#streak = 0;
    else {
      this.emptyTurns++;
      this.#streak++;
    }
    const spins = actions.isExpecting() ? this.#spinTurns : 1;
    if (this.#streak < spins) {
      actions.turnAgain();
      return;
    }
    this.#streak = 0;
    this.isAsleep = actions.trySleep();
    if (!this.isAsleep) actions.turnAgain();
  }
}
