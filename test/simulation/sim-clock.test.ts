// The clock that everything simulated trusts: order, clearing, timers set by timers.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { SimClock } from './sim-clock.ts';

describe('SimClock', () => {
  test('property: runs timers by time, then by the order of setting', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 100 }), (delays) => {
        const clock = new SimClock();
        const ran: number[] = [];
        delays.forEach((ms, index) => clock.setTimer(() => ran.push(index), ms));
        clock.advance(50);
        const expected = delays.map((ms, index) => ({ ms, index }));
        expected.sort((a, b) => a.ms - b.ms || a.index - b.index);
        assert.deepEqual(
          ran,
          expected.map(({ index }) => index),
        );
      }),
    );
  });

  test('a timer sees its own time; one that it sets runs in the same advance', () => {
    const clock = new SimClock(100);
    const times: number[] = [];
    clock.setTimer(() => {
      times.push(clock.nowMs());
      clock.setTimer(() => times.push(clock.nowMs()), 5);
    }, 10);
    clock.advance(20);
    assert.deepEqual(times, [110, 115]);
    assert.equal(clock.nowMs(), 120);
  });

  test('a cleared timer does not run, and does not count', () => {
    const clock = new SimClock();
    const handle = clock.setTimer(() => assert.fail('ran'), 5);
    assert.equal(clock.timerCount, 1);
    clock.clearTimer(handle);
    assert.equal(clock.timerCount, 0);
    clock.advance(10);
  });
});
