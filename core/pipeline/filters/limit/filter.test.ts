// The limit filter: what a client gets beyond the limit. The bucket has tests of its own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BUCKET_WORDS, TokenBucket } from '#core/base/token-bucket.ts';
import { Errors } from '#core/base/errors.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import type { LimitRule } from '../../api.ts';
import { FilterStatus } from '../../filter.ts';
import { createLimitFilterFactory } from './filter.ts';

function ruleOf(qps: number, burst: number, change: Partial<LimitRule> = {}): LimitRule {
  const bucket = new TokenBucket(new Int32Array(BUCKET_WORDS), 0, qps, burst);
  bucket.fill(0);
  return { mode: 'block', bucket, answer: null, ...change };
}

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
