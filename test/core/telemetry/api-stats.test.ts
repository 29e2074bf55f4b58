// Figures of one API and the table of all: counting, limits of the table, pruning.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { RESULT_CODES } from '#core/base/result-codes.ts';
import { ApiStats, ApiStatsTable, OVERFLOW_API, UNKNOWN_API } from '#core/telemetry/api-stats.ts';

function ok(stats: ApiStats, costUs = 100): void {
  stats.record(1000, '', costUs, costUs / 2, 10, 20);
}

describe('ApiStats', () => {
  test('counts results, reasons, bytes and durations', () => {
    const stats = new ApiStats('demo.echo');
    ok(stats);
    ok(stats);
    stats.record(4001, 'GW_TIMEOUT', 3_000_000, 2_999_000, 5, 0);
    stats.record(2000, 'GW_SESSION_MISSING', 30, -1, 7, 0);
    const summary = stats.summary();
    assert.equal(summary.requests, 4);
    assert.equal(summary.failures, 2);
    assert.deepEqual(summary.results, { 1000: 2, 2000: 1, 4001: 1 });
    assert.deepEqual(summary.reasons, { GW_SESSION_MISSING: 1, GW_TIMEOUT: 1 });
    assert.equal(summary.requestBytes, 32);
    assert.equal(summary.responseBytes, 40);
    assert.equal(summary.latency.count, 4);
    assert.equal(summary.latency.maxUs, 3_000_000);
    assert.equal(summary.upstreamLatency.count, 3);
  });

  test('every known code has a place of its own, all others share one', () => {
    const stats = new ApiStats('x');
    for (const { code } of RESULT_CODES) stats.record(code, '', 1, -1, 0, 0);
    for (const code of [0, -1, 999, 8191, 8192, 1e9, 1000.5, Number.NaN]) {
      stats.record(code, '', 1, -1, 0, 0);
    }
    for (const { code } of RESULT_CODES) assert.equal(stats.resultCount(code), 1);
    assert.equal(stats.resultCount(999), 8);
    const seen: string[] = [];
    stats.eachResult((code) => seen.push(code));
    assert.deepEqual(seen, [...RESULT_CODES.map(({ code }) => String(code)), 'other']);
  });

  test('reasons are bounded', () => {
    const stats = new ApiStats('x');
    for (let i = 0; i < 1000; i++) stats.record(5000, `R${i}`, 1, -1, 0, 0);
    const reasons = stats.summary().reasons;
    assert(Object.keys(reasons).length <= 65);
    assert.equal(
      Object.values(reasons).reduce((a, b) => a + b),
      1000,
    );
    assert(reasons['other']! > 900);
  });

  test('merging equals counting everything in one', () => {
    const request = fc.record({
      code: fc.constantFrom(1000, 2000, 4001, 4242),
      reason: fc.constantFrom('', 'A', 'B'),
      costUs: fc.integer({ min: 0, max: 1e6 }),
      upstreamUs: fc.integer({ min: -1, max: 1e6 }),
    });
    type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;
    const count = (stats: ApiStats, requests: Request[]): ApiStats => {
      for (const { code, reason, costUs, upstreamUs } of requests) {
        stats.record(code, reason, costUs, upstreamUs, 1, 2);
      }
      return stats;
    };
    fc.assert(
      fc.property(fc.array(request), fc.array(request), (a, b) => {
        const merged = count(new ApiStats('x'), a);
        merged.merge(count(new ApiStats('x'), b));
        assert.deepEqual(merged.summary(), count(new ApiStats('x'), [...a, ...b]).summary());
      }),
      { numRuns: 200 },
    );
  });
});

describe('ApiStatsTable', () => {
  test('the same operation type keeps its figures', () => {
    const table = new ApiStatsTable();
    ok(table.acquire('demo.echo'));
    ok(table.acquire('demo.echo'));
    assert.equal(table.acquire('demo.echo').requests, 2);
    assert.equal(table.size, 1);
  });

  test('is bounded: what does not fit is counted together', () => {
    const table = new ApiStatsTable(2);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => table.acquire(name));
    assert.notEqual(a, b);
    assert.equal(c, table.overflow);
    assert.equal(d, table.overflow);
    assert.equal(table.size, 2);
  });

  test('the names of the collective entries never get a second entry', () => {
    const table = new ApiStatsTable();
    assert.equal(table.acquire(OVERFLOW_API), table.overflow);
    assert.equal(table.acquire(UNKNOWN_API), table.unknown);
    assert.equal(table.size, 0);
  });

  test('prune forgets removed APIs only and makes room', () => {
    const table = new ApiStatsTable(2);
    ok(table.acquire('stays'));
    ok(table.acquire('goes'));
    table.prune((operationType) => operationType === 'stays');
    assert.equal(table.acquire('stays').requests, 1);
    assert.notEqual(table.acquire('new'), table.overflow);
  });

  test('lists used entries in order, the collective ones last', () => {
    const table = new ApiStatsTable(3);
    for (const name of ['b', 'idle', 'a', 'too many']) table.acquire(name);
    ok(table.acquire('b'));
    ok(table.acquire('a'));
    ok(table.overflow);
    ok(table.unknown);
    assert.deepEqual(
      table.used().map((stats) => stats.operationType),
      ['b', 'a'],
    );
    assert.deepEqual(
      table.summaries().map((summary) => summary.operationType),
      ['a', 'b', OVERFLOW_API, UNKNOWN_API],
    );
  });
});
