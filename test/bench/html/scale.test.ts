// Axes: where values stand and which get a label.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { linearScale, logScale, percentileScale } from '#bench/html/scale.ts';

const valuesOf = (scale: { readonly ticks: readonly { readonly value: number }[] }) =>
  scale.ticks.map(({ value }) => value);

describe('linearScale', () => {
  test('goes from 0 to a round number above the largest value', () => {
    const scale = linearScale(93_000);
    assert.deepEqual(valuesOf(scale), [0, 20_000, 40_000, 60_000, 80_000, 100_000]);
    assert.equal(scale.at(50_000), 0.5);
    assert.equal(scale.ticks[1]?.label, '20,000');
  });

  test('has a length even if all values are 0', () => {
    const scale = linearScale(0);
    assert.equal(scale.at(0), 0);
    assert.ok(valuesOf(scale).every(Number.isFinite));
  });
});

describe('logScale', () => {
  test('goes over whole decades', () => {
    const scale = logScale(30, 40_000);
    assert.deepEqual(valuesOf(scale), [10, 100, 1000, 10_000, 100_000]);
    assert.equal(scale.at(10), 0);
    assert.equal(scale.at(1000), 0.5);
    assert.equal(scale.at(1e9), 1);
  });

  test('labels steps between decades where there is room, and one value gets a decade', () => {
    assert.deepEqual(valuesOf(logScale(100, 100)), [100, 200, 500, 1000]);
  });
});

describe('percentileScale', () => {
  test('gives each nine the same room', () => {
    const scale = percentileScale(99.99);
    assert.deepEqual(valuesOf(scale), [0, 50, 90, 99, 99.9, 99.99]);
    assert.equal(scale.at(0), 0);
    for (const [percent, place] of [
      [90, 0.25],
      [99, 0.5],
      [99.9, 0.75],
      [99.99, 1],
    ] as const) {
      assert.ok(Math.abs(scale.at(percent) - place) < 1e-9, `${percent}`);
    }
  });

  test('labels no percentile beyond its end', () => {
    assert.deepEqual(valuesOf(percentileScale(95)), [0, 50, 90]);
  });
});
