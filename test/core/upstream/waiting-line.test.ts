// The waiting line against a list: first come, first served; bounds in number and time; every call
// leaves exactly once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import { UpstreamCounters } from '#core/telemetry/counters.ts';
import { WaitingLine } from '#core/upstream/waiting-line.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';
import { TestCall } from './support/test-call.ts';

const WAITERS_MAX = 4;
const WAIT_MS = 100;

function makeLine(): {
  readonly clock: ManualClock;
  readonly counters: UpstreamCounters;
  readonly line: WaitingLine;
  readonly failed: { readonly call: TestCall; readonly error: GatewayError }[];
} {
  const clock = new ManualClock();
  clock.advance(1000);
  const counters = new UpstreamCounters();
  const failed: { call: TestCall; error: GatewayError }[] = [];
  const line = new WaitingLine({
    clock,
    waitersMax: WAITERS_MAX,
    waitMs: WAIT_MS,
    counters,
    fail: (call, error) => failed.push({ call: call as TestCall, error }),
  });
  return { clock, counters, line, failed };
}

describe('WaitingLine', () => {
  test('a call that joins is linked and retained; the bytes it came from may go', () => {
    const { line } = makeLine();
    const call = new TestCall().fill('body');
    line.join(call);
    call.request.source.fill(0, 0, 0);
    assert.equal(call.link, line);
    assert.equal(call.isRetained, true);
    assert.equal(line.shift(), call);
    assert.equal(call.link, null);
  });

  test('LIMIT: one call too many fails at once and is not kept', () => {
    const { line, failed, counters } = makeLine();
    for (let i = 0; i < WAITERS_MAX; i++) line.join(new TestCall());
    const late = new TestCall();
    line.join(late);
    assert.deepEqual(failed, [{ call: late, error: Errors.upstreamPoolFull }]);
    assert.equal(late.link, null);
    assert.equal(line.count, WAITERS_MAX);
    assert.equal(counters.waitsRefused, 1);
  });

  test('LIMIT: 64 MiB of bodies wait at most, however few the calls', () => {
    const { line, failed } = makeLine();
    const large = new TestCall().fill('x'.repeat(40 * 1024 * 1024));
    const late = new TestCall().fill('y'.repeat(30 * 1024 * 1024));
    line.join(large);
    line.join(late);
    assert.deepEqual(failed, [{ call: late, error: Errors.upstreamPoolFull }]);
    line.leave(large);
    line.join(late);
    assert.equal(line.count, 1);
  });

  test('each call waits its own time', () => {
    const { clock, line, failed } = makeLine();
    const [first, second] = [new TestCall(), new TestCall()];
    line.join(first);
    clock.advance(60);
    line.join(second);
    clock.advance(39);
    assert.equal(failed.length, 0);
    clock.advance(1);
    assert.deepEqual(failed, [{ call: first, error: Errors.upstreamWaitTimeout }]);
    clock.advance(59);
    assert.equal(failed.length, 1);
    clock.advance(1);
    assert.equal(failed[1]?.call, second);
    assert.equal(clock.timerCount, 0);
  });

  test('leave is nothing for a call that is not in the line', () => {
    const { line } = makeLine();
    const [call, other] = [new TestCall(), new TestCall()];
    line.join(call);
    other.link = {};
    line.leave(other);
    assert.equal(line.count, 1);
  });

  test('failAll empties the line, though a failing call joins again', () => {
    const { line, failed } = makeLine();
    const calls = Array.from({ length: 3 }, () => new TestCall());
    for (const call of calls) line.join(call);
    line.failAll(Errors.draining);
    assert.deepEqual(
      failed.map(({ call }) => call),
      calls,
    );
    assert.equal(line.count, 0);
  });

  test('property: behaves as a list of calls with deadlines', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('join' as const), n: fc.constant(0) }),
      fc.record({ kind: fc.constant('shift' as const), n: fc.constant(0) }),
      fc.record({ kind: fc.constant('leave' as const), n: fc.nat(5) }),
      fc.record({ kind: fc.constant('advance' as const), n: fc.nat(70) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const { clock, line, failed, counters } = makeLine();
        let model: { call: TestCall; dueMs: number }[] = [];
        for (const { kind, n } of steps) {
          if (kind === 'join') {
            const call = new TestCall();
            line.join(call);
            if (model.length < WAITERS_MAX) model.push({ call, dueMs: clock.nowMs() + WAIT_MS });
          } else if (kind === 'shift') {
            assert.equal(line.shift(), model.shift()?.call ?? null);
          } else if (kind === 'leave' && model.length > 0) {
            const [gone] = model.splice(n % model.length, 1);
            line.leave(gone!.call);
            assert.equal(gone!.call.link, null);
          } else if (kind === 'advance') {
            const before = failed.length;
            clock.advance(n);
            const due = model.filter(({ dueMs }) => dueMs <= clock.nowMs()).map(({ call }) => call);
            model = model.filter(({ dueMs }) => dueMs > clock.nowMs());
            assert.deepEqual(
              failed.slice(before).map(({ call }) => call),
              due,
            );
          }
          assert.equal(line.count, model.length);
          assert.equal(counters.waiters, model.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});
