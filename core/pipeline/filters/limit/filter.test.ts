// The limit filter against a token bucket that is written down as one: tokens that come with time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Errors } from '#core/base/errors.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import type { LimitRule } from '../../api.ts';
import { FilterStatus } from '../../filter.ts';
import { createLimitFilterFactory, tryTakeToken } from './filter.ts';

function ruleOf(qps: number, burst: number, change: Partial<LimitRule> = {}): LimitRule {
  const bucket = { fullAtMs: 0, limited: 0 };
  return { mode: 'block', intervalMs: 1000 / qps, burst, bucket, answer: null, ...change };
}

describe('tryTakeToken', () => {
  test('a full bucket gives its burst at once and no more', () => {
    const rule = ruleOf(10, 7);
    let taken = 0;
    while (tryTakeToken(rule, 5000)) taken++;
    assert.equal(taken, 7);
  });

  test('property: agrees with a bucket that counts tokens', () => {
    const shape = fc.record({
      qps: fc.integer({ min: 1, max: 1000 }),
      burst: fc.integer({ min: 1, max: 20 }),
      waits: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200, size: 'max' }),
    });
    fc.assert(
      fc.property(shape, ({ qps, burst, waits }) => {
        const rule = ruleOf(qps, burst);
        // Thousandths of a token, so that the model counts in whole numbers.
        let tokens = burst * 1000;
        let nowMs = 1000;
        for (const waitMs of waits) {
          nowMs += waitMs;
          tokens = Math.min(burst * 1000, tokens + waitMs * qps);
          const isThere = tokens >= 1000;
          assert.equal(tryTakeToken(rule, nowMs), isThere);
          if (isThere) tokens -= 1000;
        }
      }),
      { numRuns: 300 },
    );
  });

  test('over a long time the rate is the configured one', () => {
    const rule = ruleOf(50, 5);
    let taken = 0;
    for (let ms = 0; ms < 60_000; ms += 3) if (tryTakeToken(rule, ms)) taken++;
    assert.ok(taken >= 3000 && taken <= 3006, String(taken));
  });
});

describe('limit filter', () => {
  let nowMs = 1000;
  const factory = createLimitFilterFactory(() => nowMs);

  test('an API without a limit does not have it', () => {
    assert.equal(filterOf(factory, { limit: null }), null);
  });

  test('answers 1002 beyond the limit, and lets in again with time', () => {
    const limit = ruleOf(1, 1);
    const filter = filterOf(factory, { limit })!;
    assert.equal(filter.requestHead!(exchangeOf()), FilterStatus.continue);
    const exchange = exchangeOf();
    assert.equal(filter.requestHead!(exchange), FilterStatus.reply);
    assert.equal(exchange.error, Errors.limitedByApi);
    assert.equal(exchange.response.resultCode, 1002);
    assert.equal(limit.bucket.limited, 1);
    nowMs += 1000;
    assert.equal(filter.requestHead!(exchangeOf()), FilterStatus.continue);
  });

  test('monitor only counts', () => {
    const limit = ruleOf(1, 1, { mode: 'monitor' });
    const filter = filterOf(factory, { limit })!;
    for (let i = 0; i < 5; i++) {
      assert.equal(filter.requestHead!(exchangeOf()), FilterStatus.continue);
    }
    assert.equal(limit.bucket.limited, 4);
  });

  test('an answer of its own replaces code, tips and body', () => {
    const answer = { resultCode: 1234, tips: 'queue', body: Buffer.from('{"n":1}') };
    const filter = filterOf(factory, { limit: ruleOf(1, 1, { answer }) })!;
    filter.requestHead!(exchangeOf());
    const exchange = exchangeOf();
    filter.requestHead!(exchange);
    const { response } = exchange;
    assert.equal(response.resultCode, 1234);
    assert.equal(response.tips, 'queue');
    assert.equal(response.bodySource, answer.body);
    assert.equal(response.bodyLength, 7);
  });

  test('the bucket outlives the filter: a new snapshot starts with what is left', () => {
    const limit = ruleOf(1, 2);
    filterOf(factory, { limit })!.requestHead!(exchangeOf());
    const next = filterOf(factory, { limit })!;
    assert.equal(next.requestHead!(exchangeOf()), FilterStatus.continue);
    assert.equal(next.requestHead!(exchangeOf()), FilterStatus.reply);
  });
});
