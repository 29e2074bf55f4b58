// Handlers in this process against the contract of upstreams: one end for every call, nothing after
// a cancel, no bytes of other requests, whatever the handler does.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { ContentType } from '#core/codec/message.ts';
import { UpstreamCounters } from '#core/telemetry/counters.ts';
import type { UpstreamEnvironment } from '#core/upstream/contract.ts';
import type { LocalCall } from '#core/upstream/local/local-call.ts';
import { LocalService, type LocalHandler } from '#core/upstream/local/local-service.ts';
import { SimClock } from '#test/simulation/sim-clock.ts';
import { TestCall, TestObserver } from '../support/test-call.ts';

const OPERATION = 'test.call';
const BYTES_MAX = 100_000;

/** A local service with one handler. */
class Bench {
  readonly clock = new SimClock();
  readonly observer = new TestObserver(() => this.clock.nowMs());
  readonly counters = new UpstreamCounters();
  readonly failures: unknown[] = [];
  readonly service: LocalService;

  constructor(handler: LocalHandler, name = OPERATION) {
    const { clock, observer, counters } = this;
    const environment = { clock, observer } as unknown as UpstreamEnvironment;
    const handlerFailed = (_name: string, error: unknown): void => void this.failures.push(error);
    const handlers = { handlers: new Map([[name, handler]]), handlerFailed };
    const settings = { name: 'here', responseBytesMax: BYTES_MAX, counters };
    this.service = new LocalService(settings, environment, handlers);
  }

  /** Sends a request; the buffer that it was read into, and its object, are used again at once. */
  send(body = 'hello', operationType = OPERATION): TestCall {
    const call = new TestCall().fill(`${body}X-Ayes`);
    const { request } = call;
    const readBuffer = request.source;
    request.bodyLength -= 'X-Ayes'.length;
    const headerAt = request.bodyOffset + request.bodyLength;
    request.headers.add(headerAt, 3, headerAt + 3, 3);
    call.deadlineMs = this.clock.nowMs() + 1000;
    this.service.target(operationType).send(call);
    readBuffer.fill(0xdd);
    request.reset();
    return call;
  }

  /** Every request that was sent has ended. */
  checkBooks(): void {
    assert.equal(this.counters.requestsOpen, 0);
    assert.equal(this.service.status()[0]!.openRequests, 0);
  }
}

