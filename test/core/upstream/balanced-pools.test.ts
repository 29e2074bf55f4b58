// Pools with a balancer on a simulated network, the same tests for Bolt and HTTP: load goes to all
// hosts, a host that dies costs no call that was not on its way to it, and one that comes back is
// used again.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BOLT_V1, Codec } from '#core/codec/bolt/types.ts';
import type { BalancePolicy } from '#core/upstream/balance.ts';
import { BoltPool } from '#core/upstream/bolt/bolt-pool.ts';
import { BoltTarget } from '#core/upstream/bolt/bolt-target.ts';
import { HttpPool } from '#core/upstream/http/http-pool.ts';
import { HttpTarget } from '#core/upstream/http/http-target.ts';
import { serveBolt } from '#test/simulation/sim-bolt-service.ts';
import { serveHttp } from '#test/simulation/sim-http-service.ts';
import { FIRST_PORT, PoolBench, SECOND_PORT, type TestTarget } from './support/pool-bench.ts';

interface Kind {
  readonly name: string;
  open(bench: PoolBench, balance: BalancePolicy): { target: TestTarget; close(): void };
  serve(bench: PoolBench, port: number): { readonly requests: number };
}

const COMMON = { operationType: 'test.call', addedHeaders: [] };

const KINDS: readonly Kind[] = [
  {
    name: 'BoltPool',
    open(bench, balance) {
      const heartbeats = { heartbeatMs: 15_000, heartbeatMissesMax: 3, stallMs: 5000 };
      const settings = { ...bench.settings({ balance }), connections: 2, form: BOLT_V1 };
      const pool = new BoltPool({ ...settings, ...heartbeats }, bench.environment);
      const called = { service: 'com.test.Service:1.0', method: 'call', codec: Codec.hessian };
      const how = { ...COMMON, ...called, form: BOLT_V1, forwardedHeaders: [] };
      return { target: new BoltTarget(pool, how), close: () => pool.close() };
    },
    serve: (bench, port) => serveBolt(bench.network, port, BOLT_V1),
  },
  {
    name: 'HttpPool',
    open(bench, balance) {
      const bounds = { connectionsMax: 6, idleTimeoutMs: 60_000 };
      const pool = new HttpPool({ ...bench.settings({ balance }), ...bounds }, bench.environment);
      const how = { ...COMMON, verb: 'POST' as const, path: '/call', authority: 'service' };
      const target = new HttpTarget(pool, { ...how, forwardedHeaders: null });
      return { target, close: () => pool.close() };
    },
    serve: (bench, port) => serveHttp(bench.network, port),
  },
];

const POLICIES: readonly BalancePolicy[] = ['round-robin', 'least-open'];

for (const kind of KINDS) {
  for (const balance of POLICIES) {
    describe(`${kind.name} with ${balance}`, () => {
      test('spreads calls over both hosts, one at a time and many at once', () => {
        for (const atOnce of [1, 8]) {
          const bench = new PoolBench();
          const services = [FIRST_PORT, SECOND_PORT].map((port) => kind.serve(bench, port));
          const { target, close } = kind.open(bench, balance);
          for (let i = 0; i < 200; i += atOnce) {
            for (let n = 0; n < atOnce; n++) bench.send(target, `call ${i + n}`);
            bench.advance(400);
          }
          assert.ok(bench.calls.every(({ end }) => end === 'answered'));
          const [first, second] = services.map(({ requests }) => requests);
          assert.ok(Math.min(first!, second!) >= 80, `${atOnce} at once: ${first} and ${second}`);
          bench.assertAllEnded();
          close();
        }
      });

      test('loses only what was on its way to a host that dies, and goes back to it', () => {
        const bench = new PoolBench();
        const first = kind.serve(bench, FIRST_PORT);
        kind.serve(bench, SECOND_PORT);
        const { target, close } = kind.open(bench, balance);
        for (let i = 0; i < 40; i++) {
          bench.send(target, `before ${i}`);
          bench.advance(30);
        }
        assert.ok(first.requests > 5);
        bench.advance(500);
        bench.network.setMode(FIRST_PORT, 'refusing');
        for (const connection of bench.network.openTo(FIRST_PORT)) connection.fail('ECONNRESET');
        bench.network.settle();
        const served = first.requests;
        for (let i = 0; i < 60; i++) {
          bench.send(target, `meanwhile ${i}`);
          bench.advance(50);
        }
        bench.advance(500);
        assert.ok(bench.calls.every(({ end }) => end === 'answered'));
        assert.equal(first.requests, served);
        bench.network.setMode(FIRST_PORT, 'up');
        for (let i = 0; i < 60; i++) {
          bench.send(target, `after ${i}`);
          bench.advance(50);
        }
        bench.advance(500);
        assert.ok(bench.calls.every(({ end }) => end === 'answered'));
        assert.ok(first.requests > served + 15, `${first.requests - served} after it came back`);
        bench.assertAllEnded();
        close();
      });

      test('a host that does not answer its handshake holds nobody up once it is known', () => {
        const bench = new PoolBench();
        kind.serve(bench, SECOND_PORT);
        bench.network.setMode(FIRST_PORT, 'silent');
        const { target, close } = kind.open(bench, balance);
        for (let i = 0; i < 4; i++) bench.send(target, `warm up ${i}`);
        bench.advance(1500);
        for (let i = 0; i < 40; i++) {
          const call = bench.send(target, `call ${i}`);
          bench.advance(150);
          assert.equal(call.end, 'answered', `call ${i} waited for a host that does not answer`);
        }
        bench.assertAllEnded();
        close();
      });

      test('fails calls at once while no host can be reached', () => {
        const bench = new PoolBench();
        for (const port of [FIRST_PORT, SECOND_PORT]) bench.network.setMode(port, 'refusing');
        const { target, close } = kind.open(bench, balance);
        bench.send(target, 'a');
        bench.send(target, 'b');
        bench.advance(40);
        assert.ok(bench.calls.every(({ end }) => end === 'failed'));
        assert.equal(bench.send(target, 'c').end, 'failed');
        bench.assertAllEnded();
        close();
      });
    });
  }
}
