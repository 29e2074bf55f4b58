// HOT PATH. What happened per API: results, reasons, bytes and durations. One writer; recording a
// success allocates nothing. Keyed by operation type and independent of configuration snapshots, so
// that an API keeps its figures when the configuration is replaced.
// LIMIT: the number of entries; operation types of unknown APIs come from peers and never get one.

import { RESULT_CODES, ResultCode } from '#core/base/result-codes.ts';
import { LatencyHistogram, type HistogramData, type LatencySummary } from './histogram.ts';

/** Known result codes in ascending order; the slot after the last one counts all others. */
const CODES = RESULT_CODES.map((entry) => entry.code);
const OTHER_SLOT = CODES.length;

/** Code to slot for every code below the table's size. */
const SLOT_BY_CODE = new Uint8Array(8192).fill(OTHER_SLOT);
for (const [slot, code] of CODES.entries()) SLOT_BY_CODE[code] = slot;

/** LIMIT: distinct reasons per API; custom filters may bring their own, the rest is `other`. */
const REASONS_MAX = 64;

/** Label of whatever is outside a closed or bounded set. */
const OTHER = 'other';

/** The figures of one API. */
export class ApiStats {
  readonly operationType: string;
  requestBytes = 0;
  responseBytes = 0;
  /** From the first byte of the request to the answer handed to the client's connection. */
  readonly latency = new LatencyHistogram();
  /** The share of it spent on the upstream; only requests that reached one. */
  readonly upstreamLatency = new LatencyHistogram();
  readonly #byResult = new Float64Array(OTHER_SLOT + 1);
  #byReason: Map<string, number> | null = null;

  constructor(operationType: string) {
    this.operationType = operationType;
  }

  /** Completed requests. */
  get requests(): number {
    return this.latency.count;
  }

  /** Requests that ended with another code than 1000. */
  get failures(): number {
    return this.latency.count - this.resultCount(ResultCode.success);
  }

  /**
   * Counts one completed request.
   *
   * @param resultCode what the client was told
   * @param reasonCode code of the GatewayError, or '' when there was none
   * @param costUs whole duration in µs
   * @param upstreamCostUs duration of the upstream call in µs; negative when there was none
   */
  record(
    resultCode: number,
    reasonCode: string,
    costUs: number,
    upstreamCostUs: number,
    requestBytes: number,
    responseBytes: number,
  ): void {
    const slot = SLOT_BY_CODE[resultCode] ?? OTHER_SLOT;
    this.#byResult[slot] = this.#byResult[slot]! + 1;
    this.requestBytes += requestBytes;
    this.responseBytes += responseBytes;
    this.latency.record(costUs);
    if (upstreamCostUs >= 0) this.upstreamLatency.record(upstreamCostUs);
    if (reasonCode !== '') this.#recordReason(reasonCode);
  }

  /**
   * Requests that ended with `code`; any code outside the closed set answers the sum of all such.
   */
  resultCount(code: number): number {
    return this.#byResult[SLOT_BY_CODE[code] ?? OTHER_SLOT]!;
  }

  /** Calls `visit` for every code seen, as text, in ascending order and `other` last. */
  eachResult(visit: (code: string, count: number) => void): void {
    for (let slot = 0; slot <= OTHER_SLOT; slot++) {
      const count = this.#byResult[slot]!;
      if (count > 0) visit(slot === OTHER_SLOT ? OTHER : String(CODES[slot]), count);
    }
  }

