// The timer wheel against a model: a plain list of deadlines. Time moves only when a test moves it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { TimerWheel, UNARMED, type TimerNode } from '#core/base/timer-wheel.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';

const TICK_MS = 5;
const SLOTS = 1024;

class Node implements TimerNode {
  timerPrev: TimerNode | null = null;
  timerNext: TimerNode | null = null;
  timerTick = 0;
  timerSlot = UNARMED;
  fired = 0;
  onFire: () => void = () => {};

  onDeadline(): void {
    this.fired++;
    this.onFire();
  }
}

function wheelAt(startMs = 1000): { clock: ManualClock; wheel: TimerWheel } {
  const clock = new ManualClock();
  clock.advance(startMs);
  return { clock, wheel: new TimerWheel(clock, TICK_MS) };
}

describe('TimerWheel', () => {
  test('fires within two ticks of the deadline and never before it', () => {
    for (let delayMs = 0; delayMs < 23; delayMs += 1) {
      const { clock, wheel } = wheelAt(1003);
      const node = new Node();
      wheel.arm(node, clock.nowMs() + delayMs);
      let waitedMs = 0;
      while (node.fired === 0) {
        clock.advance(1);
        waitedMs++;
      }
      assert.ok(waitedMs > delayMs, `${delayMs} fired after ${waitedMs}`);
      assert.ok(waitedMs <= delayMs + 2 * TICK_MS + 1, `${delayMs} fired after ${waitedMs}`);
    }
  });

  test('a deadline in the past fires at the next tick', () => {
    const { clock, wheel } = wheelAt();
    const node = new Node();
    wheel.arm(node, clock.nowMs() - 500);
    assert.equal(node.fired, 0);
    clock.advance(2 * TICK_MS);
    assert.equal(node.fired, 1);
  });

  test('a deadline of a later round waits for its round', () => {
    const { clock, wheel } = wheelAt();
    const near = new Node();
    const far = new Node();
    wheel.arm(near, clock.nowMs() + 10);
    wheel.arm(far, clock.nowMs() + 10 + SLOTS * TICK_MS);
    clock.advance(SLOTS * TICK_MS);
    assert.deepEqual([near.fired, far.fired], [1, 0]);
    clock.advance(10 + 2 * TICK_MS);
    assert.deepEqual([near.fired, far.fired], [1, 1]);
  });

  test('arming again replaces the deadline', () => {
    const { clock, wheel } = wheelAt();
    const node = new Node();
    wheel.arm(node, clock.nowMs() + 10);
    wheel.arm(node, clock.nowMs() + 1000);
    assert.equal(wheel.armedCount, 1);
    clock.advance(500);
    assert.equal(node.fired, 0);
    clock.advance(510);
    assert.equal(node.fired, 1);
  });

  test('after a pause longer than a round everything due fires once', () => {
    const { clock, wheel } = wheelAt();
    const nodes = Array.from({ length: 3000 }, () => new Node());
    nodes.forEach((node, index) => wheel.arm(node, clock.nowMs() + index * TICK_MS));
    const later = new Node();
    wheel.arm(later, clock.nowMs() + 60_000);
    jump(clock, 3000 * TICK_MS + 2 * TICK_MS);
    wheel.advance();
    assert.ok(nodes.every(({ fired }) => fired === 1));
    assert.equal(later.fired, 0);
  });

  test('a callback may disarm a node that is due in the same tick', () => {
    const { clock, wheel } = wheelAt();
    const [a, b] = [new Node(), new Node()];
    a.onFire = () => wheel.disarm(b);
    b.onFire = () => wheel.disarm(a);
    wheel.arm(a, clock.nowMs() + 10);
    wheel.arm(b, clock.nowMs() + 10);
    clock.advance(100);
    assert.equal(a.fired + b.fired, 1);
    assert.equal(wheel.armedCount, 0);
  });

  test('a callback may arm its own node again', () => {
    const { clock, wheel } = wheelAt();
    const node = new Node();
    node.onFire = () => wheel.arm(node, clock.nowMs() + 50);
    wheel.arm(node, clock.nowMs() + 50);
    clock.advance(1000);
    assert.ok(node.fired >= 15 && node.fired <= 20, String(node.fired));
  });

  test('a callback that arms for now does not keep the wheel busy for ever', () => {
    const { clock, wheel } = wheelAt();
    const node = new Node();
    node.onFire = () => wheel.arm(node, clock.nowMs());
    wheel.arm(node, clock.nowMs());
    clock.advance(10 * TICK_MS);
    assert.ok(node.fired <= 10, String(node.fired));
  });

  test('no system timer runs while nothing is armed', () => {
    const { clock, wheel } = wheelAt();
    assert.equal(clock.timerCount, 0);
    const node = new Node();
    wheel.arm(node, clock.nowMs() + 10);
    assert.equal(clock.timerCount, 1);
    wheel.disarm(node);
    clock.advance(2 * TICK_MS);
    assert.equal(clock.timerCount, 0);
  });

  test('after close nothing fires, and nodes are free', () => {
    const { clock, wheel } = wheelAt();
    const nodes = [new Node(), new Node()];
    for (const node of nodes) wheel.arm(node, clock.nowMs() + 10);
    wheel.close();
    assert.equal(clock.timerCount, 0);
    assert.equal(wheel.armedCount, 0);
    for (const node of nodes) {
      assert.equal(node.timerSlot, UNARMED);
      wheel.disarm(node);
    }
    assert.equal(wheel.armedCount, 0);
    clock.advance(1000);
    assert.deepEqual(
      nodes.map(({ fired }) => fired),
      [0, 0],
    );
  });
});

