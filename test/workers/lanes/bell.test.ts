// The race between a side that falls asleep and one that writes for it, forced: every order in
// which their steps can meet is played through. Whatever the order, a record that is there is seen
// by the one who falls asleep, or rung for. The same for room in a full ring.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Doorbell, Sleep } from '#workers/lanes/bell.ts';
import { RingReader, RingWriter } from '#workers/lanes/ring.ts';
import { TurnKeeper } from '#workers/lanes/turn.ts';

const PLACE = { base: 64, size: 16, written: 0, read: 16 };
const SLEEPER = { sleeps: 32, wantsRoom: 48 };

/** Every order of `a` and `b` that keeps the order within each. */
function* orders<T>(a: readonly T[], b: readonly T[]): Generator<T[]> {
  if (a.length === 0 || b.length === 0) {
    yield [...a, ...b];
    return;
  }
  for (const rest of orders(a.slice(1), b)) yield [a[0]!, ...rest];
  for (const rest of orders(a, b.slice(1))) yield [b[0]!, ...rest];
}

function createSides() {
  const words = new Int32Array(new SharedArrayBuffer((PLACE.base + PLACE.size) * 4));
  const rings: number[] = [];
  return {
    writer: new RingWriter(words, PLACE),
    reader: new RingReader(words, PLACE),
    sleep: new Sleep(words, SLEEPER),
    bell: new Doorbell(words, SLEEPER, () => rings.push(1)),
    rings,
  };
}

type Side = ReturnType<typeof createSides>;
type Step = (side: Side, seen: { isSeen: boolean }) => void;

describe('falling asleep while the other side writes', () => {
  const sleeper: readonly Step[] = [
    ({ sleep }) => sleep.begin(false),
    ({ reader }, seen) => (seen.isSeen ||= reader.look()),
  ];
  const writer: readonly Step[] = [({ writer: w }) => w.publish(), ({ bell }) => bell.wake()];

  test('a record is seen or rung for, in every order', () => {
    let count = 0;
    for (const order of orders(sleeper, writer)) {
      const side = createSides();
      side.writer.begin(1, 4);
      const seen = { isSeen: false };
      for (const step of order) step(side, seen);
      assert.ok(seen.isSeen || side.rings.length > 0, `order ${count}`);
      count++;
    }
    assert.equal(count, 6);
  });

  test('room is seen or rung for, in every order', () => {
    const wanting: readonly Step[] = [
      ({ sleep }) => sleep.begin(true),
      ({ writer: w }, seen) => (seen.isSeen ||= w.hasNewRoom()),
    ];
    const giving: readonly Step[] = [
      ({ reader }) => reader.release(),
      ({ bell }) => bell.wakeForRoom(),
    ];
    for (const order of orders(wanting, giving)) {
      const side = createSides();
      side.writer.begin(1, 16);
      side.writer.publish();
      assert.equal(side.writer.hasRoom(1), false);
      side.reader.look();
      side.reader.next();
      const seen = { isSeen: false };
      for (const step of order) step(side, seen);
      assert.ok(seen.isSeen || side.rings.length > 0);
    }
  });

  test('two records in one sleep ring once, the next sleep is rung for again', () => {
    const { writer: w, bell, sleep, rings } = createSides();
    for (let round = 1; round <= 3; round++) {
      sleep.begin(false);
      for (let i = 0; i < 2; i++) {
        w.begin(1, 2);
        w.publish();
        bell.wake();
      }
      assert.equal(rings.length, round);
      sleep.end();
      bell.wake();
      assert.equal(rings.length, round, 'nobody rings for who is awake');
    }
  });

  test('who does not want room is not woken for it', () => {
    const { bell, sleep, rings } = createSides();
    sleep.begin(false);
    bell.wakeForRoom();
    assert.equal(rings.length, 0);
  });
});

describe('TurnKeeper', () => {
  function keeperOf(work: number[], options: { expecting: boolean; canSleep?: boolean }) {
    const events: string[] = [];
    const keeper = new TurnKeeper(
      {
        work: () => work.shift() ?? 0,
        isExpecting: () => options.expecting,
        trySleep: () => {
          events.push('sleep');
          return options.canSleep ?? true;
        },
        wake: () => events.push('wake'),
        turnAgain: () => events.push('again'),
      },
      3,
    );
    return { keeper, events };
  }

  test('turns on while something is expected, then sleeps; work begins anew', () => {
    const { keeper, events } = keeperOf([0, 0, 5, 0, 0, 0], { expecting: true });
    for (let i = 0; i < 6; i++) keeper.end();
    assert.deepEqual(events, ['again', 'again', 'again', 'again', 'again', 'sleep']);
    assert.equal(keeper.isAsleep, true);
    keeper.end();
    assert.equal(events[6], 'wake');
    assert.deepEqual([keeper.turns, keeper.emptyTurns], [7, 6]);
  });

  test('sleeps at once when nothing is expected, unless there is something already', () => {
    const calm = keeperOf([0], { expecting: false });
    calm.keeper.end();
    assert.deepEqual(calm.events, ['sleep']);
    const late = keeperOf([0], { expecting: false, canSleep: false });
    late.keeper.end();
    assert.deepEqual(late.events, ['sleep', 'again']);
  });
});