  /** Calls `visit` for every reason seen, in alphabetical order. */
  eachReason(visit: (reason: string, count: number) => void): void {
    if (this.#byReason === null) return;
    const reasons = [...this.#byReason.keys()].sort();
    for (const reason of reasons) visit(reason, this.#byReason.get(reason)!);
  }

  /** Adds everything that `other` holds. Cold path. */
  merge(other: ApiStats): void {
    this.add(other.toData());
  }

  /** Everything as plain data; what it holds is not copied. Cold path. */
  toData(): ApiData {
    return {
      operationType: this.operationType,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      results: this.#byResult,
      reasons: [...(this.#byReason ?? [])],
      latency: this.latency.toData(),
      upstreamLatency: this.upstreamLatency.toData(),
    };
  }

  /** Adds what the same API on another thread gave by `toData`. Cold path. */
  add(other: ApiData): void {
    for (let slot = 0; slot <= OTHER_SLOT; slot++) {
      this.#byResult[slot] = this.#byResult[slot]! + other.results[slot]!;
    }
    this.requestBytes += other.requestBytes;
    this.responseBytes += other.responseBytes;
    this.latency.add(other.latency);
    this.upstreamLatency.add(other.upstreamLatency);
    for (const [reason, count] of other.reasons) this.#recordReason(reason, count);
  }

  /** Everything as plain data, for the admin API. */
  summary(): ApiSummary {
    const results: Record<string, number> = {};
    const reasons: Record<string, number> = {};
    this.eachResult((code, count) => (results[code] = count));
    this.eachReason((reason, count) => (reasons[reason] = count));
    return {
      operationType: this.operationType,
      requests: this.requests,
      failures: this.failures,
      results,
      reasons,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      latency: this.latency.summary(),
      upstreamLatency: this.upstreamLatency.summary(),
    };
  }

  #recordReason(reason: string, count = 1): void {
    const byReason = (this.#byReason ??= new Map<string, number>());
    const known = byReason.get(reason);
    if (known !== undefined) byReason.set(reason, known + count);
    else if (byReason.size < REASONS_MAX) byReason.set(reason, count);
    else byReason.set(OTHER, (byReason.get(OTHER) ?? 0) + count);
  }
}

/** {@link ApiStats} as other threads are sent it. */
export interface ApiData {
  readonly operationType: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** By slot of the result code. */
  readonly results: Float64Array;
  readonly reasons: readonly (readonly [reason: string, count: number])[];
  readonly latency: HistogramData;
  readonly upstreamLatency: HistogramData;
}

/** {@link ApiStats} as data for people. */
export interface ApiSummary {
  readonly operationType: string;
  readonly requests: number;
  readonly failures: number;
  readonly results: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly latency: LatencySummary;
  readonly upstreamLatency: LatencySummary;
}

/**
 * LIMIT: default number of APIs with figures of their own; one costs about 5 KB once it is used.
 */
export const API_STATS_MAX = 10_000;

/** Operation type under which requests for no known API are counted. */
export const UNKNOWN_API = '_unknown';

/** Operation type under which APIs beyond the limit are counted together. */
export const OVERFLOW_API = '_other';

/** The figures of all APIs of one thread. */
export class ApiStatsTable {
  /** For requests whose operation type is missing or belongs to no API. */
  readonly unknown = new ApiStats(UNKNOWN_API);
  /** For APIs beyond the limit. */
  readonly overflow = new ApiStats(OVERFLOW_API);
  readonly #entries = new Map<string, ApiStats>();
  readonly #entriesMax: number;

  /** @param entriesMax APIs with figures of their own, at least 1 */
  constructor(entriesMax = API_STATS_MAX) {
    this.#entriesMax = entriesMax;
  }

  /** APIs with figures of their own. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * The figures of a configured API: the same object for the same operation type. Called when a
   * configuration is compiled, not per request.
   */
  acquire(operationType: string): ApiStats {
    const known = this.#entries.get(operationType);
    if (known !== undefined) return known;
    if (operationType === UNKNOWN_API) return this.unknown;
    if (operationType === OVERFLOW_API) return this.overflow;
    if (this.#entries.size >= this.#entriesMax) return this.overflow;
    const made = new ApiStats(operationType);
    this.#entries.set(operationType, made);
    return made;
  }

  /**
   * Forgets APIs that `isConfigured` denies, so that a long life of changing configurations does
   * not fill the table. Call it after a configuration was applied and before APIs are acquired for
   * it; requests still open keep counting into an object that nobody reads any more.
   */
  prune(isConfigured: (operationType: string) => boolean): void {
    for (const operationType of this.#entries.keys()) {
      if (!isConfigured(operationType)) this.#entries.delete(operationType);
    }
  }

  /** Everything with requests, the collective entries included. Cold path. */
  toData(): ApiData[] {
    const all = [...this.used(), this.overflow, this.unknown];
    return all.filter((stats) => stats.requests > 0).map((stats) => stats.toData());
  }

  /** Adds what the table of another thread gave by `toData`. Cold path. */
  add(apis: readonly ApiData[]): void {
    for (const api of apis) this.acquire(api.operationType).add(api);
  }

  /** APIs with requests, in the order in which they were acquired, without the collective ones. */
  used(): ApiStats[] {
    return [...this.#entries.values()].filter((stats) => stats.requests > 0);
  }

  /** Figures of everything with requests, by operation type; the collective ones come last. */
  summaries(): ApiSummary[] {
    const all = this.used().sort(byOperationType);
    if (this.overflow.requests > 0) all.push(this.overflow);
    if (this.unknown.requests > 0) all.push(this.unknown);
    return all.map((stats) => stats.summary());
  }
}

/** Order of code units: the same everywhere, whatever the locale. */
export function byOperationType(a: ApiStats, b: ApiStats): number {
  if (a.operationType === b.operationType) return 0;
  return a.operationType < b.operationType ? -1 : 1;
}