/** Moves the clock without letting timers run on the way: the process was stopped. */
function jump(clock: ManualClock, ms: number): void {
  const nowMs = clock.nowMs() + ms;
  clock.nowMs = () => nowMs;
}

/** One step of a random run. */
type Step =
  | { readonly kind: 'arm'; readonly node: number; readonly inMs: number }
  | { readonly kind: 'disarm'; readonly node: number }
  | { readonly kind: 'advance'; readonly ms: number };

const NODES = 12;

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('arm' as const),
      node: fc.nat(NODES - 1),
      inMs: fc.oneof(fc.integer({ min: -20, max: 200 }), fc.integer({ min: 0, max: 20_000 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('disarm' as const), node: fc.nat(NODES - 1) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 9000 })),
    }),
  },
);

test('property: TimerWheel fires what a list of deadlines would, in bounds', () => {
  const runs = fc.record({
    steps: fc.array(stepArbitrary, { maxLength: 60, size: 'max' }),
    // A node that fires disarms this other one; -1: it does nothing.
    disarms: fc.array(fc.integer({ min: -1, max: NODES - 1 }), {
      minLength: NODES,
      maxLength: NODES,
    }),
  });
  fc.assert(
    fc.property(runs, ({ steps, disarms }) => {
      const { clock, wheel } = wheelAt();
      const dueMs = new Map<number, number>();
      const nodes = Array.from({ length: NODES }, () => new Node());
      nodes.forEach((node, index) => {
        node.onFire = () => {
          const due = dueMs.get(index);
          assert.ok(due !== undefined, `${index} fired without a deadline`);
          assert.ok(due < clock.nowMs(), `${index} fired ${due - clock.nowMs()} ms early`);
          dueMs.delete(index);
          const other = disarms[index]!;
          if (other >= 0) {
            wheel.disarm(nodes[other]!);
            dueMs.delete(other);
          }
        };
      });
      for (const step of steps) {
        if (step.kind === 'advance') {
          clock.advance(step.ms);
          const lateMs = clock.nowMs() - Math.min(...dueMs.values());
          assert.ok(lateMs <= 2 * TICK_MS, `${lateMs} ms late`);
        } else if (step.kind === 'arm') {
          wheel.arm(nodes[step.node]!, clock.nowMs() + step.inMs);
          dueMs.set(step.node, Math.max(clock.nowMs() - 1, clock.nowMs() + step.inMs));
        } else {
          wheel.disarm(nodes[step.node]!);
          dueMs.delete(step.node);
        }
        assert.equal(wheel.armedCount, dueMs.size);
      }
      clock.advance(30_000);
      assert.equal(dueMs.size, 0, 'something never fired');
      assert.equal(wheel.armedCount, 0);
    }),
    { numRuns: 300 },
  );
});
