// Requests that clients may repeat (Mmtp CAN_RESEND), by session or device and REQUEST_ID, for
// 60 s: those that run, with the repetitions that wait for them, and the answers of those that
// ended. LIMIT: entries and bytes of kept answers; the oldest go first.

/** An answer as it is kept. */
export interface KeptAnswer {
  readonly resultCode: number;
  readonly contentType: number;
  readonly memo: string;
  readonly tips: string;
  /** Name, value, name, value ... */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Somebody who waits for the end of a running request. */
export interface ResendWaiter {
  readonly entry: ResendEntry;
  /**
   * Tells that it has ended. Without an answer the waiter is asked to run in its place and says
   * whether it does: it may have ended while it waited.
   */
  readonly tell: (answer: KeptAnswer | null) => boolean;
}

/** One request that may be repeated. */
export class ResendEntry {
  readonly key: string;
  readonly expiresMs: number;
  isRunning = true;
  /** Null while running, and when the answer was not kept. */
  answer: KeptAnswer | null = null;
  readonly waiters: ResendWaiter[] = [];

  constructor(key: string, expiresMs: number) {
    this.key = key;
    this.expiresMs = expiresMs;
  }
}

/** How long a request is remembered. Ms; docs/mmtp.md. */
export const RESEND_KEEP_MS = 60_000;

/** LIMIT: remembered requests of a lane; 60 s at 1,000 resendable requests a second. */
const ENTRIES_MAX = 65_536;

/** LIMIT: bytes of kept answers of a lane. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/** LIMIT: a larger answer is not kept. */
const ONE_ANSWER_BYTES_MAX = 256 * 1024;

/** LIMIT: repetitions that wait for one request. */
export const WAITERS_MAX = 8;

/** The table of one lane. */
export class ResendTable {
  readonly #entries = new Map<string, ResendEntry>();
  #answerBytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** The entry of `key` if it is still remembered. */
  find(key: string, nowMs: number): ResendEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.isRunning || entry.expiresMs > nowMs) return entry;
    this.#forget(entry);
    return undefined;
  }

  /** Remembers a request that starts now. */
  start(key: string, nowMs: number): ResendEntry {
    this.#expire(nowMs);
    const entry = new ResendEntry(key, nowMs + RESEND_KEEP_MS);
    this.#entries.set(key, entry);
    return entry;
  }

  /**
   * Notes the end of a running request and tells who waits. The answer is kept, and counted, only
   * when the table still holds this very entry: of one that it forgot nobody would take it back.
   *
   * @param answer null: it ended without one that a repetition could have; the next waiter runs
   */
  finish(entry: ResendEntry, answer: KeptAnswer | null): void {
    if (answer === null) {
      for (let next = entry.waiters.shift(); next !== undefined; next = entry.waiters.shift()) {
        if (next.tell(null)) return;
      }
      this.#forget(entry);
      return;
    }
    entry.isRunning = false;
    const isHeld = this.#entries.get(entry.key) === entry;
    if (isHeld && answer.body.length <= ONE_ANSWER_BYTES_MAX) {
      entry.answer = answer;
      this.#answerBytes += answer.body.length;
    }
    for (const waiter of entry.waiters.splice(0)) waiter.tell(answer);
    if (this.#answerBytes > ANSWER_BYTES_MAX) this.#dropOldestAnswers();
  }

  /** Frees the place of somebody who ended while it waited; nothing when it was told already. */
  leave(waiter: ResendWaiter): void {
    const { waiters } = waiter.entry;
    const at = waiters.indexOf(waiter);
    if (at >= 0) waiters.splice(at, 1);
  }

  /** Oldest first, because a Map keeps the order of insertion. */
  #expire(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      const isOver = entry.expiresMs <= nowMs || this.#entries.size >= ENTRIES_MAX;
      if (!isOver) return;
      this.#forget(entry);
    }
  }

  /** Ends with the last entry, whatever was counted. */
  #dropOldestAnswers(): void {
    for (const entry of this.#entries.values()) {
      if (this.#answerBytes <= ANSWER_BYTES_MAX) return;
      if (entry.answer === null) continue;
      this.#answerBytes -= entry.answer.body.length;
      entry.answer = null;
    }
  }

  #forget(entry: ResendEntry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    this.#entries.delete(entry.key);
    if (entry.answer !== null) this.#answerBytes -= entry.answer.body.length;
  }
}
