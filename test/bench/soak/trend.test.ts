// What a soak says about figures over time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { figuresOf, parts, quarters, slope } from '#bench/soak/trend.ts';

const MINUTE_MS = 60_000;

describe('soak trend', () => {
  test('quarters takes medians of the first and the last quarter', () => {
    assert.deepEqual(quarters([9, 1, 50, 50, 50, 50, 7, 3]), { first: 5, last: 5 });
    assert.deepEqual(quarters([1, 2, 3, 4]), { first: 1, last: 4 });
    assert.deepEqual(quarters([8]), { first: 8, last: 8 });
  });

  test('parts are medians of equal stretches, in order', () => {
    assert.deepEqual(parts([1, 9, 2, 5, 5, 7], 3), [5, 3.5, 6]);
    assert.deepEqual(parts([1, 2, 3, 4, 5], 2), [1.5, 4]);
    assert.deepEqual(parts([4, 2], 12), [4, 2]);
    assert.deepEqual(parts([], 12), []);
  });

  test('slope fits a line', () => {
    const points = [0, 1, 2, 3].map((x) => [x, 2 * x + 5] as const);
    assert.equal(slope(points), 2);
    assert.equal(slope([[3, 3]]), 0);
    const scattered = [
      [0, 1],
      [0, 3],
      [2, 4],
      [2, 6],
    ] as const;
    assert.equal(slope(scattered), 1.5);
  });

  test('figuresOf tells growth per hour', () => {
    const samples = Array.from({ length: 9 }, (_, minute) => ({
      atMs: minute * MINUTE_MS,
      rssMb: 80 + minute,
      heapMb: 20,
      fds: 40 - minute,
      connections: 6,
    }));
    const figures = figuresOf(samples, { cancel: 2 });
    assert.equal(figures.samples, 9);
    assert.equal(figures.rssMbPerHour, 60);
    assert.equal(figures.heapMbPerHour, 0);
    assert.deepEqual(figures.rssPartsMb, [80, 81, 82, 83, 84, 85, 86, 87, 88]);
    assert.deepEqual([figures.rssFirstMb, figures.rssLastMb], [81, 87]);
    assert.deepEqual([figures.fdsFirst, figures.fdsLast], [39, 33]);
    assert.deepEqual([figures.connectionsFirst, figures.connectionsLast], [6, 6]);
    assert.deepEqual(figures.acts, { cancel: 2 });
  });
});
