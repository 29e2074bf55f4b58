// A small load run, closed loop: every stream of every connection sends its next call when it has
// the answer to the last one. Every answer's code is looked at. Open loops, checked bodies and CPU
// figures are left to the generators of bench/.

import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import { ResultCode } from '#core/base/result-codes.ts';
import { CallFailure } from './target.ts';
import type { CallConnection, CallTarget } from './target.ts';

/** Size of a run. */
export interface LoadPlan {
  /** Calls altogether. */
  readonly count: number;
  readonly connections: number;
  /** Calls open at once on each connection. */
  readonly streams: number;
}

/** LIMIT: longest time the histogram tells apart, in µs: an hour. */
const US_MAX = 3_600_000_000;
/** Digits of a latency that count. */
const DIGITS = 3;
/** LIMIT: kinds of errors that are counted apart. */
const ERROR_KINDS_MAX = 20;
const OTHER_ERRORS = 'other errors';

/** What a run has seen so far. */
export class LoadTally {
  readonly codes = new Map<number, number>();
  /** Calls without an answer, by reason. */
  readonly errors = new Map<string, number>();
  answers = 0;
  failures = 0;
  /** Longest latency; the histogram knows it only to its digits. */
  maxUs = 0;
  firstFailure: CallFailure | null = null;
  /** µs of every answer, whatever its code. */
  readonly #latencyUs: RecordableHistogram = createHistogram({ highest: US_MAX, figures: DIGITS });
  #startedMs = 0;
  #endedMs = 0;

  /** Calls that ended, one way or the other. */
  get finished(): number {
    return this.answers + this.failures;
  }

  /** Seconds since the first call; stands still after the last one. */
  get seconds(): number {
    const untilMs = this.#endedMs === 0 ? performance.now() : this.#endedMs;
    return (untilMs - this.#startedMs) / 1000;
  }

  /** Answers per second. */
  get rate(): number {
    return this.answers / Math.max(this.seconds, 1e-6);
  }

  /**
   * The latency in µs that `percentile` percent of the answers do not exceed.
   *
   * @param percentile above 0, at most 100
   */
  percentileUs(percentile: number): number {
    return Math.min(this.#latencyUs.percentile(percentile), this.maxUs);
  }

  /** Every one of `count` calls was answered with 1000. */
  isGood(count: number): boolean {
    return this.codes.get(ResultCode.success) === count;
  }

  start(): void {
    this.#startedMs = performance.now();
  }

  stop(): void {
    this.#endedMs = performance.now();
  }

  addAnswer(resultCode: number, ms: number): void {
    const us = Math.min(US_MAX, Math.max(1, Math.round(ms * 1000)));
    this.answers++;
    this.#latencyUs.record(us);
    if (us > this.maxUs) this.maxUs = us;
    this.codes.set(resultCode, (this.codes.get(resultCode) ?? 0) + 1);
  }

  addFailure(failure: CallFailure): void {
    this.failures++;
    this.firstFailure ??= failure;
    const { message } = failure;
    const isKnown = this.errors.has(message) || this.errors.size < ERROR_KINDS_MAX;
    const kind = isKnown ? message : OTHER_ERRORS;
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
  }
}

/**
 * Runs the calls and counts into `tally`; the clock starts when all connections are open.
 *
 * @param signal stops sending; calls that are open still get their answer
 * @throws CallFailure when a connection cannot be opened at the start
 */
export async function runLoad(
  target: CallTarget,
  plan: LoadPlan,
  tally: LoadTally,
  signal: AbortSignal,
): Promise<void> {
  const connections = await openAll(target, Math.min(plan.connections, plan.count));
  let left = plan.count;
  const tryTake = (): boolean => {
    if (left === 0 || signal.aborted) return false;
    left--;
    return true;
  };
  tally.start();
  const workers = connections.flatMap((connection) => {
    const streams = Math.min(plan.streams, Math.ceil(plan.count / connections.length));
    return Array.from({ length: streams }, () => work(connection, tryTake, tally));
  });
  try {
    await Promise.all(workers);
  } finally {
    tally.stop();
    await closeAll(connections);
  }
}

/** One stream: calls until there is nothing left, or no connection any more. */
async function work(
  connection: CallConnection,
  tryTake: () => boolean,
  tally: LoadTally,
): Promise<void> {
  while (tryTake()) {
    try {
      const { resultCode, ms } = await connection.call();
      tally.addAnswer(resultCode, ms);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      tally.addFailure(error);
      if (error.isUnreachable) return;
    }
  }
}

async function openAll(target: CallTarget, count: number): Promise<readonly CallConnection[]> {
  const opening = Array.from({ length: count }, () => target.connect());
  const settled = await Promise.allSettled(opening);
  const open = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) return open;
  await closeAll(open);
  throw failed.reason;
}

async function closeAll(connections: readonly CallConnection[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.close()));
}
