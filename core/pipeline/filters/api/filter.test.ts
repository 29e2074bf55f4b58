// The api filter: 3000 for what cannot be called, each reason by its own name, and no cost
// otherwise.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import { FilterStatus } from '../../filter.ts';
import { apiFilterFactory } from './filter.ts';

const unknown = filterOf(apiFilterFactory, { isUnknown: true, isEnabled: false })!;

describe('api filter', () => {
  test('an open API does not have it', () => {
    assert.equal(filterOf(apiFilterFactory), null);
  });

  test('a disabled API answers 3000', () => {
    const exchange = exchangeOf();
    const filter = filterOf(apiFilterFactory, { isEnabled: false })!;
    assert.equal(filter.requestHead!(exchange), FilterStatus.reply);
    assert.equal(exchange.error, Errors.apiDisabled);
    assert.equal(exchange.response.resultCode, 3000);
  });

  test('what was not found is told apart', () => {
    const long = 'a'.repeat(129);
    const reasons = ['some.name', '', long].map((operation) => {
      const exchange = exchangeOf({ operation });
      assert.equal(unknown.requestHead!(exchange), FilterStatus.reply);
      return exchange.error;
    });
    assert.deepEqual(reasons, [
      Errors.apiUnknown,
      Errors.operationMissing,
      Errors.operationTooLong,
    ]);
  });

  test('a path that leads nowhere is a path, with or without a name', () => {
    for (const operation of ['some.name', '']) {
      const exchange = exchangeOf({ operation });
      exchange.request.isPathRouted = true;
      unknown.requestHead!(exchange);
      assert.equal(exchange.error, Errors.pathUnknown);
    }
  });
});
