// The Bolt pool on a simulated network: each call ends once, with its own answer or a reason; as
// many connections as configured; nothing is written to a connection that was closed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Errors } from '#core/base/errors.ts';
import type { BalancePolicy } from '#core/upstream/balance.ts';
import { BOLT_V1, BOLT_V2_CRC, Codec } from '#core/codec/bolt/types.ts';
import { BoltTarget } from '#core/upstream/bolt/bolt-target.ts';
import { serveBolt } from '#test/simulation/sim-bolt-service.ts';
import { CALM } from '#test/simulation/sim-http-service.ts';
import type { HostMode } from '#test/simulation/sim-network.ts';
import { CONNECTIONS, FIRST_ONLY, FORM, makePool } from '../support/bolt-bench.ts';
import { FIRST_PORT, PoolBench, SECOND_PORT } from '../support/pool-bench.ts';

describe('BoltPool', () => {
  for (const form of [BOLT_V1, BOLT_V2_CRC]) {
    test(`many calls share the connections; each gets its own answer (v${form.version})`, () => {
      const bench = new PoolBench();
      serveBolt(bench.network, FIRST_PORT, form);
      const { target } = makePool(bench, { form });
      for (let i = 0; i < 300; i++) bench.send(target, `call ${i}`);
      bench.advance(1000);
      assert.ok(bench.calls.every(({ end }) => end === 'answered'));
      assert.equal(bench.network.peakTo(FIRST_PORT), CONNECTIONS);
      bench.assertAllEnded();
    });
  }

  test('a refused connection fails the calls that wait, and the next ones at once', () => {
    const bench = new PoolBench();
    bench.network.setMode(FIRST_PORT, 'refusing');
    const { target, pool } = makePool(bench, FIRST_ONLY);
    const waiting = bench.send(target, 'a');
    bench.advance(20);
    assert.equal(waiting.error, Errors.upstreamConnectRefused);
    assert.equal(pool.status()[0]?.state, 'failing');
    assert.equal(bench.send(target, 'b').error, Errors.upstreamConnectRefused);
    bench.assertAllEnded();
  });

  test('the other host serves while the first cannot be reached', () => {
    const bench = new PoolBench();
    const second = serveBolt(bench.network, SECOND_PORT, FORM);
    bench.network.setMode(FIRST_PORT, 'refusing');
    const { target } = makePool(bench);
    for (let i = 0; i < 10; i++) bench.send(target, `call ${i}`);
    bench.advance(500);
    assert.ok(bench.calls.every(({ end }) => end === 'answered'));
    assert.equal(second.requests, 10);
  });

  test('waiters go to the host that opens first, though a preferred one is being tried', () => {
    // Slow ways: the first host is tried again while the second is still opening.
    const shape = { delayMsMax: 200, pieceBytesMax: 1000, pipeBytesMax: 4096 };
    for (let seed = 0; seed < 20; seed++) {
      const bench = new PoolBench(seed, shape);
      serveBolt(bench.network, SECOND_PORT, FORM);
      bench.network.setMode(FIRST_PORT, 'refusing');
      const { target } = makePool(bench, { reconnectMinMs: 1, reconnectMaxMs: 2 });
      bench.send(target, 'a');
      for (let i = 0; i < 100; i++) {
        bench.network.setMode(FIRST_PORT, i % 2 === 0 ? 'silent' : 'refusing');
        bench.send(target, `call ${i}`);
        bench.advance(7);
      }
      bench.advance(5000);
      bench.assertAllEnded();
    }
  });

  test('a host that never answers the handshake does not hold calls up again and again', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, SECOND_PORT, FORM);
    bench.network.setMode(FIRST_PORT, 'silent');
    const { target } = makePool(bench);
    bench.send(target, 'warm up');
    bench.advance(700);
    bench.send(target, 'warm up');
    bench.advance(100);
    for (let i = 0; i < 60; i++) {
      const call = bench.send(target, `call ${i}`);
      bench.advance(150);
      assert.equal(call.end, 'answered', `call ${i} waited for a host that does not answer`);
    }
  });

  test('a pool that lost one of its connections gets it back', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM);
    const { target, pool } = makePool(bench, FIRST_ONLY);
    for (let i = 0; i < 20; i++) {
      bench.send(target, 'a');
      bench.advance(100);
      bench.network.openTo(FIRST_PORT)[i % 2]?.fail('ECONNRESET');
      if (i % 3 === 0) bench.network.openTo(FIRST_PORT)[0]?.fail('ECONNRESET');
      bench.network.settle();
    }
    bench.advance(5000);
    assert.equal(pool.status()[0]?.connections, CONNECTIONS);
  });

  test('one attempt of several that fails is made again', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM);
    const { target, pool } = makePool(bench, { ...FIRST_ONLY, connections: 4 });
    bench.send(target, 'a');
    // The attempts that are on their way meet a host that changes its mind.
    const [one] = bench.network.openTo(FIRST_PORT);
    one!.fail('ECONNREFUSED');
    bench.network.settle();
    bench.advance(5000);
    assert.equal(pool.status()[0]?.connections, 4);
    bench.assertAllEnded();
  });

  test('a silent peer is asked, and given up after the misses allowed', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM, { ...CALM, silence: 1 });
    const { target } = makePool(bench, { ...FIRST_ONLY, connections: 1, heartbeatMs: 5000 });
    const call = bench.send(target, 'a');
    bench.advance(4000);
    assert.equal(service.heartbeats, 0);
    bench.advance(20_000);
    assert.ok(service.heartbeats >= 2, 'an idle connection is kept alive');
    assert.equal(call.end, 'open');
    service.acknowledges = false;
    bench.advance(15_000);
    assert.equal(call.error, Errors.upstreamReset);
    assert.ok(bench.counters.heartbeatsMissed >= 3);
  });

  test('a call that is sent again at once does not go to the connection that failed', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const { target } = makePool(bench, { ...FIRST_ONLY, connections: 1 });
    bench.send(target, 'works');
    bench.advance(500);
    service.chaos = { ...CALM, garbage: 1 };
    bench.observer.onFailed = () => {
      bench.observer.onFailed = () => {};
      service.chaos = CALM;
      bench.send(target, 'again');
    };
    const failing = bench.send(target, 'fails');
    bench.advance(3000);
    assert.equal(failing.error, Errors.upstreamProtocol);
    assert.equal(bench.calls.at(-1)?.end, 'answered');
    bench.assertAllEnded();
  });

  test('an answer after a cancel is dropped and counted', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM);
    const { target } = makePool(bench, FIRST_ONLY);
    const call = bench.send(target, 'a');
    bench.advance(8);
    bench.cancel(target, call);
    bench.advance(500);
    assert.equal(call.end, 'cancelled');
    assert.equal(bench.counters.lateResponses >= 1, true);
    bench.assertAllEnded();
  });

  test('a body that the service could not read is refused before it is sent', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const { pool } = makePool(bench, FIRST_ONLY);
    const target = new BoltTarget(pool, {
      operationType: 'test.call',
      service: 'com.test.Service:1.0',
      method: 'call',
      codec: Codec.protobuf,
      form: FORM,
      addedHeaders: [],
      forwardedHeaders: [],
    });
    const call = bench.send(target, '\xff\xff\xff');
    bench.advance(100);
    assert.equal(call.error, Errors.bodyMalformed);
    assert.equal(service.requests, 0);
    bench.assertAllEnded();
  });

  test('close fails what waits and runs, and refuses what comes', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM, { ...CALM, silence: 1 });
    const { target, pool } = makePool(bench);
    for (let i = 0; i < 10; i++) bench.send(target, `call ${i}`);
    bench.advance(100);
    pool.close();
    bench.network.settle();
    assert.equal(bench.send(target, 'late').error, Errors.draining);
    bench.assertAllEnded();
    bench.advance(10_000);
    assert.equal(bench.network.openTo(FIRST_PORT).length, 0);
  });
});

