// Metrics per API, read from ApiStatsTable. Only APIs with requests are exposed: a catalogue of
// thousands of idle APIs costs a scrape nothing.

import type { ApiStatsTable } from './api-stats.ts';
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
  help: 'Time spent on the upstream, of requests that reached one',
  labels: ['operation'],
};

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

  constructor(table: ApiStatsTable) {
    this.#table = table;
  }

  writeMetrics(text: MetricsText): void {
    const entries = this.#table
      .used()
      .map((stats) => ({ stats, operation: stats.operationType, labels: operationLabel(stats) }));
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
}

function operationLabel(stats: { readonly operationType: string }): string {
  return labelText(['operation'], [stats.operationType]);
}
