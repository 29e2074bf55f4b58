// The HTTP pool on a simulated network: each call ends once, with its own answer or a reason; never
// more connections than allowed; nothing is written to a connection that was closed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Errors } from '#core/base/errors.ts';
import type { BalancePolicy } from '#core/upstream/balance.ts';
import { HttpPool, type HttpSettings } from '#core/upstream/http/http-pool.ts';
import { HttpTarget } from '#core/upstream/http/http-target.ts';
import { CALM, echoOf, serveHttp } from '#test/simulation/sim-http-service.ts';
import type { HostMode } from '#test/simulation/sim-network.ts';
import { FIRST_PORT, PoolBench, SECOND_PORT } from '../support/pool-bench.ts';

const CONNECTIONS_MAX = 3;

function makePool(
  bench: PoolBench,
  change: Partial<HttpSettings> = {},
): {
  readonly pool: HttpPool;
  readonly target: HttpTarget;
} {
  const settings = {
    ...bench.settings(),
    connectionsMax: CONNECTIONS_MAX,
    idleTimeoutMs: 4000,
    ...change,
  };
  const pool = new HttpPool(settings, bench.environment);
  const target = new HttpTarget(pool, {
    operationType: 'test.call',
    verb: 'POST',
    path: '/call',
    authority: 'service',
    addedHeaders: [],
    forwardedHeaders: null,
  });
  return { pool, target };
}

describe('HttpPool', () => {
  test('opens a connection for the first call and uses it again', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT);
    const { target, pool } = makePool(bench);
    let answered = 0;
    for (let i = 0; i < 20; i++) {
      const call = bench.send(target, `call ${i}`);
      bench.advance(500);
      if (call.end === 'answered') answered++;
    }
    assert.equal(answered, 20);
    assert.ok(bench.counters.connects < 20, 'no connection was used twice');
    assert.equal(bench.network.peakTo(FIRST_PORT), 1);
    assert.equal(pool.status()[0]?.openRequests, 0);
    bench.assertAllEnded();
  });

  test('LIMIT: never more connections than allowed; the rest waits its turn', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT);
    const { target } = makePool(bench);
    for (let i = 0; i < 60; i++) bench.send(target, `call ${i}`);
    assert.equal(bench.network.openTo(FIRST_PORT).length, CONNECTIONS_MAX);
    bench.advance(2000);
    assert.equal(bench.network.peakTo(FIRST_PORT), CONNECTIONS_MAX);
    bench.assertAllEnded();
    assert.ok(bench.calls.every(({ end }) => end === 'answered'));
  });

  test('what comes before a request has left is no answer to it', () => {
    // Every byte is a read of its own, and all of them come before the next request is flushed.
    const bench = new PoolBench(1, { delayMsMax: 0, pieceBytesMax: 1, pipeBytesMax: 4096 });
    const answerTo = (body: string): Buffer => {
      const text = echoOf(body);
      return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    };
    const twice = Buffer.concat([answerTo('first'), answerTo('second')]);
    bench.network.serve(FIRST_PORT, (transport) => ({
      onBytes(bytes, start, end) {
        if (!bytes.latin1Slice(start, end).endsWith('first')) return 0;
        transport.out.append(twice, 0, twice.length);
        transport.flushSoon();
        return end - start;
      },
      onWritable() {},
      onEnd: () => transport.destroy(),
      onClose() {},
    }));
    const { target } = makePool(bench, { connectionsMax: 1 });
    const first = bench.send(target, 'first');
    const second = bench.send(target, 'second');
    bench.advance(100);
    assert.equal(first.end, 'answered');
    assert.equal(second.error, Errors.upstreamReset);
    assert.equal(bench.counters.protocolErrors, 1);
    bench.assertAllEnded();
  });

  test('a refused connection fails the calls that wait, and the next ones at once', () => {
    const bench = new PoolBench();
    bench.network.setMode(FIRST_PORT, 'refusing');
    const { target, pool } = makePool(bench, { hosts: [{ host: 'first', port: FIRST_PORT }] });
    const waiting = bench.send(target, 'a');
    bench.advance(20);
    assert.equal(waiting.error, Errors.upstreamConnectRefused);
    assert.equal(pool.status()[0]?.state, 'failing');
    const next = bench.send(target, 'b');
    assert.equal(next.error, Errors.upstreamConnectRefused);
    assert.equal(bench.counters.connects, 1);
    bench.assertAllEnded();
  });

  test('a host that comes back is used again', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT);
    bench.network.setMode(FIRST_PORT, 'refusing');
    const { target } = makePool(bench, { hosts: [{ host: 'first', port: FIRST_PORT }] });
    bench.send(target, 'a');
    bench.advance(20);
    bench.network.setMode(FIRST_PORT, 'up');
    bench.advance(100);
    const call = bench.send(target, 'b');
    bench.advance(500);
    assert.equal(call.end, 'answered');
  });

  test('the other host serves while the first cannot be reached', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT);
    const second = serveHttp(bench.network, SECOND_PORT);
    bench.network.setMode(FIRST_PORT, 'refusing');
    const { target } = makePool(bench);
    const calls = Array.from({ length: 10 }, (_, i) => bench.send(target, `call ${i}`));
    bench.advance(1500);
    assert.ok(calls.every(({ end }) => end === 'answered'));
    assert.equal(second.requests, 10);
    bench.assertAllEnded();
  });

  test('a host that never answers the handshake does not hold calls up again and again', () => {
    const bench = new PoolBench();
    const second = serveHttp(bench.network, SECOND_PORT);
    bench.network.setMode(FIRST_PORT, 'silent');
    const { target } = makePool(bench);
    bench.send(target, 'warm up');
    bench.advance(1000);
    assert.equal(second.requests, 1);
    // The first host is tried again behind the scenes; calls go where a connection is ready.
    for (let i = 0; i < 60; i++) {
      const call = bench.send(target, `call ${i}`);
      bench.advance(200);
      assert.equal(call.end, 'answered', `call ${i} waited for a host that does not answer`);
    }
  });

  test('a call that waits too long is told so', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT, { ...CALM, silence: 1 });
    const { target } = makePool(bench, { waitMs: 300 });
    const calls = Array.from({ length: 5 }, (_, i) => bench.send(target, `call ${i}`));
    bench.advance(400);
    assert.equal(calls[4]!.error, Errors.upstreamWaitTimeout);
    for (const call of calls.slice(0, 3)) bench.cancel(target, call);
    bench.advance(10);
    bench.assertAllEnded();
  });

  test('idle connections are closed after their time', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT);
    const { target } = makePool(bench, { idleTimeoutMs: 1000 });
    bench.send(target, 'a');
    bench.advance(500);
    bench.advance(2000);
    assert.equal(bench.network.openTo(FIRST_PORT).length, 0);
  });

  test('close fails what waits and runs, and refuses what comes', () => {
    const bench = new PoolBench();
    serveHttp(bench.network, FIRST_PORT, { ...CALM, silence: 1 });
    const { target, pool } = makePool(bench);
    for (let i = 0; i < 10; i++) bench.send(target, `call ${i}`);
    bench.advance(100);
    pool.close();
    bench.network.settle();
    bench.advance(10);
    const late = bench.send(target, 'late');
    assert.equal(late.error, Errors.draining);
    bench.assertAllEnded();
    bench.advance(10_000);
    assert.equal(bench.network.openTo(FIRST_PORT).length, 0);
  });

  test('a streamed answer stops while its reader is full, and goes on', () => {
    const bench = new PoolBench(3);
    serveHttp(bench.network, FIRST_PORT);
    const { target } = makePool(bench);
    const body = 'abcdefghij'.repeat(50);
    bench.observer.takesStream = false;
    const call = bench.send(target, body, true);
    bench.advance(1000);
    if (call.end === 'open') {
      const before = call.body.length;
      bench.advance(1000);
      assert.equal(call.body.length, before, 'went on though its reader is full');
    }
    bench.observer.takesStream = true;
    for (let i = 0; i < 10 && call.end === 'open'; i++) {
      target.resumeStream(call);
      bench.network.settle();
      bench.advance(1000);
    }
    assert.ok(call.end === 'streamed' || call.end === 'answered');
    assert.ok(call.body === echoOf(body), call.body);
  });
});

