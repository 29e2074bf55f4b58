// The seams for time and randomness over the real machine.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SystemRandom, systemClock } from '#core/base/clock.ts';

describe('SystemRandom', () => {
  test('fills exactly the bytes asked for', () => {
    const random = new SystemRandom();
    for (const length of [0, 1, 16, 4000, 8192, 8193, 20_000]) {
      const target = Buffer.alloc(length + 20);
      random.fill(target, 10, length);
      assert.ok(target.subarray(0, 10).every((byte) => byte === 0));
      assert.ok(target.subarray(length + 10).every((byte) => byte === 0));
      if (length >= 16) assert.ok(target.some((byte) => byte !== 0));
    }
  });

  test('never gives the same bytes twice', () => {
    const random = new SystemRandom();
    const seen = new Set<string>();
    const id = Buffer.alloc(16);
    for (let i = 0; i < 3000; i++) {
      random.fill(id, 0, 16);
      seen.add(id.toString('hex'));
    }
    assert.equal(seen.size, 3000);
  });

  test('ids: exactly the bytes asked for, all different, every bit both ways', () => {
    const ones = Array.from({ length: 128 }, () => 0);
    const seen = new Set<string>();
    for (const random of [new SystemRandom(), new SystemRandom()]) {
      const target = Buffer.alloc(24);
      for (let i = 0; i < 5000; i++) {
        random.identify(target, 4, 16);
        const id = target.subarray(4, 20);
        seen.add(id.toString('hex'));
        for (let bit = 0; bit < 128; bit++) ones[bit]! += (id[bit >> 3]! >> (bit & 7)) & 1;
      }
      assert.deepEqual([target.readUInt32LE(0), target.readUInt32LE(20)], [0, 0]);
    }
    assert.equal(seen.size, 10_000);
    // 5,000 expected; 300 is six standard deviations.
    assert.ok(ones.every((count) => Math.abs(count - 5000) < 300));
  });

  test('draws units in [0, 1)', () => {
    const random = new SystemRandom();
    for (let i = 0; i < 1000; i++) {
      const unit = random.unit();
      assert.ok(unit >= 0 && unit < 1);
    }
  });
});

describe('systemClock', () => {
  test('a cleared timer does not fire, another does', async () => {
    const cleared = systemClock.setTimer(() => assert.fail('fired'), 1);
    systemClock.clearTimer(cleared);
    // Timers of the clock do not keep the process alive; this one does.
    const alive = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 2));
    clearInterval(alive);
  });

  test('monotonic time does not run backwards; wall time is that of the machine', () => {
    const before = systemClock.nowMs();
    assert.ok(systemClock.nowMs() >= before);
    assert.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
  });
});
