// Filters that pause: in every phase, with every ending, and callbacks that come too late.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { FilterStatus } from '#core/pipeline/filter.ts';
import { DriverBench, FakeDownstream } from './support/fakes.ts';
import { pauseIn, scene, TIMEOUT_MS, WAITING_PHASES } from './support/scenes.ts';
import { REFUSAL, ScriptFilter } from './support/script-filter.ts';

describe('ExchangeDriver: pause and resume', () => {
  for (const phase of WAITING_PHASES) {
    test(`a pause in ${phase} goes on where it stopped`, () => {
      const set = scene();
      const { filter, bench, client } = set;
      const exchange = pauseIn(set, phase);
      const seenBefore = filter.seen.length;
      filter.resume();
      if (bench.target.open.length > 0) bench.answer(exchange);
      assert.equal(client.last.body, 'answer');
      assert.equal(filter.seen.filter((seen) => seen === phase).length, 1);
      assert.ok(filter.seen.length > seenBefore);
      bench.assertEmpty();
    });

    test(`a pause in ${phase} may end with an answer`, () => {
      const set = scene();
      const { filter, bench, client } = set;
      const exchange = pauseIn(set, phase);
      exchange.refuse(REFUSAL);
      filter.resume(FilterStatus.reply);
      assert.equal(client.last.code, REFUSAL.resultCode);
      assert.equal(client.replies.length, 1);
      bench.assertEmpty();
    });

    test(`the deadline ends a pause in ${phase} with 4001; the late resume is ignored`, () => {
      const set = scene();
      const { filter, bench, client } = set;
      pauseIn(set, phase);
      bench.clock.advance(TIMEOUT_MS + 20);
      assert.equal(client.last.error, Errors.timeout);
      assert.equal(client.last.code, 4001);
      assert.equal(client.last.body, '');
      filter.resume();
      assert.equal(client.replies.length, 1);
      assert.equal(filter.completed, 1);
      bench.assertEmpty();
    });

    test(`the client may go during a pause in ${phase}`, () => {
      const set = scene();
      const { filter, bench, client } = set;
      const exchange = pauseIn(set, phase);
      bench.driver.abort(exchange, Errors.clientAborted);
      assert.equal(client.replies.length, 0);
      filter.resume();
      assert.equal(client.replies.length, 0);
      assert.equal(filter.completed, 1);
      bench.assertEmpty();
    });

    test(`a late resume of a pause in ${phase} does not touch the next request`, () => {
      const set = scene();
      const { filter, bench, client } = set;
      const exchange = pauseIn(set, phase);
      bench.driver.abort(exchange, Errors.clientAborted);
      filter.actions.set('requestHead', 'pause');
      const next = bench.call(client);
      assert.equal(next, exchange);
      const [old, current] = filter.pauses.splice(0);
      next.resumer.resume(next, old!.serial, FilterStatus.reply);
      assert.equal(next.isPaused, true);
      assert.equal(client.replies.length, 0);
      next.resumer.resume(next, current!.serial, FilterStatus.continue);
      bench.answer(next);
      bench.assertEmpty();
    });
  }

  test('a late resume does not end a later pause of the same request', () => {
    const slow = new ScriptFilter('slow', ['requestHead']);
    const other = new ScriptFilter('other', ['responseHead']);
    const bench = new DriverBench([slow.factory, other.factory]);
    const client = new FakeDownstream();
    slow.actions.set('requestHead', 'pause');
    other.actions.set('responseHead', 'pause');
    bench.call(client);
    bench.clock.advance(TIMEOUT_MS + 20);
    assert.equal(other.pauses.length, 1, 'the answer of the deadline passes response phases');
    slow.resume();
    assert.equal(client.replies.length, 0);
    other.resume();
    assert.equal(client.last.error, Errors.timeout);
    bench.assertEmpty();
  });

  test('a filter that holds up the answer of a deadline has a deadline too', () => {
    const { filter, bench, client } = scene();
    filter.actions.set('responseHead', 'pause');
    bench.call(client);
    bench.clock.advance(TIMEOUT_MS + 20);
    assert.equal(client.replies.length, 0);
    bench.clock.advance(TIMEOUT_MS + 20);
    assert.equal(client.last.error, Errors.timeout);
    bench.assertEmpty();
  });

  test('a filter that resumes twice resumes once', () => {
    const twice = new ScriptFilter('twice', ['requestHead']);
    const other = new ScriptFilter('other', ['routed']);
    const bench = new DriverBench([twice.factory, other.factory]);
    const client = new FakeDownstream();
    twice.actions.set('requestHead', 'pause');
    other.actions.set('routed', 'pause');
    const exchange = bench.call(client);
    const [pause] = twice.pauses;
    exchange.resumer.resume(exchange, pause!.serial, FilterStatus.continue);
    exchange.resumer.resume(exchange, pause!.serial, FilterStatus.reply);
    assert.equal(exchange.isPaused, true);
    assert.equal(client.replies.length, 0);
    other.resume();
    bench.answer(exchange);
    bench.assertEmpty();
  });

  test('a paused request keeps its bytes when the read buffer is used again', () => {
    const set = scene();
    const { filter, bench, client } = set;
    filter.actions.set('requestBody', 'pause');
    const exchange = bench.open(client, 'precious');
    const { source } = exchange.request;
    bench.driver.complete(exchange);
    source.fill(0xdd);
    filter.resume();
    const { bodySource, bodyOffset, bodyLength } = exchange.request;
    assert.equal(bodySource.latin1Slice(bodyOffset, bodyOffset + bodyLength), 'precious');
    bench.answer(exchange);
  });

  test('a body that arrives during a pause is kept too', () => {
    const { filter, bench, client } = scene();
    filter.actions.set('requestHead', 'pause');
    const exchange = bench.open(client, '');
    bench.driver.begin(exchange);
    const body = Buffer.from('late body', 'latin1');
    exchange.request.bodySource = body;
    exchange.request.bodyOffset = 0;
    exchange.request.bodyLength = body.length;
    bench.driver.complete(exchange);
    body.fill(0xdd);
    filter.resume();
    const { bodySource, bodyOffset, bodyLength } = exchange.request;
    assert.equal(bodySource.latin1Slice(bodyOffset, bodyOffset + bodyLength), 'late body');
    assert.equal(exchange.requestBytes, body.length);
    bench.answer(exchange);
    bench.assertEmpty();
  });

  test('an answer that waits for a filter is kept', () => {
    const set = scene();
    const { filter, client } = set;
    pauseIn(set, 'responseHead');
    filter.resume();
    assert.equal(client.last.body, 'answer');
  });

  test('a pause in the head phase ends while the body is still coming', () => {
    const { filter, bench, client } = scene();
    filter.actions.set('requestHead', 'pause');
    const exchange = bench.open(client);
    bench.driver.begin(exchange);
    filter.resume();
    assert.deepEqual(filter.seen, ['requestHead']);
    bench.driver.complete(exchange);
    bench.answer(exchange);
    bench.assertEmpty();
  });
});
