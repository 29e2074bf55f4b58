// HOT PATH. What a gateway has heard of an Mmtp client, and what follows from it: a client that
// sends no frame is asked for a sign of life and then let go; so is one that began a frame and does
// not end it. Bytes alone are no sign of life: one now and then would hold the memory of a frame.
//
//   last frame ── idle / 3 ──▶ ask ── idle ──▶ idle
//   frame begun ── body timeout for each MiB of it ──▶ late

/** What a look at a connection found. */
export const Finding = { fine: 0, ask: 1, idle: 2, late: 3 } as const;
export type Finding = (typeof Finding)[keyof typeof Finding];

/** Part of the idle time after which a silent client is asked for a sign of life. */
const ASK_AFTER = 1 / 3;

/** What a frame may take one body timeout for: large ones come over slow links as well. Bytes. */
const TIMED_BYTES = 1024 * 1024;

const NONE = -1;

/** Times of a listener's connections. */
export interface HearingTimes {
  readonly mmtpIdleTimeoutMs: number;
  readonly bodyTimeoutMs: number;
}

export class MmtpHearing {
  /** When the next look is due, on the clock that the calls tell. */
  nextLookMs = 0;
  readonly #times: HearingTimes;
  /** The last whole frame. */
  #heardMs: number;
  #isAsked = false;
  /** An incomplete frame began; {@link NONE} without one. */
  #begunMs = NONE;
  /** Its length; 0 while its header is not there. */
  #frameBytes = 0;

  constructor(times: HearingTimes, nowMs: number) {
    this.#times = times;
    this.#heardMs = nowMs;
  }

  /** A whole frame was there, and nothing of the next one. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#isAsked = false;
    this.#begunMs = NONE;
  }

  /** There is a part of a frame. @param frameBytes its whole length; 0: not known yet */
  begun(nowMs: number, frameBytes: number): void {
    if (this.#begunMs === NONE) this.#begunMs = nowMs;
    this.#frameBytes = frameBytes;
  }

  /** The gateway did not read for a while, which the client's frame is not charged for. */
  resumed(nowMs: number): void {
    if (this.#begunMs !== NONE) this.#begunMs = nowMs;
  }

  /** @param isPaused the gateway does not read: only the idle time counts */
  look(nowMs: number, isPaused: boolean): Finding {
    const { mmtpIdleTimeoutMs, bodyTimeoutMs } = this.#times;
    if (this.#begunMs !== NONE && !isPaused) {
      const parts = Math.max(1, Math.ceil(this.#frameBytes / TIMED_BYTES));
      const dueMs = this.#begunMs + parts * bodyTimeoutMs;
      this.nextLookMs = dueMs;
      return nowMs >= dueMs ? Finding.late : Finding.fine;
    }
    const silentMs = nowMs - this.#heardMs;
    if (silentMs >= mmtpIdleTimeoutMs) return Finding.idle;
    const asksNow = !this.#isAsked && silentMs >= mmtpIdleTimeoutMs * ASK_AFTER;
    this.#isAsked ||= asksNow;
    const dueMs = this.#heardMs + mmtpIdleTimeoutMs * (this.#isAsked ? 1 : ASK_AFTER);
    // A frame that begins meanwhile is looked at before its time is over twice.
    this.nextLookMs = Math.min(dueMs, nowMs + bodyTimeoutMs);
    return asksNow ? Finding.ask : Finding.fine;
  }
}
