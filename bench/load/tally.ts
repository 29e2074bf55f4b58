// HOT PATH. What a generator counts: answers in the measured window, their latency, and everything
// that was wrong. Invariant: wrong answers count whenever they come; requests and latency only
// count inside the window.
//
//   warm-up        | window                    | rest
//   ---------------+---------------------------+----------> ms
//                startMs                     endMs

import { build } from 'hdr-histogram-js';
import type { PercentileCurve } from '../report.ts';
import { readUsage, sumUsage, usageBetween, type ProcessUsage } from '../rig/process-usage.ts';

/** LIMIT: latencies above are recorded as this. µs. */
const LATENCY_US_MAX = 60_000_000;

/** Percentiles of a curve: enough to see its shape, few enough for one line of JSON. */
const CURVE_PERCENTS: readonly number[] = [
  0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 92.5, 95, 97.5, 98, 99, 99.5, 99.75, 99.9, 99.95, 99.99,
];

/** Percentiles in µs of what a histogram holds. */
export interface Percentiles {
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** The whole distribution; none when the generator does not tell. */
  readonly percentiles?: PercentileCurve;
}

/** What a generator found in its window. */
export interface LoadResult extends Percentiles {
  /** Right answers that arrived in the window. */
  readonly requests: number;
  /** Answers that were not what they should be, at any time. */
  readonly wrong: number;
  /** Requests without an answer when the generator gave up waiting. */
  readonly unanswered: number;
  /** What was wrong, and how often. */
  readonly problems: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly qps: number;
  /** Open loop: how late requests left, 99th percentile; 0 in a closed loop. */
  readonly lateP99Us: number;
  /** CPU time of the generator in the window, µs. */
  readonly loadCpuUs: number;
  /** Usage of the watched process in the window; null when the system does not tell. */
  readonly watched: ProcessUsage | null;
}

/** Counts of one generator. */
export class Tally {
  wrong = 0;
  readonly #problems = new Map<string, number>();
  readonly #latency = createHistogram();
  readonly #lateness = createHistogram();
  readonly #watchedPid: number;
  readonly #secondPid: number;
  #startMs = Infinity;
  #endMs = Infinity;
  #requests = 0;
  #ownCpu = process.cpuUsage();
  #loadCpuUs = 0;
  #before: ProcessUsage | null = null;
  #watched: ProcessUsage | null = null;

  /**
   * @param watchedPid process whose CPU time is read at both ends of the window; 0: none
   * @param secondPid another one whose usage is added; 0: none
   */
  constructor(watchedPid: number, secondPid = 0) {
    this.#watchedPid = watchedPid;
    this.#secondPid = secondPid;
  }

  /** The window begins. @param nowMs monotonic */
  start(nowMs: number): void {
    this.#startMs = nowMs;
    this.#before = this.#read();
    this.#ownCpu = process.cpuUsage();
  }

  /** The window ends. Latencies of requests that were due in it are still taken. */
  end(nowMs: number): void {
    this.#endMs = nowMs;
    this.#watched = usageBetween(this.#before, this.#read());
    const { user, system } = process.cpuUsage(this.#ownCpu);
    this.#loadCpuUs = user + system;
  }

  /** A right answer arrived at `nowMs` for a request due at `dueMs`. */
  answered(dueMs: number, nowMs: number): void {
    if (nowMs >= this.#startMs && nowMs < this.#endMs) this.#requests++;
    if (dueMs >= this.#startMs && dueMs < this.#endMs) {
      this.#latency.recordValue(toUs(nowMs - dueMs));
    }
  }

  /** A request due at `dueMs` leaves at `nowMs`. */
  sent(dueMs: number, nowMs: number): void {
    if (dueMs >= this.#startMs) this.#lateness.recordValue(toUs(nowMs - dueMs));
  }

  /** Something is not as it should be. Cold path. */
  complain(problem: string): void {
    this.wrong++;
    this.#problems.set(problem, (this.#problems.get(problem) ?? 0) + 1);
  }

  /** @param unanswered requests that are still open */
  result(unanswered: number): LoadResult {
    const seconds = (this.#endMs - this.#startMs) / 1000;
    const latency = this.#latency;
    return {
      requests: this.#requests,
      wrong: this.wrong,
      unanswered,
      problems: Object.fromEntries(this.#problems),
      seconds,
      qps: this.#requests / seconds,
      p50Us: latency.getValueAtPercentile(50),
      p90Us: latency.getValueAtPercentile(90),
      p99Us: latency.getValueAtPercentile(99),
      maxUs: latency.maxValue,
      percentiles: curveOf(latency.totalCount, (percent) => latency.getValueAtPercentile(percent)),
      lateP99Us: this.#lateness.getValueAtPercentile(99),
      loadCpuUs: this.#loadCpuUs,
      watched: this.#watched,
    };
  }

  #read(): ProcessUsage | null {
    if (this.#watchedPid === 0) return null;
    const first = readUsage(this.#watchedPid);
    return this.#secondPid === 0 ? first : sumUsage(first, readUsage(this.#secondPid));
  }
}

function createHistogram() {
  return build({
    bitBucketSize: 32,
    autoResize: false,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
  });
}

/**
 * Points that measurements stand for: of 100 there is no 99.9th percentile.
 *
 * @param count of what was measured
 * @param usAt a percentile of it
 */
export function curveOf(count: number, usAt: (percent: number) => number): PercentileCurve {
  // Rounded, because 100 - 99.9 is a little less than 0.1.
  const above = (percent: number) => Math.round((100 - percent) * count) / 100;
  const percents = CURVE_PERCENTS.filter((percent) => above(percent) >= 1);
  return percents.map((percent) => [percent, usAt(percent)]);
}

function toUs(ms: number): number {
  return Math.min(LATENCY_US_MAX, Math.max(0, Math.round(ms * 1000)));
}
