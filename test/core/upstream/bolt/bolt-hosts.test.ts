// Which host of a Bolt pool gets calls, and how often one that fails is tried: simulated network.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appendHeartbeat } from '#core/codec/bolt/encoder.ts';
import type { BoltTarget } from '#core/upstream/bolt/bolt-target.ts';
import { serveBolt } from '#test/simulation/sim-bolt-service.ts';
import { CALM } from '#test/simulation/sim-http-service.ts';
import { FIRST_ONLY, FORM, makePool } from '../support/bolt-bench.ts';
import { FIRST_PORT, PoolBench, SECOND_PORT } from '../support/pool-bench.ts';

describe('a host that accepts and never answers', () => {
  const IMPATIENT = { connections: 1, heartbeatMs: 500, heartbeatMissesMax: 2 };

  /** One call every 50 ms; how many of them were answered. */
  function answeredOf(bench: PoolBench, target: BoltTarget, count: number): number {
    const calls = [];
    for (let i = 0; i < count; i++) {
      calls.push(bench.send(target, `call ${i}`));
      bench.advance(50);
    }
    bench.advance(200);
    return calls.filter(({ end }) => end === 'answered').length;
  }

  for (const balance of ['first', 'round-robin', 'least-open'] as const) {
    test(`is left to others until it is heard, ${balance}`, () => {
      const bench = new PoolBench();
      const first = serveBolt(bench.network, FIRST_PORT, FORM);
      const second = serveBolt(bench.network, SECOND_PORT, FORM);
      const { target } = makePool(bench, { ...IMPATIENT, balance });
      assert.equal(answeredOf(bench, target, 20), 20);
      first.stall();
      answeredOf(bench, target, 80);
      const { connects } = bench.counters;
      assert.equal(answeredOf(bench, target, 300), 300);
      assert.ok(bench.counters.connects - connects >= 3, 'it is tried again and again');
      first.goOn();
      bench.advance(5000);
      const [before, others] = [first.requests, second.requests];
      assert.equal(answeredOf(bench, target, 20), 20);
      assert.ok(first.requests > before, 'it serves again');
      if (balance === 'first') assert.equal(second.requests, others);
      for (const call of bench.calls) if (call.end === 'open') bench.cancel(target, call);
      bench.assertAllEnded();
    });
  }

  test('is used all the same while there is no other', () => {
    const bench = new PoolBench();
    const first = serveBolt(bench.network, FIRST_PORT, FORM);
    const { target, pool } = makePool(bench, IMPATIENT);
    bench.network.setMode(SECOND_PORT, 'refusing');
    assert.equal(answeredOf(bench, target, 5), 5);
    first.acknowledges = false;
    first.chaos = { ...CALM, silence: 1 };
    answeredOf(bench, target, 60);
    assert.ok(bench.counters.heartbeatsMissed >= 2);
    while (pool.status()[0]?.state !== 'ready') bench.advance(10);
    first.chaos = CALM;
    const call = bench.send(target, 'used');
    bench.advance(700);
    assert.equal(call.end, 'answered');
    bench.advance(5000);
    for (const one of bench.calls) if (one.end === 'open') bench.cancel(target, one);
    bench.assertAllEnded();
  });

  test('is heard again by another connection that answers', () => {
    const bench = new PoolBench();
    const first = serveBolt(bench.network, FIRST_PORT, FORM);
    const second = serveBolt(bench.network, SECOND_PORT, FORM);
    const { target } = makePool(bench, { ...IMPATIENT, connections: 2 });
    assert.equal(answeredOf(bench, target, 6), 6);
    first.stallOne();
    answeredOf(bench, target, 80);
    const others = second.requests;
    bench.advance(1000);
    assert.equal(answeredOf(bench, target, 10), 10);
    assert.equal(second.requests, others);
    for (const call of bench.calls) if (call.end === 'open') bench.cancel(target, call);
    bench.assertAllEnded();
  });
});

