// Metrics per API, read from ApiStatsTable. Only APIs with requests are exposed, so a catalogue of
// thousands of idle ones costs a scrape nothing; of the busy ones the first acquired stand alone
// and the rest is summed up, because a scrape runs on the thread that serves requests.

import { ApiStats, byOperationType, OVERFLOW_API, type ApiStatsTable } from './api-stats.ts';
import { labelText, type MetricFamily, type MetricSource, type MetricsText } from './prometheus.ts';

const REQUESTS: MetricFamily = {
  name: 'mgw_api_requests_total',
  type: 'counter',
  help: 'Completed requests by result code',
  labels: ['operation', 'code'],
};
const FAILURES: MetricFamily = {
  name: 'mgw_api_failures_total',
  type: 'counter',
  help: 'Requests that did not end well, by reason',
  labels: ['operation', 'reason'],
};
const REQUEST_BYTES: MetricFamily = {
  name: 'mgw_api_request_bytes_total',
  type: 'counter',
  help: 'Bytes of request bodies',
  labels: ['operation'],
};
const RESPONSE_BYTES: MetricFamily = {
  name: 'mgw_api_response_bytes_total',
  type: 'counter',
  help: 'Bytes of response bodies',
  labels: ['operation'],
};
const DURATION: MetricFamily = {
  name: 'mgw_api_request_duration_seconds',
  type: 'histogram',
  help: 'Time from the request to the answer handed to the client connection',
  labels: ['operation'],
};
const UPSTREAM_DURATION: MetricFamily = {
  name: 'mgw_api_upstream_duration_seconds',
  type: 'histogram',
  help:
    'Time spent on the upstream, of requests that reached one; by Mmtp from the read that ' +
    'brought the request to the one that brought the answer',
  labels: ['operation'],
};

/**
 * LIMIT: APIs with metrics of their own. One is 50 lines; 250 take a scrape about 10 ms. The admin
 * API's `/apis` has all of them. The order of acquisition never changes, so an API can only move
 * into the sum and the sum never falls while the process lives, unless APIs are removed.
 */
export const API_METRICS_MAX = 250;

/** Exposes the figures of all APIs of one thread. */
export class ApiMetrics implements MetricSource {
  readonly families: readonly MetricFamily[] = [
    REQUESTS,
    FAILURES,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    DURATION,
    UPSTREAM_DURATION,
  ];
  readonly #table: ApiStatsTable;
  readonly #apisMax: number;

  /** @param apisMax APIs with metrics of their own */
  constructor(table: ApiStatsTable, apisMax = API_METRICS_MAX) {
    this.#table = table;
    this.#apisMax = apisMax;
  }

  writeMetrics(text: MetricsText): void {
    const entries = this.#exposed().map((stats) => ({
      stats,
      operation: stats.operationType,
      labels: labelText(['operation'], [stats.operationType]),
    }));
    text.family(REQUESTS);
    for (const { stats, operation } of entries) {
      stats.eachResult((code, count) =>
        text.sample(labelText(REQUESTS.labels, [operation, code]), count),
      );
    }
    text.family(FAILURES);
    for (const { stats, operation } of entries) {
      stats.eachReason((reason, count) =>
        text.sample(labelText(FAILURES.labels, [operation, reason]), count),
      );
    }
    text.family(REQUEST_BYTES);
    for (const { stats, labels } of entries) text.sample(labels, stats.requestBytes);
    text.family(RESPONSE_BYTES);
    for (const { stats, labels } of entries) text.sample(labels, stats.responseBytes);
    text.family(DURATION);
    for (const { stats, labels } of entries) text.histogram(labels, stats.latency);
    text.family(UPSTREAM_DURATION);
    for (const { stats, labels } of entries) {
      if (stats.upstreamLatency.count > 0) text.histogram(labels, stats.upstreamLatency);
    }
  }

  #exposed(): ApiStats[] {
    const used = this.#table.used();
    const exposed = used.slice(0, this.#apisMax).sort(byOperationType);
    const rest = new ApiStats(OVERFLOW_API);
    rest.merge(this.#table.overflow);
    for (let i = this.#apisMax; i < used.length; i++) rest.merge(used[i]!);
    if (rest.requests > 0) exposed.push(rest);
    if (this.#table.unknown.requests > 0) exposed.push(this.#table.unknown);
    return exposed;
  }
}