const stepArbitrary = fc.record({
  kind: fc.constantFrom('send', 'send', 'send', 'cancel', 'advance', 'advance', 'mode', 'kill'),
  pick: fc.nat(10_000),
});

const MODES: readonly HostMode[] = ['up', 'up', 'refusing', 'silent'];

test('property: BoltPool ends every call once, whatever services and network do', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom<BalancePolicy>('first', 'round-robin', 'least-open'),
      fc.array(stepArbitrary, { maxLength: 80, size: 'max' }),
      (seed, balance, steps) => {
        const bench = new PoolBench(seed);
        const chaos = { silence: 0.05, breaks: 0.1, garbage: 0.05 };
        const services = [FIRST_PORT, SECOND_PORT].map((port) =>
          serveBolt(bench.network, port, FORM, chaos),
        );
        const { pool, target } = makePool(bench, { waitersMax: 8, balance });
        for (const { kind, pick } of steps) {
          const open = bench.calls.filter(({ end }) => end === 'open');
          const port = pick % 3 === 0 ? SECOND_PORT : FIRST_PORT;
          if (kind === 'send') {
            bench.send(target, `body ${pick}`.repeat(1 + (pick % 9)));
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
            assert.ok(bench.network.openTo(host).length <= CONNECTIONS);
          }
        }
        for (const port of [FIRST_PORT, SECOND_PORT]) bench.network.setMode(port, 'up');
        for (const service of services) service.chaos = CALM;
        bench.advance(6000);
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
