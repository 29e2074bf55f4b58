// The trace filter continues a trace or starts one, and draws a new span either way.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Random } from '#core/base/clock.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import { FilterStatus } from '../../filter.ts';
import { createTraceFilterFactory } from './filter.ts';

/** Bytes that count up, so that none is drawn twice. */
function countingRandom(): Random {
  let next = 1;
  return {
    unit: () => 0,
    fill: () => assert.fail('traces need no secrets'),
    identify: (target, offset, length) => {
      for (let i = 0; i < length; i++) target[offset + i] = next++;
    },
  };
}

describe('trace filter', () => {
  test('starts a trace that is not sampled', () => {
    const filter = filterOf(createTraceFilterFactory(countingRandom()))!;
    const exchange = exchangeOf();
    const { request, spanId } = exchange;
    request.trace.fill(0xff);
    assert.equal(filter.requestHead!(exchange), FilterStatus.continue);
    assert.equal(request.hasTrace, true);
    assert.equal(request.trace.toString('hex', 0, 16), '0102030405060708090a0b0c0d0e0f10');
    assert.equal(request.trace[24], 0);
    assert.equal(spanId.toString('hex', 0, 8), '1112131415161718');
  });

  test('continues the trace of the client and keeps its flags', () => {
    const filter = filterOf(createTraceFilterFactory(countingRandom()))!;
    const exchange = exchangeOf();
    const { request, spanId } = exchange;
    request.trace.fill(0xab);
    request.hasTrace = true;
    filter.requestHead!(exchange);
    assert.equal(request.trace.toString('hex', 0, 25), 'ab'.repeat(25));
    assert.equal(spanId.toString('hex', 0, 8), '0102030405060708');
  });
});
