// Whether the peer of a congested connection takes what is queued for it. Cold: runs only while
// much is queued. What counts is what the kernel takes and what the peer answers; that the peer
// speaks says nothing, it may do so and never read. A kernel takes in steps, Linux in such of up
// to a third of its send buffer (1.4 MB): who takes less in the time, and answers nothing, is not
// told from one that is stuck.

import type { Clock } from '#core/base/clock.ts';
import type { Transport } from '#core/base/network.ts';
import { TimerNode, UNARMED, type TimerWheel } from '#core/base/timer-wheel.ts';

/** How often it looks within the time that a peer has. */
const LOOKS = 4;

/** LIMIT: a peer that takes a little now and then is waited for this many times as long. */
const TIMES_MAX = 12;

/** What a watch tells its connection. */
export interface StallWatcher {
  /** The peer is stuck, or too slow to be waited for. Told again as long as that is so. */
  stuck(): void;
  /** What is queued fell below half of the high watermark; the watch has ended. */
  relieved(): void;
}

/** Bounds of a {@link StallWatch}. */
export interface StallSettings {
  readonly stallMs: number;
  readonly highWatermarkBytes: number;
}

/** Looks at one transport from {@link StallWatch.start} until what is queued was taken. */
export class StallWatch extends TimerNode {
  /** Answers of the peer so far; its connection counts them. */
  answers = 0;
  readonly #transport: Transport;
  readonly #settings: StallSettings;
  readonly #clock: Clock;
  readonly #timers: TimerWheel;
  readonly #watcher: StallWatcher;
  #startedMs = 0;
  /** Last sign of life, and what was known then. */
  #signMs = 0;
  #answersThen = 0;
  #takenThen = 0;

  constructor(
    transport: Transport,
    settings: StallSettings,
    { clock, idleTimers }: { readonly clock: Clock; readonly idleTimers: TimerWheel },
    watcher: StallWatcher,
  ) {
    super();
    this.#transport = transport;
    this.#settings = settings;
    this.#clock = clock;
    this.#timers = idleTimers;
    this.#watcher = watcher;
  }

  /** Much is queued. */
  start(): void {
    if (this.timerSlot !== UNARMED) return;
    const nowMs = this.#clock.nowMs();
    this.#startedMs = nowMs;
    this.#alive(nowMs);
    this.#lookLater(nowMs);
  }

  stop(): void {
    this.#timers.disarm(this);
  }

  onDeadline(): void {
    const { stallMs, highWatermarkBytes } = this.#settings;
    const { queuedBytes, takenBytes } = this.#transport;
    if (queuedBytes * 2 <= highWatermarkBytes) {
      this.#watcher.relieved();
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (takenBytes !== this.#takenThen || this.answers !== this.#answersThen) this.#alive(nowMs);
    // Before the connection is told, which may end the watch.
    this.#lookLater(nowMs);
    const isSilent = nowMs - this.#signMs >= stallMs;
    if (isSilent || nowMs - this.#startedMs >= stallMs * TIMES_MAX) this.#watcher.stuck();
  }

  #alive(nowMs: number): void {
    this.#signMs = nowMs;
    this.#answersThen = this.answers;
    this.#takenThen = this.#transport.takenBytes;
  }

  #lookLater(nowMs: number): void {
    const { stallMs } = this.#settings;
    const dueMs = this.#signMs + stallMs;
    const lookMs = nowMs + stallMs / LOOKS;
    this.#timers.arm(this, nowMs < dueMs && dueMs < lookMs ? dueMs : lookMs);
  }
}
