// The open calls of one Mmtp connection by stream id, with the timer and the signal that may end
// them. Invariant: a call leaves the table in the moment it settles, and settles once.

import { STREAM_ID_MAX } from '#core/codec/mmtp/types.ts';
import { MmtpClientError } from './mmtp-client-error.ts';

interface OpenCall<T> {
  readonly startedMs: number;
  readonly resolve: (answer: T) => void;
  readonly reject: (reason: unknown) => void;
  readonly timer: NodeJS.Timeout;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

/** A call that was just opened. */
export interface OpenedCall<T> {
  readonly streamId: number;
  readonly answer: Promise<T>;
}

/** Calls by stream id; `T` is the answer. */
export class CallTable<T> {
  readonly #calls = new Map<number, OpenCall<T>>();
  readonly #onGivenUp: (streamId: number) => void;
  #nextStreamId: number;

  /**
   * @param onGivenUp called for a call that timed out or was aborted, after it left the table
   * @param firstStreamId odd
   */
  constructor(onGivenUp: (streamId: number) => void, firstStreamId = 1) {
    this.#onGivenUp = onGivenUp;
    this.#nextStreamId = firstStreamId;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Opens a call that is given up after `deadlineMs` or when `signal` aborts. */
  open(deadlineMs: number, signal: AbortSignal | undefined): OpenedCall<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const streamId = this.allocateStreamId();
    const giveUp = (reason: unknown): void => {
      this.fail(streamId, reason);
      this.#onGivenUp(streamId);
    };
    const timer = setTimeout(() => {
      giveUp(new MmtpClientError('MMTP_TIMEOUT', `No answer within ${deadlineMs} ms`));
    }, deadlineMs);
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const startedMs = performance.now();
    this.#calls.set(streamId, { startedMs, resolve, reject, timer, signal, onAbort });
    return { streamId, answer: promise };
  }

  /** The next odd id that no open call has; starts again at 1 after 2^31 - 1. */
  allocateStreamId(): number {
    let streamId = this.#nextStreamId;
    while (this.#calls.has(streamId)) streamId = following(streamId);
    this.#nextStreamId = following(streamId);
    return streamId;
  }

  /** Milliseconds since the call was opened; -1 when it is not open (any more). */
  elapsedMs(streamId: number): number {
    const call = this.#calls.get(streamId);
    return call === undefined ? -1 : performance.now() - call.startedMs;
  }

  /** Settles a call with its answer. */
  resolve(streamId: number, answer: T): void {
    this.#remove(streamId)?.resolve(answer);
  }

  /** Settles a call with an error. */
  fail(streamId: number, reason: unknown): void {
    this.#remove(streamId)?.reject(reason);
  }

  /** Settles the calls above `lastStream` with an error; -1: all of them. */
  failAbove(lastStream: number, reason: unknown): void {
    for (const streamId of this.#calls.keys()) {
      if (streamId > lastStream) this.fail(streamId, reason);
    }
  }

  #remove(streamId: number): OpenCall<T> | undefined {
    const call = this.#calls.get(streamId);
    if (call === undefined) return undefined;
    this.#calls.delete(streamId);
    clearTimeout(call.timer);
    call.signal?.removeEventListener('abort', call.onAbort);
    return call;
  }
}

function following(streamId: number): number {
  return streamId === STREAM_ID_MAX ? 1 : streamId + 2;
}
