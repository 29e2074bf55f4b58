// Bolt services that take nothing of what is queued for them, or little: simulated network.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import type { BoltTarget } from '#core/upstream/bolt/bolt-target.ts';
import { serveBolt, type SimBoltService } from '#test/simulation/sim-bolt-service.ts';
import { CALM } from '#test/simulation/sim-http-service.ts';
import { FIRST_ONLY, FORM, makePool } from '../support/bolt-bench.ts';
import { FIRST_PORT, PoolBench, SECOND_PORT } from '../support/pool-bench.ts';

describe('a Bolt service that takes nothing', () => {
  const ONE = { ...FIRST_ONLY, connections: 1 };
  const LARGE = 'x'.repeat(4000);

  function fill(bench: PoolBench, target: BoltTarget): void {
    for (let i = 0; i < 30; i++) {
      bench.send(target, `${i} ${LARGE}`);
      bench.advance(1);
    }
  }

  test('holds its clients up for a while only, and serves again once it goes on', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const { target, pool } = makePool(bench, ONE);
    bench.send(target, 'works');
    bench.advance(100);
    bench.observer.relievedLinks.length = 0;
    service.stall();
    fill(bench, target);
    assert.ok(bench.observer.congestedLinks.length > 0);
    bench.advance(4900);
    assert.equal(bench.observer.relievedLinks.length, 0);
    assert.equal(pool.status()[0]?.state, 'ready');
    bench.advance(600);
    assert.deepEqual(new Set(bench.observer.relievedLinks), new Set(bench.observer.congestedLinks));
    assert.equal(pool.status()[0]?.state, 'stalled');
    assert.equal(bench.send(target, 'refused').error, Errors.upstreamStalled);
    assert.equal(bench.counters.stalls, 1);
    service.goOn();
    bench.advance(1000);
    assert.equal(pool.status()[0]?.state, 'ready');
    assert.equal(bench.calls.filter(({ end }) => end === 'answered').length, 31);
    assert.equal(bench.send(target, 'again').end, 'open');
    bench.advance(200);
    assert.equal(bench.calls.at(-1)?.end, 'answered');
    assert.equal(bench.counters.stalls, 1);
    bench.assertAllEnded();
  });

  test('is left alone while another host serves', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const second = serveBolt(bench.network, SECOND_PORT, FORM);
    const { target } = makePool(bench, { connections: 1 });
    bench.send(target, 'works');
    bench.advance(100);
    service.stall();
    fill(bench, target);
    bench.advance(5500);
    for (let i = 0; i < 10; i++) bench.send(target, `call ${i}`);
    bench.advance(500);
    assert.ok(bench.calls.slice(-10).every(({ end }) => end === 'answered'));
    assert.equal(second.requests, 10);
  });

  test('does not hold them up again by taking new connections', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const { target, pool } = makePool(bench, { ...ONE, heartbeatMs: 3000 });
    bench.send(target, 'works');
    bench.advance(100);
    service.stall();
    fill(bench, target);
    bench.advance(5500);
    const [first] = bench.network.openTo(FIRST_PORT);
    bench.advance(10_000);
    assert.notEqual(bench.network.openTo(FIRST_PORT)[0], first, 'heartbeats gave it up');
    assert.equal(pool.status()[0]?.state, 'ready', 'it was connected anew');
    bench.observer.congestedLinks.length = 0;
    fill(bench, target);
    assert.equal(bench.send(target, 'refused').error, Errors.upstreamStalled);
    assert.deepEqual(bench.observer.congestedLinks, []);
    service.goOn();
    bench.advance(2000);
    bench.send(target, 'again');
    bench.advance(500);
    assert.equal(bench.calls.at(-1)?.end, 'answered');
    fill(bench, target);
    assert.ok(bench.observer.congestedLinks.length > 0, 'it is waited for again');
    bench.advance(3000);
    bench.assertAllEnded();
  });

  test('may speak: that says nothing', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM);
    const { target, pool } = makePool(bench, ONE);
    bench.send(target, 'works');
    bench.advance(100);
    service.stall();
    fill(bench, target);
    for (let i = 0; i < 18; i++) {
      service.speak();
      bench.advance(300);
    }
    assert.equal(bench.counters.stalls, 1);
    assert.ok(bench.observer.relievedLinks.length > 0);
    bench.observer.congestedLinks.length = 0;
    for (let i = 0; i < 30; i++) {
      service.speak();
      bench.advance(300);
      assert.equal(bench.send(target, 'refused').error, Errors.upstreamStalled);
    }
    assert.deepEqual(bench.observer.congestedLinks, []);
    service.goOn();
    bench.advance(2000);
    assert.equal(pool.status()[0]?.state, 'ready');
    bench.assertAllEnded();
  });

  /** The service takes a little every 200 ms, and answers nothing. */
  function takeSlowly(bench: PoolBench, service: SimBoltService, ms: number): void {
    for (let i = 0; i < ms; i += 200) {
      service.speak();
      service.goOn();
      bench.advance(1);
      service.stall();
      bench.advance(199);
    }
  }

  test('is not one that takes slowly, but that is not waited for without end', () => {
    const bench = new PoolBench();
    const service = serveBolt(bench.network, FIRST_PORT, FORM, { ...CALM, silence: 1 });
    const { target, pool } = makePool(bench, { ...ONE, stallMs: 1000 });
    bench.send(target, 'works');
    bench.advance(100);
    service.stall();
    for (let i = 0; i < 4; i++) fill(bench, target);
    bench.observer.relievedLinks.length = 0;
    takeSlowly(bench, service, 10_000);
    assert.equal(bench.counters.stalls, 0);
    assert.deepEqual(bench.observer.relievedLinks, []);
    takeSlowly(bench, service, 4000);
    assert.equal(bench.counters.stalls, 1);
    assert.ok(bench.observer.relievedLinks.length > 0);
    service.goOn();
    bench.advance(3000);
    assert.equal(pool.status()[0]?.state, 'ready');
    for (const call of bench.calls) if (call.end === 'open') bench.cancel(target, call);
    bench.assertAllEnded();
  });

  test('is not one that is slow but answers', () => {
    const bench = new PoolBench(1, { delayMsMax: 40, pieceBytesMax: 4000, pipeBytesMax: 8000 });
    serveBolt(bench.network, FIRST_PORT, FORM);
    const { target } = makePool(bench, ONE);
    bench.send(target, 'works');
    bench.advance(300);
    for (let round = 0; round < 7; round++) {
      fill(bench, target);
      bench.advance(1000);
    }
    assert.ok(bench.observer.congestedLinks.length > 0);
    assert.equal(bench.counters.stalls, 0);
    bench.advance(60_000);
    bench.assertAllEnded();
  });
});
