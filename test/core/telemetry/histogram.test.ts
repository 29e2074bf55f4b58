// The latency histogram against sorted samples: bounds of buckets, quantiles, sums.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { EXPORT_BOUNDS_US, LatencyHistogram } from '#core/telemetry/histogram.ts';

/** Durations of every size class, bounds and their neighbours included. */
const duration = fc.oneof(
  fc.double({ min: 0, max: 60, noNaN: true }),
  fc.double({ min: 0, max: Math.log(2e8), noNaN: true }).map((x) => Math.exp(x)),
  fc.constantFrom(...EXPORT_BOUNDS_US),
  fc.constantFrom(...EXPORT_BOUNDS_US).map((bound) => Math.min(bound + 1, 2e8)),
  fc.integer({ min: 0, max: 2e8 }),
);

function filled(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

function cumulative(histogram: LatencyHistogram): number[] {
  const counts = new Float64Array(EXPORT_BOUNDS_US.length);
  histogram.cumulative(counts);
  return [...counts];
}

describe('LatencyHistogram', () => {
  test('a quantile is within 5 % (2.5 µs) of the exact one', () => {
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const sorted = values.toSorted((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
          const estimate = filled(values).quantile(q);
          const allowed = Math.max(2.5, exact * 0.05) + 1e-6;
          assert(Math.abs(estimate - exact) <= allowed, `${estimate} for ${exact}`);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('exported counts are exact, bounds included', () => {
    fc.assert(
      fc.property(fc.array(duration, { maxLength: 100 }), (values) => {
        const exact = EXPORT_BOUNDS_US.map((bound) => values.filter((v) => v <= bound).length);
        assert.deepEqual(cumulative(filled(values)), exact);
      }),
      { numRuns: 1000 },
    );
  });

  test('merging equals recording everything in one', () => {
    fc.assert(
      fc.property(fc.array(duration), fc.array(duration), (a, b) => {
        const merged = filled(a);
        merged.merge(filled(b));
        const together = filled([...a, ...b]);
        assert.deepEqual(cumulative(merged), cumulative(together));
        assert.equal(merged.count, together.count);
        assert.equal(merged.maxUs, together.maxUs);
        assert(Math.abs(merged.sumUs - together.sumUs) <= 1e-9 * together.sumUs);
        assert.equal(merged.quantile(0.9), together.quantile(0.9));
      }),
      { numRuns: 300 },
    );
  });

  test('bounds are round, rise and reach 120 s', () => {
    assert.equal(EXPORT_BOUNDS_US[0], 50);
    assert(EXPORT_BOUNDS_US.at(-1)! >= 120e6);
    for (const [i, bound] of EXPORT_BOUNDS_US.entries()) {
      assert(i === 0 || bound > EXPORT_BOUNDS_US[i - 1]!);
      assert.match(String(bound), /^[125]0*$/);
    }
  });

  test('durations beyond the last bound count in the total and the maximum only', () => {
    const histogram = filled([100, 3e8, 5e9]);
    assert.equal(cumulative(histogram).at(-1), 1);
    assert.equal(histogram.count, 3);
    assert.equal(histogram.maxUs, 5e9);
    assert.equal(histogram.quantile(1), 5e9);
    assert.equal(histogram.quantile(0.5), 5e9);
  });

  test('negative and NaN durations count as zero', () => {
    const histogram = filled([-5, Number.NaN, -Infinity]);
    assert.equal(histogram.count, 3);
    assert.equal(histogram.sumUs, 0);
    assert.equal(cumulative(histogram)[0], 3);
  });

  test('an empty histogram answers zeros', () => {
    const histogram = new LatencyHistogram();
    assert.equal(histogram.quantile(0.5), 0);
    assert.deepEqual(histogram.summary(), {
      count: 0,
      meanUs: 0,
      p50Us: 0,
      p90Us: 0,
      p99Us: 0,
      p999Us: 0,
      maxUs: 0,
    });
    assert.deepEqual(new Set(cumulative(histogram)), new Set([0]));
    histogram.merge(new LatencyHistogram());
    assert.equal(histogram.count, 0);
  });
});
