// Answers as HTTP/1.1 bytes: whose body, which status, which headers, each exactly once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { appendReply } from '#core/downstream/http-reply.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import {
  exchangeOf,
  setResponseHeaders,
  type Pair,
} from '#test/core/pipeline/support/filter-bench.ts';
import { makeApi } from '#test/core/pipeline/support/make-api.ts';
import { ManualClock } from '#test/core/telemetry/support/manual-clock.ts';

const NO_LINE = Buffer.alloc(0);

function answered(headers: readonly Pair[], body: string): Exchange {
  const exchange = exchangeOf();
  exchange.api = makeApi();
  setResponseHeaders(exchange, headers);
  const { response } = exchange;
  response.resultCode = 1000;
  response.bodySource = Buffer.from(`##${body}`);
  response.bodyOffset = 2;
  response.bodyLength = body.length;
  return exchange;
}

function replyOf(exchange: Exchange, isHead = false): { readonly head: string; body: string } {
  const out = new OutBuffer();
  appendReply(out, exchange, isHead, NO_LINE, new ManualClock());
  const [head, ...rest] = out.take().toString('latin1').split('\r\n\r\n');
  return { head: head!, body: rest.join('\r\n\r\n') };
}

function count(head: string, name: string): number {
  return head.split('\r\n').filter((line) => line.toLowerCase().startsWith(`${name}:`)).length;
}

describe('appendReply', () => {
  test("passes the service's status, headers and body on", () => {
    const exchange = answered(
      [
        ['Content-Type', 'text/html'],
        ['ETag', '1'],
      ],
      '<p>',
    );
    exchange.response.httpStatus = 201;
    const { head, body } = replyOf(exchange);
    assert.match(head, /^HTTP\/1\.1 201 /);
    assert.match(head, /\r\nResult-Status: 1000\r\n/);
    assert.match(head, /\r\nETag: 1\r\n/);
    assert.match(head, /\r\nContent-Length: 3$/);
    assert.equal(body, '<p>');
    for (const name of ['content-type', 'content-length', 'date', 'mgw-trace', 'server-timing']) {
      assert.equal(count(head, name), 1, name);
    }
  });

  test('types a body that the service did not', () => {
    assert.match(replyOf(answered([], '{}')).head, /\r\nContent-Type: application\/json\r\n/);
    assert.equal(count(replyOf(answered([], '')).head, 'content-type'), 0);
  });

  test('a failure of the gateway has a body that tells it', () => {
    const exchange = answered([], '');
    exchange.refuse(Errors.apiUnknown);
    const { head, body } = replyOf(exchange);
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.equal((JSON.parse(body) as { resultStatus: number }).resultStatus, 3000);
    assert.equal(count(head, 'content-type'), 1);
  });

  test('a failure that the service typed keeps one type and its empty body', () => {
    const exchange = answered(
      [
        ['content-type', 'text/html'],
        ['Content-Encoding', 'gzip'],
      ],
      '',
    );
    exchange.response.httpStatus = 500;
    exchange.refuse(Errors.businessError);
    const { head, body } = replyOf(exchange);
    assert.equal(count(head, 'content-type'), 1);
    assert.match(head, /\r\nContent-Length: 0$/);
    assert.equal(body, '');
  });

  test('HEAD has the length and not the body', () => {
    const { head, body } = replyOf(answered([], 'hello'), true);
    assert.match(head, /\r\nContent-Length: 5$/);
    assert.equal(body, '');
  });

  test('204 and 304 have neither body nor length', () => {
    for (const status of [204, 304]) {
      const exchange = answered([], '');
      exchange.response.httpStatus = status;
      assert.equal(count(replyOf(exchange).head, 'content-length'), 0);
    }
  });
});
