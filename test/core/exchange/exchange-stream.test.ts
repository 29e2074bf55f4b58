// Answers in pieces, and requests that are sent a second time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { FakeDownstream } from './support/fakes.ts';
import { scene, streamScene, TIMEOUT_MS } from './support/scenes.ts';

describe('ExchangeDriver: retries', () => {
  test('a reset of an idempotent call is tried again, once', () => {
    const { filter, bench, client } = scene({ isIdempotent: true });
    const exchange = bench.call(client);
    bench.fail(exchange, Errors.upstreamReset);
    assert.equal(bench.target.sent, 2);
    assert.equal(bench.observer.retried_, 1);
    assert.equal(filter.seen.filter((phase) => phase === 'routed').length, 1);
    bench.fail(exchange, Errors.upstreamReset);
    assert.equal(client.last.error, Errors.upstreamReset);
    bench.assertEmpty();
  });

  test('the second attempt forgets what the first had received', () => {
    const { bench, client } = scene({ isIdempotent: true });
    const exchange = bench.call(client);
    exchange.refuse(Errors.businessError);
    exchange.response.httpStatus = 500;
    bench.fail(exchange, Errors.upstreamReset);
    bench.answer(exchange, 'second');
    assert.equal(client.last.error, null);
    assert.equal(client.last.code, 1000);
    assert.equal(client.last.body, 'second');
    bench.assertEmpty();
  });

  test('the request of the second attempt is whole', () => {
    const { bench, client } = scene({ isIdempotent: true });
    const exchange = bench.open(client, 'precious');
    const { source } = exchange.request;
    bench.driver.complete(exchange);
    source.fill(0xdd);
    bench.fail(exchange, Errors.upstreamReset);
    const { bodySource, bodyOffset, bodyLength } = exchange.request;
    assert.equal(bodySource.latin1Slice(bodyOffset, bodyOffset + bodyLength), 'precious');
    bench.answer(exchange);
  });

  test('not for calls that may have happened, nor for other failures', () => {
    const plain = scene();
    plain.bench.fail(plain.bench.call(plain.client), Errors.upstreamReset);
    assert.equal(plain.bench.target.sent, 1);
    const other = scene({ isIdempotent: true });
    other.bench.fail(other.bench.call(other.client), Errors.upstreamProtocol);
    assert.equal(other.bench.target.sent, 1);
  });

  test('the deadline runs over both attempts', () => {
    const { bench, client } = scene({ isIdempotent: true });
    const exchange = bench.call(client);
    bench.clock.advance(2000);
    bench.driver.batchStarted();
    bench.fail(exchange, Errors.upstreamReset);
    bench.clock.advance(1020);
    assert.equal(client.last.error, Errors.timeout);
    bench.assertEmpty();
  });

  test('a service that resets everything gets only the budget of retries', () => {
    const { bench, client } = scene({ isIdempotent: true });
    bench.target.onSend = (exchange) => bench.fail(exchange, Errors.upstreamReset);
    for (let i = 0; i < 1000; i++) bench.call(client);
    assert.ok(bench.observer.retried_ < 270, String(bench.observer.retried_));
    assert.equal(client.replies.length, 1000);
    bench.assertEmpty();
  });
});