/** Runs everything that promises have scheduled. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('answers', () => {
  const answered: readonly (readonly [string, LocalHandler, string, number])[] = [
    ['text', (call) => `<${call.text()}>`, '<hello>', ContentType.json],
    ['bytes', (call) => call.view, 'hello', ContentType.protobuf],
    ['bytes of another kind', () => new Uint8Array([65, 66]).subarray(1), 'B', 1],
    ['nothing', () => undefined, '', ContentType.json],
    ['a reply', () => ({ body: 'x', contentType: 'bytes' }), 'x', ContentType.bytes],
    ['a promise', async (call) => `later ${call.text()}`, 'later hello', ContentType.json],
    ['long text', () => 'y'.repeat(50_000), 'y'.repeat(50_000), ContentType.json],
  ];
  for (const [name, handler, body, contentType] of answered) {
    test(name, async () => {
      const bench = new Bench(handler);
      const call = new TestCall().fill('hello');
      call.request.contentType = ContentType.protobuf;
      bench.service.target(OPERATION).send(call);
      await settle();
      assert.equal(call.end, 'answered');
      assert.equal(call.response.resultCode, 1000);
      assert.equal(call.body, body);
      if (body !== '') assert.equal(call.response.contentType, contentType);
      bench.checkBooks();
    });
  }

  test('headers of a reply are headers of the service', () => {
    const bench = new Bench(() => ({ body: 'x', headers: { 'X-A': 'b', 'Content-Type': 'x/y' } }));
    const { response } = bench.send();
    assert.equal(response.headers.count, 2);
    assert.equal(response.headerSource.toString(), 'X-AbContent-Typex/y');
  });
});

describe('failures', () => {
  const failing: readonly (readonly [string, LocalHandler])[] = [
    ['throws', () => assert.fail('business')],
    ['rejects', () => Promise.reject(new Error('business'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers a number', () => 5 as never],
    ['answers a body that is none', () => ({ body: 5 as never })],
    ['answers an unknown content type', () => ({ contentType: 'xml' as never })],
    ['splits the answer by a header', () => ({ headers: { 'X-A': 'b\r\nX-B: c' } })],
    ['names a header that is none', () => ({ headers: { 'X A': 'b' } })],
    ['promises a symbol', async () => Symbol('x') as never],
  ];
  for (const [name, handler] of failing) {
    test(`a handler that ${name}: 6666, and the owner is told`, async () => {
      const bench = new Bench(handler);
      const call = bench.send();
      await settle();
      assert.equal(call.error, Errors.businessError);
      assert.equal(bench.failures.length, 1);
      bench.checkBooks();
    });
  }

  test('an operation without a handler: 6000', () => {
    const bench = new Bench(() => 'x');
    for (const name of ['other', 'constructor', '__proto__', '']) {
      assert.equal(bench.send('', name).error, Errors.serviceNotFound, name);
    }
  });

  test('an answer beyond the limit: 4002', () => {
    const bench = new Bench(() => Buffer.alloc(BYTES_MAX + 1));
    assert.equal(bench.send().error, Errors.upstreamTooLarge);
    bench.checkBooks();
  });
});

describe('the default API', () => {
  test('requests name their own operation; the handler * takes the rest', () => {
    const own = new Bench((call) => call.operationType);
    assert.equal(own.send('', '*').body, OPERATION);
    const rest = new Bench((call) => `rest ${call.operationType}`, '*');
    assert.equal(rest.send('', '*').body, `rest ${OPERATION}`);
    assert.equal(rest.send('', 'configured').body, 'rest configured');
  });
});

describe('a call', () => {
  test('is readable after an await, though the read buffer is used again', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const bench = new Bench(async (call) => {
      await promise;
      return `${call.text()} ${call.body.toString()} ${call.header('x-a')}`;
    });
    const call = bench.send('kept bytes');
    assert.equal(call.end, 'open');
    assert.equal(bench.service.status()[0]!.openRequests, 1);
    resolve();
    await settle();
    assert.equal(call.body, 'kept bytes kept bytes yes');
    bench.checkBooks();
  });

  test('does not show the next request once it is answered; what was taken stays', () => {
    const held: LocalCall[] = [];
    const bodies: Buffer[] = [];
    const bench = new Bench((call) => {
      held.push(call);
      bodies.push(call.body);
      return '';
    });
    bench.send('first');
    bench.send('second');
    assert.deepEqual(
      bodies.map((body) => body.toString()),
      ['first', 'second'],
    );
    assert.equal(held[0]!.body.toString(), 'first');
    assert.throws(() => held[0]!.text(), /"test.call" has ended/);
    assert.throws(() => held[0]!.view, /has ended/);
    assert.throws(() => held[0]!.header('a'), /has ended/);
  });

  test('cancelled: the handler is told, its answer dropped and counted', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let seen: LocalCall | null = null;
    const bench = new Bench((call) => {
      seen = call;
      assert.equal(call.timeLeftMs, 1000);
      return promise;
    });
    const call = bench.send();
    const { signal } = seen!;
    bench.service.cancel(call);
    call.end = 'cancelled';
    assert.equal(signal.aborted, true);
    bench.checkBooks();
    resolve('late');
    await settle();
    assert.equal(call.end, 'cancelled');
    assert.equal(bench.counters.lateResponses, 1);
  });

  test('its signal is aborted also when it is asked for afterwards', () => {
    let seen: LocalCall | null = null;
    const bench = new Bench((call) => {
      seen = call;
      return new Promise(() => {});
    });
    bench.service.cancel(bench.send());
    assert.equal(seen!.signal.aborted, true);
  });

  test('cancelled by its own handler: no answer follows', async () => {
    let call: TestCall | null = null;
    const endsItself = (answer: ReturnType<LocalHandler>): Bench => {
      const bench: Bench = new Bench(() => {
        bench.service.cancel(call!);
        return answer;
      });
      return bench;
    };
    for (const answer of ['now', Promise.resolve('later')]) {
      const bench = endsItself(answer);
      call = new TestCall().fill('x');
      bench.service.target(OPERATION).send(call);
      await settle();
      assert.equal(call.end, 'open');
      assert.equal(bench.counters.lateResponses, 1);
      bench.checkBooks();
    }
  });

  test('closing fails what is open, once, and refuses what comes', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const bench = new Bench(() => promise);
    const calls = [bench.send(), bench.send()];
    bench.service.close();
    resolve('late');
    await settle();
    for (const { error } of calls) assert.equal(error, Errors.draining);
    assert.equal(bench.send().error, Errors.draining);
    bench.checkBooks();
  });
});
