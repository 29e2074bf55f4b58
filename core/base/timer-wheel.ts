// HOT PATH. Deadlines for many things at once: arming and disarming are O(1) and allocate nothing,
// at the price of a resolution of one tick. One system timer runs while anything is armed.
//
//   slot 0     slot 1            slot n-1
//   +-----+    +-----+           +-----+      each slot: a list of nodes whose due tick, modulo
//   | o-o |    |     |    ...    | o   |      the number of slots, is the slot's index; a node of a
//   +-----+    +-----+           +-----+      later round stays in its slot and is looked at again
//                 ^ current tick

import type { Clock, TimerHandle } from './clock.ts';

/** Value of {@link TimerNode.timerSlot} for a node without a deadline. */
export const UNARMED = -1;

/** Base of everything that can have one deadline in a wheel. The fields belong to the wheel. */
export abstract class TimerNode {
  timerPrev: TimerNode | null = null;
  timerNext: TimerNode | null = null;
  /** Tick at which the deadline passes. */
  timerTick = 0;
  /** Slot that holds the node; {@link UNARMED} while it has no deadline. */
  timerSlot: number = UNARMED;

  /** The deadline passed. The node is disarmed already and may be armed again. */
  abstract onDeadline(): void;
}

/** Number of slots; with a tick of 5 ms one round takes 5 s. Power of two. */
const SLOTS = 1024;

/**
 * One slot more holds the nodes that are being fired, so that a callback may disarm any of them.
 */
const FIRING = SLOTS;

/** Hashed timer wheel. */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: (TimerNode | null)[] = Array.from({ length: SLOTS + 1 }, () => null);
  readonly #originMs: number;
  #currentTick = 0;
  #armed = 0;
  #timer: TimerHandle | null = null;
  readonly #onTimer: () => void;

  /** @param tickMs resolution in ms; a deadline is met between 0 and 2 ticks late, never early */
  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#originMs = clock.nowMs();
    this.#onTimer = () => {
      this.#timer = null;
      this.advance();
      this.#ensureTimer();
    };
  }

  /** Number of armed nodes. */
  get armedCount(): number {
    return this.#armed;
  }

  /**
   * Arms `node` for `dueMs` (on the clock's monotonic scale), replacing its deadline if it has one.
   */
  arm(node: TimerNode, dueMs: number): void {
    if (node.timerSlot !== UNARMED) this.#unlink(node);
    if (this.#armed === 0) this.#currentTick = this.#tickAt(this.#clock.nowMs());
    let tick = this.#tickAt(dueMs) + 1;
    if (tick <= this.#currentTick) tick = this.#currentTick + 1;
    node.timerTick = tick;
    this.#link(node, tick & (SLOTS - 1));
    if (this.#timer === null) this.#ensureTimer();
  }

  /** Takes the deadline of `node` away; nothing happens when it has none. */
  disarm(node: TimerNode): void {
    if (node.timerSlot !== UNARMED) this.#unlink(node);
  }

  /** Fires everything due by now. The system timer calls it; simulations may. */
  advance(): void {
    const target = this.#tickAt(this.#clock.nowMs());
    // After a long pause every slot is visited once, not once per missed tick.
    let tick = Math.max(this.#currentTick + 1, target - SLOTS + 1);
    this.#currentTick = target;
    for (; tick <= target && this.#armed > 0; tick++) this.#fireSlot(tick & (SLOTS - 1), target);
  }

  /** Stops the system timer; armed nodes never fire afterwards. */
  close(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    for (let slot = 0; slot <= FIRING; slot++) {
      for (let node = this.#slots[slot]!; node !== null; node = this.#slots[slot]!) {
        this.#unlink(node);
      }
    }
  }

  #fireSlot(index: number, target: number): void {
    let node = this.#slots[index]!;
    while (node !== null) {
      const next: TimerNode | null = node.timerNext;
      if (node.timerTick <= target) {
        this.#unlink(node);
        this.#link(node, FIRING);
      }
      node = next!;
    }
    for (;;) {
      const due = this.#slots[FIRING]!;
      if (due === null) return;
      this.#unlink(due);
      due.onDeadline();
    }
  }

  #link(node: TimerNode, slot: number): void {
    const first = this.#slots[slot]!;
    node.timerSlot = slot;
    node.timerPrev = null;
    node.timerNext = first;
    if (first !== null) first.timerPrev = node;
    this.#slots[slot] = node;
    this.#armed++;
  }

  #unlink(node: TimerNode): void {
    const { timerPrev, timerNext } = node;
    if (timerPrev === null) this.#slots[node.timerSlot] = timerNext;
    else timerPrev.timerNext = timerNext;
    if (timerNext !== null) timerNext.timerPrev = timerPrev;
    node.timerPrev = node.timerNext = null;
    node.timerSlot = UNARMED;
    this.#armed--;
  }

  #ensureTimer(): void {
    if (this.#timer !== null || this.#armed === 0) return;
    this.#timer = this.#clock.setTimer(this.#onTimer, this.#tickMs);
  }

  #tickAt(ms: number): number {
    return Math.floor((ms - this.#originMs) / this.#tickMs);
  }
}
