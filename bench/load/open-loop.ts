// HOT PATH. Sends requests when they are due, whatever the answers do: due times are fixed in
// advance, at an even pace or at random gaps. A generator that is late sends what is overdue at
// once, and latency counts from the due time, so that a stalled gateway cannot hide its stall (no
// coordinated omission).

import type { RandomGaps } from './random-gaps.ts';
import type { Tally } from './tally.ts';

/** A connection as the loop sees it. */
export interface OpenLoopSender {
  readonly streams: { readonly count: number; readonly streamsMax: number };
  send(dueMs: number): void;
}

/**
 * Due times `start, start + 1/rate, start + 2/rate ...`, or random ones of the same mean rate, over
 * all connections in turn.
 */
export class OpenLoop {
  readonly #senders: readonly OpenLoopSender[];
  readonly #tally: Pick<Tally, 'sent'>;
  readonly #startMs: number;
  readonly #gapMs: number;
  readonly #gaps: RandomGaps | null;
  #endMs = Infinity;
  /** Number of the next request. Its due time is computed from the start: no rounding adds up. */
  #index = 0;
  /** Sum of the random gaps so far, in mean gaps. */
  #elapsed = 0;
  #at = 0;

  /**
   * @param rate requests per second, above 0
   * @param gaps null: an even pace
   */
  constructor(
    senders: readonly OpenLoopSender[],
    tally: Pick<Tally, 'sent'>,
    rate: number,
    startMs: number,
    gaps: RandomGaps | null = null,
  ) {
    this.#senders = senders;
    this.#tally = tally;
    this.#startMs = startMs;
    this.#gapMs = 1000 / rate;
    this.#gaps = gaps;
  }

  /** When the next request is due. */
  get nextMs(): number {
    return this.#startMs + (this.#gaps === null ? this.#index : this.#elapsed) * this.#gapMs;
  }

  /** All requests due before `endMs` were sent. */
  get isDone(): boolean {
    return this.nextMs >= this.#endMs;
  }

  /**
   * Requests that were due and not sent, with random gaps about: without them a stalled gateway
   * would look idle.
   */
  get unsent(): number {
    return this.isDone ? 0 : Math.ceil((this.#endMs - this.nextMs) / this.#gapMs);
  }

  /** No request is due at or after `endMs`. */
  stopAt(endMs: number): void {
    this.#endMs = endMs;
  }

  /** Sends what is due at `nowMs`. With all streams taken requests stay due and latency grows. */
  pump(nowMs: number): void {
    let dueMs = this.nextMs;
    while (dueMs <= nowMs && dueMs < this.#endMs) {
      const sender = this.#nextFree();
      if (sender === null) return;
      sender.send(dueMs);
      this.#tally.sent(dueMs, nowMs);
      this.#index++;
      if (this.#gaps !== null) this.#elapsed += this.#gaps.next();
      dueMs = this.nextMs;
    }
  }

  #nextFree(): OpenLoopSender | null {
    const senders = this.#senders;
    for (let i = 0; i < senders.length; i++) {
      this.#at = this.#at + 1 >= senders.length ? 0 : this.#at + 1;
      const sender = senders[this.#at]!;
      if (sender.streams.count < sender.streams.streamsMax) return sender;
    }
    return null;
  }
}
