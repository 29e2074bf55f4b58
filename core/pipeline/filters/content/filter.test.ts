// The content filter: presence, size and type of request data.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import type { ApiBase } from '#test/core/pipeline/support/make-api.ts';
import { FilterStatus } from '../../filter.ts';
import { contentFilterFactory } from './filter.ts';

function reasonFor(body: string | Buffer, overrides: Partial<ApiBase>): GatewayError | null {
  const exchange = exchangeOf({ body });
  const filter = filterOf(contentFilterFactory, overrides)!;
  const status = filter.requestBody!(exchange);
  assert.equal(status, exchange.error === null ? FilterStatus.continue : FilterStatus.reply);
  return exchange.error;
}

describe('content filter', () => {
  test('an empty body is 3001 where data is required, and fine elsewhere', () => {
    assert.equal(reasonFor('', { bodyRequired: true }), Errors.bodyEmpty);
    assert.equal(reasonFor('', { bodyRequired: false, bodyIsJson: true }), null);
    assert.equal(Errors.bodyEmpty.resultCode, 3001);
  });

  test('LIMIT: a body may have bodyBytesMax bytes and not one more', () => {
    assert.equal(reasonFor('12345', { bodyBytesMax: 5 }), null);
    assert.equal(reasonFor('123456', { bodyBytesMax: 5 }), Errors.bodyTooLarge);
    assert.equal(Errors.bodyTooLarge.resultCode, 3002);
  });

  const json = ['{}', '[{"a":1}]', ' "x" ', 'null', '1e5', '{"ä":"\u{1f600}"}'];
  for (const text of json) {
    test(`takes ${text} for JSON`, () => assert.equal(reasonFor(text, { bodyIsJson: true }), null));
  }

  const notJson: readonly (string | Buffer)[] = [
    '{',
    'x',
    '{a:1}',
    '[1,]',
    ' ',
    '{}{}',
    '\u{feff}{}',
  ];
  for (const text of [...notJson, Buffer.from('"\xff"', 'latin1')]) {
    test(`does not take ${JSON.stringify(text.toString('latin1'))} for JSON`, () => {
      assert.equal(reasonFor(text, { bodyIsJson: true }), Errors.bodyMalformed);
      assert.equal(reasonFor(text, { bodyIsJson: false }), null);
    });
  }

  test('looks at the body only, wherever it lies', () => {
    const exchange = exchangeOf();
    const { request } = exchange;
    request.bodySource = Buffer.from('}}{"a":1}{{', 'latin1');
    request.bodyOffset = 2;
    request.bodyLength = 7;
    const filter = filterOf(contentFilterFactory, { bodyIsJson: true })!;
    assert.equal(filter.requestBody!(exchange), FilterStatus.continue);
  });
});
