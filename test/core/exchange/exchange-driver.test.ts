// Every transition of an exchange between a fake client, a scripted filter and a fake service.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { FilterStatus, type Phase } from '#core/pipeline/filter.ts';
import { DriverBench, FakeDownstream } from './support/fakes.ts';
import { REFUSAL, ScriptFilter } from './support/script-filter.ts';

const REQUEST_PHASES = ['requestHead', 'requestBody', 'routed'] as const;
const RESPONSE_PHASES = ['responseHead', 'responseBody'] as const;
const WAITING_PHASES = [...REQUEST_PHASES, ...RESPONSE_PHASES];
const TIMEOUT_MS = 3000;

interface Scene {
  readonly filter: ScriptFilter;
  readonly bench: DriverBench;
  readonly client: FakeDownstream;
}

function scene(overrides: ConstructorParameters<typeof DriverBench>[1] = {}): Scene {
  const filter = new ScriptFilter();
  const bench = new DriverBench([filter.factory], overrides);
  return { filter, bench, client: new FakeDownstream() };
}

/** A scene whose filter lets answers be streamed: it does not want the whole body. */
function streamScene(): Scene {
  const phases: readonly Phase[] = ['requestHead', 'responseHead', 'complete'];
  const filter = new ScriptFilter('script', phases);
  return { filter, bench: new DriverBench([filter.factory]), client: new FakeDownstream() };
}

/** Runs a request up to the pause of its filter in `phase`. */
function pauseIn({ filter, bench, client }: Scene, phase: Phase): Exchange {
  filter.actions.set(phase, 'pause');
  const exchange = bench.call(client);
  if ((RESPONSE_PHASES as readonly Phase[]).includes(phase)) bench.answer(exchange);
  assert.equal(exchange.isPaused, true);
  filter.actions.delete(phase);
  return exchange;
}

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
      assert.deepEqual(bench.observer.thrown, [`script.${phase}`]);
      assert.equal(filter.completed, 1);
      bench.assertEmpty();
    });
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
    assert.deepEqual(bench.observer.thrown, ['bad.complete']);
    bench.assertEmpty();
  });
});

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
