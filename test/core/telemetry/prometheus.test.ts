// The text exposition format: what is written is read back by an independent parser.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { LatencyHistogram } from '#core/telemetry/histogram.ts';
import { labelText, MetricsText, type MetricFamily } from '#core/telemetry/prometheus.ts';
import { parseExposition, valueOf } from './support/prometheus-parser.ts';

const GAUGE: MetricFamily = { name: 'a_gauge', type: 'gauge', help: 'Help', labels: ['x', 'y'] };
const HISTOGRAM: MetricFamily = { name: 'h_seconds', type: 'histogram', help: 'H', labels: ['x'] };

describe('MetricsText', () => {
  test('writes families and samples as given', () => {
    const text = new MetricsText();
    text.family(GAUGE);
    text.sample(labelText(['x', 'y'], ['1', '2']), 3.5);
    text.family({ ...GAUGE, name: 'plain', labels: [] });
    text.sample('', -1e-9);
    assert.equal(
      text.toString(),
      '# HELP a_gauge Help\n# TYPE a_gauge gauge\na_gauge{x="1",y="2"} 3.5\n' +
        '# HELP plain Help\n# TYPE plain gauge\nplain -1e-9\n',
    );
  });

  test('any label value, help and number survives', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 20 });
    const special = fc.array(fc.constantFrom('\\', '"', '\n', 'n', ' ', '}', ','), {
      maxLength: 8,
    });
    const value = fc.oneof(
      anyText,
      special.map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(value, value, value, fc.double(), (x, y, help, number) => {
        const text = new MetricsText();
        text.family({ ...GAUGE, help: `h${help.replaceAll('\r', '')}` });
        text.sample(labelText(['x', 'y'], [x, y]), number);
        const families = parseExposition(text.toString());
        assert.equal(families.get('a_gauge')?.help, `h${help.replaceAll('\r', '')}`);
        const read = valueOf(families, 'a_gauge', { x, y });
        assert(Object.is(read, number) || read === number, `${read} for ${number}`);
      }),
      { numRuns: 1000 },
    );
  });

  test('a histogram is exposed in seconds with cumulative buckets', () => {
    const histogram = new LatencyHistogram();
    for (const us of [50, 51, 100, 1_000_000, 9e9]) histogram.record(us);
    const text = new MetricsText();
    text.family(HISTOGRAM);
    text.histogram(labelText(['x'], ['1']), histogram);
    const families = parseExposition(text.toString());
    const at = (le: string): number | undefined =>
      valueOf(families, 'h_seconds_bucket', { x: '1', le });
    assert.equal(at('0.00005'), 1);
    assert.equal(at('0.0001'), 3);
    assert.equal(at('0.5'), 3);
    assert.equal(at('1'), 4);
    assert.equal(at('200'), 4);
    assert.equal(at('+Inf'), 5);
    assert.equal(valueOf(families, 'h_seconds_count', { x: '1' }), 5);
    assert.equal(valueOf(families, 'h_seconds_sum', { x: '1' }), (50 + 51 + 100 + 1e6 + 9e9) / 1e6);
  });

  test('a histogram without labels is well-formed', () => {
    const text = new MetricsText();
    text.family({ ...HISTOGRAM, labels: [] });
    text.histogram('', new LatencyHistogram());
    assert.equal(valueOf(parseExposition(text.toString()), 'h_seconds_count'), 0);
  });

  test('refuses what would make a wrong exposition', () => {
    const text = new MetricsText();
    assert.throws(() => text.sample('', 1));
    text.family(GAUGE);
    assert.throws(() => text.family(GAUGE), /exposed before/);
    assert.throws(() => text.family({ ...GAUGE, name: 'a-b' }), /metric name/);
    assert.throws(() => text.family({ ...GAUGE, name: 'c', labels: ['le'] }));
    assert.throws(() => text.histogram('', new LatencyHistogram()));
    assert.throws(() => labelText(['a'], []));
  });
});
