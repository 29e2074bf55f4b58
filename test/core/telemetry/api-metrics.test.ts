// Figures of APIs as Prometheus text, read back by the parser of the tests.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { ApiMetrics } from '#core/telemetry/api-metrics.ts';
import { ApiStatsTable, type ApiStats } from '#core/telemetry/api-stats.ts';
import { renderMetrics } from '#core/telemetry/prometheus.ts';
import { parseExposition, valueOf, type Family } from './support/prometheus-parser.ts';

const REQUESTS = 'mgw_api_requests_total';

function expose(table: ApiStatsTable, apisMax?: number): Map<string, Family> {
  return parseExposition(renderMetrics([new ApiMetrics(table, apisMax)]));
}

function operations(families: ReadonlyMap<string, Family>): (string | undefined)[] {
  return families.get(REQUESTS)!.samples.map((sample) => sample.labels.get('operation'));
}

function ok(stats: ApiStats): void {
  stats.record(1000, '', 120, 80, 1, 2);
}

describe('ApiMetrics', () => {
  test('exposes results, reasons, bytes and durations of an API', () => {
    const table = new ApiStatsTable();
    const stats = table.acquire('demo.echo');
    ok(stats);
    ok(stats);
    stats.record(4001, 'GW_TIMEOUT', 3e6, 3e6, 10, 0);
    const families = expose(table);
    const operation = 'demo.echo';
    assert.equal(valueOf(families, REQUESTS, { operation, code: '1000' }), 2);
    assert.equal(valueOf(families, REQUESTS, { operation, code: '4001' }), 1);
    assert.equal(
      valueOf(families, 'mgw_api_failures_total', { operation, reason: 'GW_TIMEOUT' }),
      1,
    );
    assert.equal(valueOf(families, 'mgw_api_request_bytes_total', { operation }), 12);
    assert.equal(valueOf(families, 'mgw_api_response_bytes_total', { operation }), 4);
    const bucket = 'mgw_api_request_duration_seconds_bucket';
    assert.equal(valueOf(families, bucket, { operation, le: '0.0002' }), 2);
    assert.equal(valueOf(families, 'mgw_api_upstream_duration_seconds_count', { operation }), 3);
  });

  test('idle APIs are left out, and the upstream histogram of those that reached none', () => {
    const table = new ApiStatsTable();
    table.acquire('idle');
    table.acquire('refused').record(2000, 'GW_SESSION_MISSING', 20, -1, 0, 0);
    const families = expose(table);
    assert.deepEqual(operations(families), ['refused']);
    assert.deepEqual(families.get('mgw_api_upstream_duration_seconds')!.samples, []);
  });

  test('beyond the limit the later acquired are summed up with the overflow', () => {
    const table = new ApiStatsTable(3);
    for (const name of ['c', 'a', 'b', 'd', 'e']) ok(table.acquire(name));
    ok(table.unknown);
    const families = expose(table, 2);
    assert.deepEqual(operations(families), ['a', 'c', '_other', '_unknown']);
    assert.equal(valueOf(families, REQUESTS, { operation: '_other', code: '1000' }), 3);
    assert.equal(table.overflow.requests, 2, 'summing up changes no figure');
  });
});