const stepArbitrary = fc.record({
  kind: fc.constantFrom('send', 'send', 'send', 'cancel', 'advance', 'advance', 'mode', 'kill'),
  pick: fc.nat(10_000),
});

const MODES: readonly HostMode[] = ['up', 'up', 'refusing', 'silent'];

test('property: HttpPool ends every call once, whatever services and network do', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom<BalancePolicy>('first', 'round-robin', 'least-open'),
      fc.array(stepArbitrary, { maxLength: 80, size: 'max' }),
      (seed, balance, steps) => {
        const bench = new PoolBench(seed);
        const chaos = { silence: 0.05, breaks: 0.15, garbage: 0.05 };
        for (const port of [FIRST_PORT, SECOND_PORT]) serveHttp(bench.network, port, chaos);
        const { pool, target } = makePool(bench, { waitersMax: 8, balance });
        for (const { kind, pick } of steps) {
          const open = bench.calls.filter(({ end }) => end === 'open');
          const port = pick % 3 === 0 ? SECOND_PORT : FIRST_PORT;
          if (kind === 'send') {
            bench.send(target, `body ${pick}`.repeat(1 + (pick % 9)), pick % 2 === 0);
          } else if (kind === 'cancel' && open.length > 0) {
            bench.cancel(target, open[pick % open.length]!);
          } else if (kind === 'advance') {
            bench.advance(pick % 400);
          } else if (kind === 'mode') {
            bench.network.setMode(port, MODES[pick % MODES.length]!);
          } else if (kind === 'kill') {
            bench.network.openTo(port)[0]?.fail('ECONNRESET');
            bench.network.settle();
          }
          for (const host of [FIRST_PORT, SECOND_PORT]) {
            assert.ok(bench.network.openTo(host).length <= CONNECTIONS_MAX);
          }
        }
        bench.advance(3000);
        // What is left waits for services that stay silent: its deadline would cancel it.
        for (const call of bench.calls) if (call.end === 'open') bench.cancel(target, call);
        pool.close();
        bench.network.settle();
        bench.advance(5000);
        bench.assertAllEnded();
        for (const host of [FIRST_PORT, SECOND_PORT]) {
          assert.equal(bench.network.openTo(host).length, 0);
        }
        assert.equal(bench.environment.idleTimers.armedCount, 0);
      },
    ),
    { numRuns: 300 },
  );
});