describe('a Bolt connection that is lost', () => {
  const SECONDS = 10;

  /** Connects of a pool to a server that closes every connection, without a request. */
  function connectsTo(connections: number, saysFirst: boolean): number {
    const bench = new PoolBench();
    bench.network.serve(FIRST_PORT, (transport) => {
      if (saysFirst) appendHeartbeat(transport.out, FORM, 1, 1000);
      transport.end(1000);
      return {
        onBytes: (_bytes, start, end) => end - start,
        onWritable: () => {},
        onEnd: () => transport.destroy(),
        onClose: () => {},
      };
    });
    const { target } = makePool(bench, { ...FIRST_ONLY, connections });
    bench.send(target, 'a');
    bench.advance(SECONDS * 1000);
    bench.assertAllEnded();
    return bench.counters.connects;
  }

  for (const connections of [1, 2, 4]) {
    test(`does not come back without a pause, with ${connections} connections`, () => {
      // The settings say 50 ms, and up to half of it less.
      const connects = connectsTo(connections, true) / connections;
      assert.ok(connects > SECONDS, `${connects} connects`);
      assert.ok(connects <= (SECONDS * 1000) / 25, `${connects} connects`);
    });

    test(`pauses grow when it was of no use, with ${connections} connections`, () => {
      // The settings say at most a second, and up to half of it less.
      const connects = connectsTo(connections, false) / connections;
      assert.ok(connects > SECONDS, `${connects} connects`);
      assert.ok(connects <= 2 * SECONDS + 8, `${connects} connects`);
    });
  }

  const PATIENT = { ...FIRST_ONLY, connections: 1, reconnectMinMs: 800, reconnectMaxMs: 800 };

  function loseOne(bench: PoolBench): void {
    bench.network.openTo(FIRST_PORT)[0]!.fail('ECONNRESET');
    bench.network.settle();
  }

  test('comes back at once if it had worked for a while', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM);
    const { target } = makePool(bench, PATIENT);
    bench.send(target, 'a');
    bench.advance(1200);
    loseOne(bench);
    const next = bench.send(target, 'b');
    bench.advance(200);
    assert.equal(next.end, 'answered');
    bench.assertAllEnded();
  });

  test('is waited for if it had worked at all', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM);
    const { target } = makePool(bench, PATIENT);
    bench.send(target, 'a');
    bench.advance(200);
    loseOne(bench);
    const next = bench.send(target, 'b');
    bench.advance(300);
    assert.equal(next.end, 'open');
    bench.advance(1000);
    assert.equal(next.end, 'answered');
    bench.assertAllEnded();
  });

  test('is not waited for while another host serves', () => {
    const bench = new PoolBench();
    serveBolt(bench.network, FIRST_PORT, FORM);
    const second = serveBolt(bench.network, SECOND_PORT, FORM);
    const { target } = makePool(bench, { connections: 1, reconnectMinMs: 800 });
    bench.send(target, 'a');
    bench.advance(200);
    loseOne(bench);
    const next = bench.send(target, 'b');
    bench.advance(200);
    assert.equal(next.end, 'answered');
    assert.equal(second.requests, 1);
    bench.assertAllEnded();
  });

  test('that was never of use leaves its host to the others', () => {
    const bench = new PoolBench();
    const second = serveBolt(bench.network, SECOND_PORT, FORM);
    bench.network.serve(FIRST_PORT, () => null);
    const { target } = makePool(bench);
    bench.send(target, 'may be lost');
    bench.advance(500);
    for (let i = 0; i < 100; i++) {
      bench.send(target, `call ${i}`);
      bench.advance(20);
    }
    bench.advance(500);
    assert.ok(bench.calls.slice(1).every(({ end }) => end === 'answered'));
    assert.ok(second.requests >= 100);
    bench.assertAllEnded();
  });
});

describe('calls that wait', () => {
  const LARGE = 'x'.repeat(1000);
  const LOW = { highWatermarkBytes: 8192 };
  // So fast that a host which reads has always room.
  const FAST = { delayMsMax: 0, pieceBytesMax: 4096, pipeBytesMax: 4096 };

  /** Calls that come before the connections are open. */
  function fill(bench: PoolBench, target: BoltTarget, count: number): void {
    for (let i = 0; i < count; i++) bench.send(target, `waits ${i} ${LARGE}`);
  }

  for (const balance of ['first', 'round-robin', 'least-open'] as const) {
    test(`go to a host that has room, beside one that is full, ${balance}`, () => {
      const bench = new PoolBench(1, FAST);
      const first = serveBolt(bench.network, FIRST_PORT, FORM);
      const second = serveBolt(bench.network, SECOND_PORT, FORM);
      bench.network.setMode(FIRST_PORT, 'refusing');
      const { target } = makePool(bench, { ...LOW, connections: 1, balance });
      // Both have worked for a while when they lose their connections.
      bench.send(target, 'a');
      bench.advance(20);
      bench.network.setMode(FIRST_PORT, 'up');
      bench.advance(500);
      for (let i = 0; i < 4; i++) bench.send(target, `works ${i}`);
      bench.advance(1500);
      first.stall();
      for (const port of [FIRST_PORT, SECOND_PORT]) bench.network.openTo(port)[0]!.fail('');
      bench.network.settle();
      fill(bench, target, 60);
      assert.equal(bench.counters.waiters, 60);
      bench.advance(500);
      assert.equal(bench.counters.waiters, 0);
      assert.ok(second.requests >= 40, `${second.requests} requests`);
      // New ones do not join a line.
      const { requests } = second;
      for (let i = 0; i < 10; i++) bench.send(target, `call ${i}`);
      bench.advance(200);
      if (balance !== 'first') assert.ok(second.requests >= requests + 4);
      first.goOn();
      bench.advance(2000);
      bench.assertAllEnded();
    });
  }

  test('go to another connection of the host that has room', () => {
    const bench = new PoolBench(1, FAST);
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const { target } = makePool(bench, { ...FIRST_ONLY, ...LOW, connections: 2 });
    fill(bench, target, 60);
    bench.network.later(0, () => service.stallOne());
    bench.advance(1000);
    assert.equal(bench.counters.waiters, 0);
    assert.ok(service.requests >= 40, `${service.requests} requests`);
    service.goOn();
    bench.advance(2000);
    bench.assertAllEnded();
  });

  test('come before new ones, which wait only while no connection has room', () => {
    const bench = new PoolBench(1, FAST);
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    service.stall();
    const { target } = makePool(bench, { ...FIRST_ONLY, ...LOW, connections: 1 });
    fill(bench, target, 30);
    bench.advance(100);
    assert.ok(bench.counters.waiters > 10, `${bench.counters.waiters} wait`);
    const next = bench.send(target, 'new');
    service.goOn();
    bench.advance(1000);
    assert.equal(next.end, 'answered');
    const bodies = [...service.seen.keys()].map((body) => body.slice(0, 8).trim());
    const expected = Array.from({ length: 30 }, (_, i) => `waits ${i}`);
    assert.deepEqual(bodies, [...expected, 'new']);
    bench.assertAllEnded();
  });
});
