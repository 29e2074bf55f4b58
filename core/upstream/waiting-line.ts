// Calls that wait for a connection: first come, first served, bounded in number and in time. Cold
// compared with a request that finds a connection, so it may copy the request.

import type { Clock, TimerHandle } from '#core/base/clock.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { UpstreamCounters } from '#core/telemetry/counters.ts';
import type { UpstreamCall } from './contract.ts';

/** Bounds of a {@link WaitingLine}. */
export interface WaitingLineOptions {
  readonly clock: Clock;
  readonly waitersMax: number;
  readonly waitMs: number;
  readonly counters: UpstreamCounters;
  readonly fail: (call: UpstreamCall, error: GatewayError) => void;
}

/** LIMIT: bytes of request bodies that wait in one line; many large ones must not fill memory. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** A queue of calls as an intrusive list. A call in it has `link === line`. */
export class WaitingLine {
  count = 0;
  readonly #options: WaitingLineOptions;
  /** Request bodies that wait, which their calls hold copies of. */
  #bodyBytes = 0;
  #first: UpstreamCall | null = null;
  #last: UpstreamCall | null = null;
  /** Since when each call waits is kept in call order beside the list. */
  readonly #dueMs: number[] = [];
  #timer: TimerHandle | null = null;

  constructor(options: WaitingLineOptions) {
    this.#options = options;
  }

  /** Adds a call at the end; it fails at once when the line is full. */
  join(call: UpstreamCall): void {
    const { waitersMax, counters, fail, clock, waitMs } = this.#options;
    const bytes = call.request.bodyLength;
    if (this.count >= waitersMax || this.#bodyBytes + bytes > BODY_BYTES_MAX) {
      counters.waitsRefused++;
      fail(call, Errors.upstreamPoolFull);
      return;
    }
    call.retainRequest();
    call.link = this;
    call.linkPrev = this.#last;
    call.linkNext = null;
    if (this.#last === null) this.#first = call;
    else this.#last.linkNext = call;
    this.#last = call;
    this.count++;
    this.#bodyBytes += bytes;
    counters.waitsStarted++;
    this.#dueMs.push(clock.nowMs() + waitMs);
    if (this.#timer === null) this.#timer = clock.setTimer(this.#expire, waitMs);
  }

  /** Takes the first call out, or null. */
  shift(): UpstreamCall | null {
    const call = this.#first;
    if (call !== null) {
      this.#dueMs.shift();
      this.#unlink(call);
    }
    return call;
  }

  /** Takes `call` out, wherever it stands. */
  leave(call: UpstreamCall): void {
    if (call.link !== this) return;
    let index = 0;
    for (let node = this.#first; node !== call && node !== null; node = node.linkNext) index++;
    this.#dueMs.splice(index, 1);
    this.#unlink(call);
  }

  /** Fails everything that waits, and leaves no timer behind. */
  failAll(error: GatewayError): void {
    if (this.#timer !== null) this.#options.clock.clearTimer(this.#timer);
    this.#timer = null;
    for (let call = this.shift(); call !== null; call = this.shift()) {
      this.#options.fail(call, error);
    }
  }

  readonly #expire = (): void => {
    this.#timer = null;
    const { clock, counters, fail } = this.#options;
    const nowMs = clock.nowMs();
    while (this.#dueMs.length > 0 && this.#dueMs[0]! <= nowMs) {
      counters.waitTimeouts++;
      fail(this.shift()!, Errors.upstreamWaitTimeout);
    }
    const nextMs = this.#dueMs[0];
    if (nextMs !== undefined && this.#timer === null) {
      this.#timer = clock.setTimer(this.#expire, Math.max(1, nextMs - nowMs));
    }
  };

  #unlink(call: UpstreamCall): void {
    const { linkPrev, linkNext } = call;
    if (linkPrev === null) this.#first = linkNext;
    else linkPrev.linkNext = linkNext;
    if (linkNext === null) this.#last = linkPrev;
    else linkNext.linkPrev = linkPrev;
    call.link = null;
    call.linkPrev = call.linkNext = null;
    this.count--;
    this.#bodyBytes -= call.request.bodyLength;
    this.#options.counters.waitsEnded++;
  }
}
