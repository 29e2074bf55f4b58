// Every transition of an exchange between a fake client, a scripted filter and a fake service:
// answers, failures, endings. Pauses and streams have files of their own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { FilterStatus, type Filter, type FilterFactory } from '#core/pipeline/filter.ts';
import { DriverBench, FakeDownstream } from './support/fakes.ts';
import {
  REQUEST_PHASES,
  RESPONSE_PHASES,
  scene,
  TIMEOUT_MS,
  WAITING_PHASES,
} from './support/scenes.ts';
import { REFUSAL, ScriptFilter } from './support/script-filter.ts';

/** What filters return by mistake, and how it is told. */
const NO_STATUSES: readonly (readonly [name: string, value: unknown, told: string])[] = [
  ['nothing', undefined, 'undefined'],
  ['null', null, 'null'],
  ['true', true, 'true'],
  ['false', false, 'false'],
  ['a number that is no status', 7, '7'],
  ['a word', 'reply', '"reply"'],
  ['a long text', 'x'.repeat(1000), `"${'x'.repeat(40)}"`],
  ['an object', {}, 'an object'],
  ['a function', () => 0, 'a function'],
  ['a promise', Promise.resolve(0), 'a promise'],
];

describe('ExchangeDriver: the plain way', () => {
  test('passes all phases, sends, answers, completes', () => {
    const { filter, bench, client } = scene();
    const exchange = bench.call(client);
    assert.deepEqual(filter.seen, REQUEST_PHASES);
    bench.answer(exchange, 'fine');
    assert.deepEqual(filter.seen, [...WAITING_PHASES, 'complete']);
    assert.equal(client.replies.length, 1);
    assert.equal(client.last.body, 'fine');
    assert.equal(client.last.code, 1000);
    assert.equal(bench.observer.idles, 1);
    bench.assertEmpty();
  });

  test('an answer inside of send is an answer', () => {
    const { bench, client } = scene();
    bench.target.onSend = (exchange) => bench.answer(exchange, 'at once');
    bench.call(client);
    assert.equal(client.last.body, 'at once');
    bench.assertEmpty();
  });

  test('filters on the head run before the body is there', () => {
    const { filter, bench, client } = scene();
    const exchange = bench.open(client);
    bench.driver.begin(exchange);
    assert.deepEqual(filter.seen, ['requestHead']);
    bench.driver.complete(exchange);
    assert.deepEqual(filter.seen, REQUEST_PHASES);
    bench.answer(exchange);
    bench.assertEmpty();
  });

  test('an API without an upstream answers 4003', () => {
    const { filter, bench, client } = scene({ target: null });
    bench.call(client);
    assert.equal(client.last.error, Errors.upstreamMissing);
    assert.equal(client.last.code, 4003);
    assert.equal(filter.completed, 1);
    bench.assertEmpty();
  });

  test('LIMIT: one exchange too many is not opened', () => {
    const bench = new DriverBench([], {}, 2);
    const client = new FakeDownstream();
    const first = bench.call(client);
    bench.call(client);
    assert.equal(bench.driver.open(client, 3), null);
    bench.answer(first);
    assert.notEqual(bench.driver.open(client, 5), null);
  });

  test('an object that is used again remembers nothing', () => {
    const { bench, client } = scene({ isIdempotent: true });
    const exchange = bench.call(client);
    exchange.filterState[0] = 'secret';
    bench.fail(exchange, Errors.upstreamProtocol);
    const again = bench.open(client, 'other');
    assert.equal(again, exchange);
    assert.equal(again.error, null);
    assert.equal(again.attempts, 0);
    assert.equal(again.isRetained, false);
    assert.deepEqual(again.filterState, []);
    assert.equal(again.hasSession, false);
    assert.equal(again.response.resultCode, 0);
  });
});

