// CPU time by role of a thread, and what capacity it means.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadResult } from '#bench/load/tally.ts';
import { projectedQps, threadMedians, usageByRole } from '#bench/rig/thread-usage.ts';

const thread = (id: number, name: string, cpuUs: number) => ({ id, name, cpuUs });

function resultOf(requests: number, acceptorUs: number, laneUs: number): LoadResult {
  const threads = [thread(7, 'node-MainThread', acceptorUs), thread(9, 'WorkerThread', laneUs)];
  return {
    requests,
    wrong: 0,
    unanswered: 0,
    problems: {},
    seconds: 1,
    qps: requests,
    p50Us: 1,
    p90Us: 1,
    p99Us: 1,
    maxUs: 1,
    lateP99Us: 0,
    loadCpuUs: 1,
    watched: { cpuUs: acceptorUs + laneUs, rssMb: 1, threads },
  };
}

describe('thread usage', () => {
  test('usageByRole numbers lanes in the order of their threads and sums V8', () => {
    const found = usageByRole([
      thread(30, 'WorkerThread', 4),
      thread(12, 'node-V8Worker', 1),
      thread(21, 'WorkerThread', 5),
      thread(10, 'node-MainThread', 9),
      thread(13, 'node-V8Worker', 2),
      thread(14, 'libuv-worker', 3),
    ]);
    assert.deepEqual(Object.fromEntries(found), {
      acceptor: 9,
      V8: 3,
      'libuv-worker': 3,
      'lane 1': 5,
      'lane 2': 4,
    });
  });

  test('threadMedians is per request, by role, without those that did nothing', () => {
    const results = [resultOf(10, 50, 0), resultOf(10, 70, 0), resultOf(100, 600, 100)];
    assert.deepEqual(threadMedians(results), { acceptor: 6 });
    assert.deepEqual(threadMedians([{ ...resultOf(10, 1, 1), watched: null }]), {});
  });

  test('projectedQps is what the busiest thread has time for', () => {
    assert.equal(projectedQps(resultOf(1000, 10_000, 8000)), 100_000);
    assert.equal(projectedQps(resultOf(1000, 5000, 8000)), 125_000);
    assert.equal(projectedQps({ ...resultOf(1000, 1, 1), watched: null }), null);
    assert.equal(projectedQps(resultOf(0, 5000, 8000)), null);
  });
});
