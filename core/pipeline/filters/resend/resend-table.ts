// Requests that clients may repeat (Mmtp CAN_RESEND), by session or device and REQUEST_ID: those
// that run, with the repetitions that wait for them, and for 60 s the answers of those that ended.
// LIMIT: entries, in all and of one owner, and bytes of kept answers; the oldest go first.
// Invariant: a request that runs is never forgotten, or its repetition would run beside it. What
// may go is a list in the order of ending, so every step costs the same however much is held.

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

/** Bytes that an answer counts as; of texts the characters. */
function sizeOf({ memo, tips, headers, body }: KeptAnswer): number {
  let size = body.length + memo.length + tips.length;
  for (const text of headers) size += text.length;
  return size;
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
  readonly owner: ResendOwner;
  isRunning = true;
  /** When it is forgotten; counts from its end. */
  expiresMs = Infinity;
  /** Null while running, and when the answer was not kept. */
  answer: KeptAnswer | null = null;
  answerBytes = 0;
  readonly waiters: ResendWaiter[] = [];
  /** Neighbours among those that ended, in the order of ending. The table owns them. */
  previous: ResendEntry | null = null;
  next: ResendEntry | null = null;
  /** The one of the same owner that ended after it. */
  nextOfOwner: ResendEntry | null = null;

  constructor(key: string, owner: ResendOwner) {
    this.key = key;
    this.owner = owner;
  }
}

/** The session or device whose requests they are. */
class ResendOwner {
  readonly name: string;
  count = 0;
  /** Of those that ended. */
  oldest: ResendEntry | null = null;
  newest: ResendEntry | null = null;

  constructor(name: string) {
    this.name = name;
  }
}

/** How long a request is remembered after its end. Ms; docs/mmtp.md. */
export const RESEND_KEEP_MS = 60_000;

/** LIMIT: remembered requests of a lane; 60 s at 1,000 resendable requests a second. */
export const ENTRIES_MAX = 65_536;

/**
 * LIMIT: remembered requests of one session or device, so that no single one pushes out those of
 * all others; 60 s at 68 a second, and the default of open streams of a connection.
 */
export const OWNER_ENTRIES_MAX = 4096;

/** LIMIT: bytes of kept answers of a lane, with their headers and texts. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

/** LIMIT: a larger answer is not kept. */
const ONE_ANSWER_BYTES_MAX = 256 * 1024;

/** LIMIT: repetitions that wait for one request. */
export const WAITERS_MAX = 8;

/** The table of one lane. */
export class ResendTable {
  readonly #entries = new Map<string, ResendEntry>();
  readonly #owners = new Map<string, ResendOwner>();
  #answerBytes = 0;
  /** Of those that ended. */
  #oldest: ResendEntry | null = null;
  #newest: ResendEntry | null = null;
  /** No entry before this one has an answer; null: none has. */
  #oldestAnswered: ResendEntry | null = null;

  get size(): number {
    return this.#entries.size;
  }

  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** The entry of `key` if it is still remembered. */
  find(key: string, nowMs: number): ResendEntry | undefined {
    while (this.#oldest !== null && this.#oldest.expiresMs <= nowMs) this.#forget(this.#oldest);
    return this.#entries.get(key);
  }

  /**
   * Remembers a request that starts now.
   *
   * @param owner name of the session or device
   * @param key names the request; not in the table
   * @returns null when there is no room: so many run, of this owner or of all
   */
  start(owner: string, key: string): ResendEntry | null {
    const holder = this.#enter(owner);
    const isOverShare = holder.count > OWNER_ENTRIES_MAX;
    if (isOverShare || this.#entries.size >= ENTRIES_MAX) {
      const oldest = isOverShare ? holder.oldest : this.#oldest;
      if (oldest === null) {
        this.#exit(holder);
        return null;
      }
      this.#forget(oldest);
    }
    const entry = new ResendEntry(key, holder);
    this.#entries.set(key, entry);
    return entry;
  }

  /**
   * Notes the end of a running request and tells who waits.
   *
   * @param answer null: it ended without one that a repetition could have; the next waiter runs
   */
  finish(entry: ResendEntry, answer: KeptAnswer | null, nowMs: number): void {
    if (answer === null) {
      for (let next = entry.waiters.shift(); next !== undefined; next = entry.waiters.shift()) {
        if (next.tell(null)) return;
      }
      this.#forget(entry);
      return;
    }
    entry.expiresMs = nowMs + RESEND_KEEP_MS;
    this.#append(entry);
    const bytes = sizeOf(answer);
    if (bytes <= ONE_ANSWER_BYTES_MAX) {
      entry.answer = answer;
      entry.answerBytes = bytes;
      this.#answerBytes += bytes;
      this.#oldestAnswered ??= entry;
      this.#dropOldestAnswers();
    }
    for (const waiter of entry.waiters.splice(0)) waiter.tell(answer);
  }

  /** Frees the place of somebody who ended while it waited; nothing when it was told already. */
  leave(waiter: ResendWaiter): void {
    const { waiters } = waiter.entry;
    const at = waiters.indexOf(waiter);
    if (at >= 0) waiters.splice(at, 1);
  }

  /** The owner with one request more. */
  #enter(name: string): ResendOwner {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = new ResendOwner(name);
      this.#owners.set(name, owner);
    }
    owner.count++;
    return owner;
  }

  #exit(owner: ResendOwner): void {
    owner.count--;
    if (owner.count === 0) this.#owners.delete(owner.name);
  }

  /** Adds one that ended to both lists. */
  #append(entry: ResendEntry): void {
    const { owner } = entry;
    entry.isRunning = false;
    entry.previous = this.#newest;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.next = entry;
    this.#newest = entry;
    if (owner.newest === null) owner.oldest = entry;
    else owner.newest.nextOfOwner = entry;
    owner.newest = entry;
  }

  /** Ends with the last entry, whatever was counted. */
  #dropOldestAnswers(): void {
    let entry = this.#oldestAnswered;
    while (entry !== null && this.#answerBytes > ANSWER_BYTES_MAX) {
      this.#dropAnswer(entry);
      entry = entry.next;
    }
    this.#oldestAnswered = entry;
  }

  #dropAnswer(entry: ResendEntry): void {
    if (entry.answer === null) return;
    this.#answerBytes -= entry.answerBytes;
    entry.answer = null;
  }

  /** @param entry one that was given up while it ran, or the oldest of its owner that ended */
  #forget(entry: ResendEntry): void {
    const { owner, previous, next } = entry;
    this.#entries.delete(entry.key);
    this.#exit(owner);
    if (entry.isRunning) return;
    this.#dropAnswer(entry);
    if (this.#oldestAnswered === entry) this.#oldestAnswered = next;
    if (previous === null) this.#oldest = next;
    else previous.next = next;
    if (next === null) this.#newest = previous;
    else next.previous = previous;
    owner.oldest = entry.nextOfOwner;
    if (owner.oldest === null) owner.newest = null;
  }
}