describe('ExchangeDriver: filters that answer', () => {
  for (const phase of REQUEST_PHASES) {
    test(`reply in ${phase} passes the response phases and never reaches the service`, () => {
      const { filter, bench, client } = scene();
      filter.actions.set(phase, 'reply');
      bench.call(client);
      assert.equal(bench.target.sent, 0);
      assert.equal(client.last.body, `by ${phase}`);
      assert.equal(client.last.code, 1000);
      assert.deepEqual(filter.seen.slice(-3), ['responseHead', 'responseBody', 'complete']);
      bench.assertEmpty();
    });

    test(`refuse in ${phase} answers its code`, () => {
      const { filter, bench, client } = scene();
      filter.actions.set(phase, 'refuse');
      bench.call(client);
      assert.equal(client.last.code, REFUSAL.resultCode);
      assert.equal(client.last.error, REFUSAL);
      bench.assertEmpty();
    });
  }

  for (const phase of RESPONSE_PHASES) {
    test(`reply in ${phase} replaces the answer of the service`, () => {
      const { filter, bench, client } = scene();
      filter.actions.set(phase, 'reply');
      bench.answer(bench.call(client), 'of the service');
      assert.equal(client.last.body, `by ${phase}`);
      assert.equal(client.replies.length, 1);
      bench.assertEmpty();
    });
  }

  for (const phase of WAITING_PHASES) {
    test(`a filter that throws in ${phase} answers 5000, without bytes of the service`, () => {
      const { filter, bench, client } = scene();
      filter.actions.set(phase, 'throw');
      const exchange = bench.call(client);
      if (bench.target.open.length > 0) bench.answer(exchange, 'of the service');
      assert.equal(client.replies.length, 1);
      assert.equal(client.last.code, 5000);
      assert.equal(client.last.error, Errors.filterFailed);
      assert.equal(client.last.body, '');
      assert.deepEqual(bench.observer.failures, [`script.${phase}`]);
      assert.equal(filter.completed, 1);
      bench.assertEmpty();
    });
  }

  for (const [name, code, isFinal, error] of [
    ['a code alone gets a reason', 1005, false, Errors.filterRefused],
    ['no code is a success', 0, false, null],
    ['a kept answer had its reason when it was made', 1005, true, null],
  ] as const) {
    for (const phase of WAITING_PHASES) {
      test(`what a filter replies in ${phase}: ${name}`, () => {
        const reply = ({ response }: Exchange): FilterStatus => {
          response.resultCode = code;
          response.isFinal = isFinal;
          return FilterStatus.reply;
        };
        const create = (): Filter => ({ [phase]: reply });
        const bench = new DriverBench([
          { name: 'brief', maturity: 'beta', phases: [phase], create },
        ]);
        const client = new FakeDownstream();
        const exchange = bench.call(client);
        if (bench.target.open.length > 0) bench.answer(exchange);
        assert.equal(client.last.code, code === 0 ? 1000 : code);
        assert.equal(client.last.error, error);
        bench.assertEmpty();
      });
    }
  }

  for (const phase of WAITING_PHASES) {
    for (const [name, value, told] of NO_STATUSES) {
      test(`a filter that returns ${name} in ${phase} answers 5000 and is told of`, () => {
        const filter = { [phase]: () => value };
        const factory = { name: 'odd', maturity: 'beta', phases: [phase], create: () => filter };
        const bench = new DriverBench([factory as unknown as FilterFactory]);
        const client = new FakeDownstream();
        const exchange = bench.call(client);
        if (bench.target.open.length > 0) bench.answer(exchange, 'of the service');
        assert.equal(client.replies.length, 1);
        assert.deepEqual([client.last.code, client.last.body], [5000, '']);
        assert.equal(client.last.error, Errors.filterFailed);
        assert.deepEqual(bench.observer.failures, [`odd.${phase}`]);
        const [error] = bench.observer.failureErrors;
        assert.ok(String(error).startsWith(`returned ${told}; return FilterStatus.`), `${error}`);
        bench.assertEmpty();
      });
    }
  }

  test('a filter that throws in complete changes nothing and hides no other', () => {
    const bad = new ScriptFilter('bad');
    const good = new ScriptFilter('good');
    const bench = new DriverBench([good.factory, bad.factory]);
    bad.actions.set('complete', 'throw');
    const client = new FakeDownstream();
    bench.answer(bench.call(client));
    assert.equal(client.last.code, 1000);
    assert.equal(good.completed, 1);
    assert.deepEqual(bench.observer.failures, ['bad.complete']);
    bench.assertEmpty();
  });
});

