// The timeout filter arms the smaller of what the API and the client allow, from the end of the
// request on.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TimerWheel } from '#core/base/timer-wheel.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';
import { FilterStatus } from '../../filter.ts';
import { createTimeoutFilterFactory } from './filter.ts';

function deadlineOf(apiMs: number, clientMs: number): number {
  const clock = new ManualClock();
  clock.advance(500);
  const wheel = new TimerWheel(clock, 5);
  const filter = filterOf(createTimeoutFilterFactory(wheel), { timeoutMs: apiMs })!;
  const exchange = exchangeOf();
  exchange.receivedMs = 400;
  exchange.request.timeoutMs = clientMs;
  assert.equal(filter.requestBody!(exchange), FilterStatus.continue);
  assert.equal(wheel.armedCount, 1);
  return exchange.deadlineMs - exchange.receivedMs;
}

describe('timeout filter', () => {
  test('gives the time of the API', () => assert.equal(deadlineOf(3000, 0), 3000));
  test('or that of the client, when it is less', () => assert.equal(deadlineOf(3000, 200), 200));
  test('but not more than the API', () => assert.equal(deadlineOf(3000, 9000), 3000));
  test('an asked-for time of the whole counts as the API', () => {
    assert.equal(deadlineOf(3000, 3000), 3000);
  });
});
