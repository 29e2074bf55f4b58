// What counts inside the window and what counts always.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tally } from '#bench/load/tally.ts';

describe('Tally', () => {
  test('counts answers of the window and the latency of requests due in it', () => {
    const tally = new Tally(process.pid);
    tally.answered(50, 60);
    tally.start(100);
    tally.answered(99, 101);
    for (let i = 1; i <= 100; i++) tally.answered(100, 100 + i / 10);
    tally.end(1100);
    tally.answered(1099, 1200);
    tally.answered(1100, 1200);
    const result = tally.result(3);
    assert.equal(result.requests, 101);
    assert.equal(result.unanswered, 3);
    assert.equal(result.seconds, 1);
    assert.equal(result.qps, 101);
    // 101 latencies: 100, 200 ... 10,000 µs, and 101,000 µs of the answer after the end.
    assert.equal(Math.round(result.p50Us / 100), 51);
    assert.ok(Math.abs(result.maxUs - 101_000) < 200);
  });

  test('tells the distribution up to the percentile that one request stands for', () => {
    const tally = new Tally(0);
    tally.start(0);
    for (let i = 1; i <= 1000; i++) tally.answered(0, i / 10);
    tally.end(1000);
    const curve = new Map(tally.result(0).percentiles);
    const percents = [...curve.keys()];
    assert.equal(percents[0], 0);
    // One of 1,000 requests is slower than the 99.9th percentile, none than the 99.95th.
    assert.equal(percents.at(-1), 99.9);
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    for (const percent of [10, 50, 90, 99]) {
      const wantedUs = percent * 1000;
      assert.ok(Math.abs(curve.get(percent)! - wantedUs) <= wantedUs / 500 + 1, `${percent} %`);
    }
    assert.equal(curve.get(0), 100);
  });

  test('counts what is wrong at any time, by kind', () => {
    const tally = new Tally(0);
    tally.complain('wrong body');
    tally.start(0);
    tally.complain('wrong body');
    tally.end(1);
    tally.complain('GOAWAY');
    const { wrong, problems, watched } = tally.result(0);
    assert.equal(wrong, 3);
    assert.deepEqual(problems, { 'wrong body': 2, GOAWAY: 1 });
    assert.equal(watched, null);
  });
});