describe('ExchangeDriver: endings', () => {
  test('the service that does not answer in time is cancelled: 4001', () => {
    const { filter, bench, client } = scene();
    bench.call(client);
    bench.clock.advance(TIMEOUT_MS - 1);
    assert.equal(client.replies.length, 0);
    bench.clock.advance(21);
    assert.equal(client.last.error, Errors.timeout);
    assert.equal(bench.target.cancelled, 1);
    assert.equal(filter.completed, 1);
    bench.assertEmpty();
  });

  test('a request refused by its connection passes the response phases', () => {
    const { filter, bench, client } = scene();
    const exchange = bench.open(client);
    bench.driver.begin(exchange);
    bench.driver.refuse(exchange, Errors.bodyTooLarge);
    assert.equal(client.last.error, Errors.bodyTooLarge);
    assert.equal(filter.completed, 1);
    bench.assertEmpty();
  });

  test('a request refused before it was routed belongs to the unknown API', () => {
    const { bench, client } = scene();
    const exchange = bench.open(client);
    bench.driver.refuse(exchange, Errors.fieldMalformed);
    assert.equal(client.last.code, 3002);
    bench.assertEmpty();
  });

  test('a request refused during a pause is answered once', () => {
    const { filter, bench, client } = scene();
    filter.actions.set('requestHead', 'pause');
    const exchange = bench.open(client);
    bench.driver.begin(exchange);
    bench.driver.refuse(exchange, Errors.bodyMalformed);
    filter.resume();
    assert.equal(client.replies.length, 1);
    bench.assertEmpty();
  });

  test('the client that goes while the service works cancels the call', () => {
    const { filter, bench, client } = scene();
    const exchange = bench.call(client);
    bench.driver.abort(exchange, Errors.clientCancelled);
    assert.equal(bench.target.cancelled, 1);
    assert.equal(client.replies.length, 0);
    assert.equal(filter.completed, 1);
    bench.assertEmpty();
  });

  test('the client may go before the first filter ran', () => {
    const { bench, client } = scene();
    bench.driver.abort(bench.open(client), Errors.clientAborted);
    bench.assertEmpty();
  });

  test('a failure carries nothing of what the service had begun to say', () => {
    const { bench, client } = scene();
    const exchange = bench.call(client);
    exchange.response.httpStatus = 200;
    exchange.response.resultCode = 1000;
    exchange.response.headers.add(0, 1, 2, 3);
    bench.target.onSend = () => {};
    let headers = -1;
    client.reply = ({ response }) => {
      headers = response.headers.count;
    };
    bench.fail(exchange, Errors.upstreamReset);
    assert.equal(headers, 0);
    bench.assertEmpty();
  });
});

describe('ExchangeDriver: congestion', () => {
  test('who feeds a congested link stops reading until it is relieved', () => {
    const { bench, client } = scene();
    const exchange = bench.call(client);
    bench.driver.congested(exchange, bench.target);
    assert.equal(client.brakes, 1);
    bench.driver.relieved(bench.target);
    assert.equal(client.brakes, 0);
    bench.answer(exchange);
  });

  test('a client that has gone is not paused', () => {
    const { bench, client } = scene();
    const exchange = bench.call(client);
    bench.target.onSend = () => {};
    exchange.downstream = null;
    bench.driver.congested(exchange, bench.target);
    assert.equal(client.brakes, 0);
  });
});
