// Figures about the event loop: windows on a manual clock, nothing measured in real time.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { EventLoopWatch, lagMs } from '#core/telemetry/event-loop.ts';
import { renderMetrics } from '#core/telemetry/prometheus.ts';
import { ManualClock } from './support/manual-clock.ts';
import { parseExposition, valueOf } from './support/prometheus-parser.ts';

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('EventLoopWatch', () => {
  test('a window holds what happened in it, and only the clock ends it', async () => {
    const clock = new ManualClock();
    const watch = new EventLoopWatch(clock, 1000);
    watch.start();
    for (let i = 0; i < 3; i++) {
      spin(45);
      await nextTurn();
    }
    assert.equal(watch.window.utilization, 0, 'no window has passed yet');
    clock.advance(1000);
    const busy = watch.window;
    assert(busy.utilization > 0.5 && busy.utilization <= 1, `utilization ${busy.utilization}`);
    assert(busy.lagMaxMs >= 20, `lag ${busy.lagMaxMs}`);
    assert(busy.lagP50Ms <= busy.lagP99Ms && busy.lagP99Ms <= busy.lagMaxMs + 0.1);
    clock.advance(1000);
    assert.equal(watch.window.lagMaxMs, 0, 'the next window starts afresh');
    watch.stop();
    assert.equal(clock.timerCount, 0);
  });

  test('lag is what exceeds the period of the monitor', () => {
    assert.equal(lagMs(20e6), 0);
    assert.equal(lagMs(19e6), 0);
    assert.equal(lagMs(45.5e6), 25.5);
  });

  test('start and stop may be repeated', () => {
    const clock = new ManualClock();
    const watch = new EventLoopWatch(clock, 1000);
    watch.stop();
    watch.start();
    watch.start();
    assert.equal(clock.timerCount, 1);
    watch.stop();
    watch.stop();
    assert.equal(clock.timerCount, 0);
  });

  test('exposes its families', () => {
    const watch = new EventLoopWatch(new ManualClock(), 1000);
    const families = parseExposition(renderMetrics([watch]));
    assert.deepEqual(
      [...families.keys()],
      watch.families.map((family) => family.name),
    );
    assert(valueOf(families, 'mgw_event_loop_active_seconds_total')! > 0);
    assert.equal(valueOf(families, 'mgw_event_loop_lag_seconds', { quantile: '0.99' }), 0);
  });
});
