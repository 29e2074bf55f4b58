// Delays between attempts, and the slot of a host that keeps to them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import type { Random } from '#core/base/clock.ts';
import { Backoff } from '#core/upstream/backoff.ts';
import { connectError } from '#core/upstream/contract.ts';
import { HostSlot } from '#core/upstream/host-slot.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';

function fixedRandom(unit: number): Random {
  return { unit: () => unit, fill: () => {}, identify: () => {} };
}

describe('Backoff', () => {
  test('doubles from the least to the most', () => {
    const backoff = new Backoff(100, 1000, fixedRandom(1));
    const delays = Array.from({ length: 6 }, () => backoff.failed());
    assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000]);
  });

  test('jitters between half and all of the delay', () => {
    assert.equal(new Backoff(100, 1000, fixedRandom(0)).failed(), 50);
    assert.equal(new Backoff(100, 1000, fixedRandom(0.5)).failed(), 75);
  });

  test('a success starts over', () => {
    const backoff = new Backoff(100, 1000, fixedRandom(1));
    backoff.failed();
    backoff.failed();
    backoff.succeeded();
    assert.equal(backoff.failed(), 100);
  });

  test('never overflows, however long a host is gone', () => {
    const backoff = new Backoff(1, 60_000, fixedRandom(1));
    for (let i = 0; i < 5000; i++) assert.ok(backoff.failed() <= 60_000);
  });
});

describe('HostSlot', () => {
  const address = { host: 'service', port: 1 };
  const delays = { reconnectMinMs: 100, reconnectMaxMs: 1000 };

  test('is failing until the time for the next attempt', () => {
    const clock = new ManualClock();
    const slot = new HostSlot(address, clock, fixedRandom(1), delays);
    let retries = 0;
    slot.failed(Errors.upstreamConnectRefused, () => retries++);
    assert.equal(slot.isFailing, true);
    assert.equal(slot.lastError, Errors.upstreamConnectRefused);
    clock.advance(99);
    assert.equal(retries, 0);
    clock.advance(1);
    assert.equal(retries, 1);
    assert.equal(slot.isFailing, false);
  });

  test('failures that come together count once', () => {
    const clock = new ManualClock();
    const slot = new HostSlot(address, clock, fixedRandom(1), delays);
    let retries = 0;
    for (let i = 0; i < 5; i++) slot.failed(Errors.upstreamReset, () => retries++);
    clock.advance(100);
    assert.equal(retries, 1);
    slot.failed(Errors.upstreamReset, () => retries++);
    clock.advance(199);
    assert.equal(retries, 1);
    clock.advance(1);
    assert.equal(retries, 2);
  });

  test('a connection or a close ends the waiting', () => {
    const clock = new ManualClock();
    const slot = new HostSlot(address, clock, fixedRandom(1), delays);
    slot.failed(Errors.upstreamReset, () => assert.fail('retried'));
    slot.connected();
    assert.equal(slot.isFailing, false);
    assert.equal(slot.lastError, null);
    slot.failed(Errors.upstreamReset, () => assert.fail('retried'));
    slot.close();
    assert.equal(clock.timerCount, 0);
  });
});

test('connectError tells what the system said', () => {
  assert.equal(connectError('ENOTFOUND'), Errors.upstreamHostUnknown);
  assert.equal(connectError('EAI_AGAIN'), Errors.upstreamHostUnknown);
  assert.equal(connectError('ECONNREFUSED'), Errors.upstreamConnectRefused);
  assert.equal(connectError('ETIMEDOUT'), Errors.upstreamConnectTimeout);
  assert.equal(connectError('EHOSTUNREACH'), Errors.upstreamConnectFailed);
});