describe('ExchangeDriver: streamed answers', () => {
  test('pass in pieces and end', () => {
    const { filter, bench, client } = streamScene();
    const exchange = bench.call(client);
    assert.equal(exchange.acceptsStream, true);
    assert.equal(bench.startStream(exchange), true);
    assert.equal(bench.stream(exchange, 'one '), true);
    assert.equal(bench.stream(exchange, 'two'), true);
    bench.endStream(exchange);
    assert.deepEqual([client.last.kind, client.last.body], ['stream', 'one two']);
    assert.equal(client.last.isComplete, true);
    assert.equal(filter.completed, 1);
    bench.assertEmpty();
  });

  test('are not for Mmtp, nor for filters that want the whole body', () => {
    const whole = scene();
    assert.equal(whole.bench.call(whole.client).acceptsStream, false);
    const { bench } = streamScene();
    const mmtp = new FakeDownstream(DownstreamProtocol.mmtp);
    assert.equal(bench.call(mmtp).acceptsStream, false);
  });

  test('a body that breaks off is told to the client', () => {
    const { bench, client } = streamScene();
    const exchange = bench.call(client);
    bench.startStream(exchange);
    bench.stream(exchange, 'half');
    bench.endStream(exchange, Errors.upstreamReset);
    assert.equal(client.last.isComplete, false);
    bench.assertEmpty();
  });

  test('a filter that pauses on the head holds the body back', () => {
    const { filter, bench, client } = streamScene();
    filter.actions.set('responseHead', 'pause');
    const exchange = bench.call(client);
    assert.equal(bench.startStream(exchange), false);
    assert.equal(client.replies.length, 0);
    filter.resume();
    assert.equal(bench.target.resumed, 1);
    assert.equal(bench.stream(exchange, 'held'), true);
    bench.endStream(exchange);
    assert.equal(client.last.body, 'held');
    bench.assertEmpty();
  });

  for (const action of ['reply', 'throw'] as const) {
    test(`a filter that does ${action} on the head takes the place of the stream`, () => {
      const { filter, bench, client } = streamScene();
      filter.actions.set('responseHead', action);
      const exchange = bench.call(client);
      assert.equal(bench.startStream(exchange), false);
      assert.equal(bench.target.cancelled, 1);
      assert.equal(client.last.kind, 'whole');
      assert.equal(client.last.code, action === 'reply' ? 1000 : 5000);
      bench.assertEmpty();
    });
  }

  test('a service that breaks off while a filter thinks about the head is a failure', () => {
    const { filter, bench, client } = streamScene();
    filter.actions.set('responseHead', 'pause');
    const exchange = bench.call(client);
    bench.startStream(exchange);
    bench.endStream(exchange, Errors.upstreamReset);
    assert.equal(client.last.kind, 'whole');
    assert.equal(client.last.code, 4002);
    filter.resume();
    assert.equal(client.replies.length, 1);
    bench.assertEmpty();
  });

  test('an empty body that ends while a filter thinks about the head is an answer', () => {
    const { filter, bench, client } = streamScene();
    filter.actions.set('responseHead', 'pause');
    const exchange = bench.call(client);
    bench.startStream(exchange);
    bench.endStream(exchange);
    assert.equal(client.replies.length, 0);
    filter.resume();
    assert.deepEqual([client.last.kind, client.last.code], ['whole', 1000]);
    bench.assertEmpty();
  });

  test('a slow client holds the service back until it reads', () => {
    const { bench, client } = streamScene();
    const exchange = bench.call(client);
    bench.startStream(exchange);
    client.takesMore = false;
    assert.equal(bench.stream(exchange, 'much'), false);
    client.takesMore = true;
    bench.driver.streamWritable(exchange);
    assert.equal(bench.target.resumed, 1);
    bench.endStream(exchange);
    bench.assertEmpty();
  });

  test('the deadline of a stream is about progress', () => {
    const { bench, client } = streamScene();
    const exchange = bench.call(client);
    bench.startStream(exchange);
    for (let i = 0; i < 10; i++) {
      bench.clock.advance(TIMEOUT_MS - 100);
      bench.driver.batchStarted();
      bench.stream(exchange, '.');
    }
    assert.equal(client.last.isComplete, null);
    bench.clock.advance(TIMEOUT_MS + 20);
    assert.equal(client.last.isComplete, false);
    assert.equal(bench.target.cancelled, 1);
    bench.assertEmpty();
  });

  test('a client that stops reading loses the stream after half a minute', () => {
    const { bench, client } = streamScene();
    const exchange = bench.call(client);
    bench.startStream(exchange);
    client.takesMore = false;
    bench.stream(exchange, 'much');
    bench.clock.advance(29_000);
    assert.equal(client.last.isComplete, null);
    bench.clock.advance(1020);
    assert.equal(client.last.isComplete, false);
    bench.assertEmpty();
  });

  test('a client that goes in the middle cancels the rest', () => {
    const { filter, bench, client } = streamScene();
    const exchange = bench.call(client);
    bench.startStream(exchange);
    bench.stream(exchange, 'half');
    bench.driver.abort(exchange, Errors.clientAborted);
    assert.equal(bench.target.cancelled, 1);
    assert.equal(client.last.isComplete, null);
    assert.equal(filter.completed, 1);
    bench.assertEmpty();
  });
});
