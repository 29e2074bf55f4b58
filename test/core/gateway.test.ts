// The composition root on a simulated network: what a change of configuration does to requests that
// are open, to pools, limits and sessions, and that a refused one does nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { KeyRing } from '#core/codec/session/keys.ts';
import { emptyRevocations } from '#core/codec/session/revocation.ts';
import { Gateway, type GatewayInput } from '#core/gateway.ts';
import { LimitBook } from '#core/limit-places.ts';
import type { FilterFactory } from '#core/pipeline/filter.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { checkConfig } from '#config/load.ts';
import { KEY_1 } from '#test/core/codec/session/harness.ts';
import { mint, mintLegacy, NOW } from '#test/core/codec/session/reference.ts';
import { SimClock } from '#test/simulation/sim-clock.ts';
import { CALM, echoOf, serveHttp } from '#test/simulation/sim-http-service.ts';
import { SimNetwork } from '#test/simulation/sim-network.ts';
import { SimRandom } from '#test/simulation/sim-random.ts';
import { FakeDownstream, FakeObserver } from './exchange/support/fakes.ts';

const OLD_PORT = 2001;
const NEW_PORT = 2002;

type ConfigValue = Readonly<Record<string, unknown>>;

/** A configuration with one upstream at `port`. */
function configFor(port: number, api: ConfigValue = {}, more: ConfigValue = {}): ConfigValue {
  return {
    upstreams: { app: { protocol: 'http', hosts: [`127.0.0.1:${port}`] } },
    apis: [{ operationType: 'test.call', ...api }],
    ...more,
  };
}

class Bench {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly counters = new GatewayCounters();
  readonly observer = new FakeObserver();
  readonly gateway: Gateway;
  readonly #kernels = new TypeScriptKernels();

  static async create(value: ConfigValue): Promise<Bench> {
    return new Bench(await inputOf(value));
  }

  private constructor(input: GatewayInput) {
    const random = new SimRandom(1);
    const shape = { delayMsMax: 2, pieceBytesMax: 1000, pipeBytesMax: 8000 };
    this.network = new SimNetwork(this.clock, random, shape);
    const { clock, network, counters, observer } = this;
    const stats = new ApiStatsTable();
    const kernels = this.#kernels;
    this.gateway = new Gateway(
      { clock, random, network, kernels, counters, stats, observer },
      input,
    );
  }

  /** Sends a request and gives it back as its client sees it. */
  call(body: string): FakeDownstream {
    const client = new FakeDownstream();
    const { driver } = this.gateway;
    driver.batchStarted();
    const exchange = driver.open(client, 1)!;
    const bytes = Buffer.from(`test.call${body}`, 'latin1');
    const { request } = exchange;
    request.source = request.bodySource = bytes;
    request.operationLength = request.bodyOffset = 'test.call'.length;
    request.bodyLength = body.length;
    driver.complete(exchange);
    this.network.settle();
    return client;
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }
}

/** Buckets are filled at their first assignment, whatever the clock of a test shows by then. */
const book = new LimitBook(() => 0);

async function inputOf(
  value: ConfigValue,
  customFilters: readonly FilterFactory[] = [],
): Promise<GatewayInput> {
  const checked = await checkConfig(value);
  assert.ok(checked.ok, JSON.stringify(checked));
  const { snapshot } = checked;
  const keys = new KeyRing([KEY_1], new TypeScriptKernels());
  const limits = book.assign(snapshot.apis);
  book.use();
  return { snapshot, keys, revocations: emptyRevocations(), limits, customFilters };
}

/** Implements a phase that it does not declare. */
const BROKEN_FILTER: FilterFactory = {
  name: 'broken',
  maturity: 'beta',
  phases: [],
  create: () => ({ routed: () => 0 }),
};

describe('Gateway.apply', () => {
  test('new requests follow it, open ones end where they began', async () => {
    const bench = await Bench.create(configFor(OLD_PORT));
    const old = serveHttp(bench.network, OLD_PORT);
    const fresh = serveHttp(bench.network, NEW_PORT);
    const before = bench.call('before');
    bench.gateway.apply(await inputOf(configFor(NEW_PORT, {}, { revision: 5 })));
    const after = bench.call('after');
    bench.advance(1000);
    assert.equal(bench.gateway.revision, 5);
    assert.equal(before.last.body, echoOf('before'));
    assert.equal(after.last.body, echoOf('after'));
    assert.deepEqual([[...old.seen.keys()], [...fresh.seen.keys()]], [['before'], ['after']]);
  });

  test('a replaced pool closes its connections when its requests had time to end', async () => {
    const bench = await Bench.create(configFor(OLD_PORT));
    serveHttp(bench.network, OLD_PORT, { ...CALM, silence: 1 });
    bench.call('hangs');
    bench.advance(100);
    bench.gateway.apply(await inputOf(configFor(NEW_PORT)));
    bench.advance(100);
    assert.equal(bench.network.openTo(OLD_PORT).length, 1);
    bench.advance(61_000);
    assert.equal(bench.network.openTo(OLD_PORT).length, 0);
  });

  test('a pool that did not change keeps its connections', async () => {
    const bench = await Bench.create(configFor(OLD_PORT));
    serveHttp(bench.network, OLD_PORT, { ...CALM, silence: 1 });
    const client = bench.call('hangs');
    bench.advance(100);
    bench.gateway.apply(await inputOf(configFor(OLD_PORT, { timeoutMs: 50 })));
    bench.advance(1000);
    assert.equal(bench.network.openTo(OLD_PORT).length, 1);
    assert.equal(client.replies.length, 0, 'an open request keeps the time it began with');
    bench.call('short');
    bench.advance(200);
    assert.equal(bench.counters.upstream('app').connects, 2);
  });

  test('a limit goes on with what is left of it', async () => {
    const limit = { qps: 1, burst: 1 };
    const bench = await Bench.create(configFor(OLD_PORT, { limit }));
    serveHttp(bench.network, OLD_PORT);
    bench.call('first');
    bench.gateway.apply(await inputOf(configFor(OLD_PORT, { limit }, { revision: 2 })));
    assert.equal(bench.call('second').last.code, 1002);
  });

  test('a refused filter changes nothing, now or later', async () => {
    const bench = await Bench.create(configFor(OLD_PORT));
    const service = serveHttp(bench.network, OLD_PORT);
    const input = await inputOf(configFor(NEW_PORT, {}, { revision: 9 }), [BROKEN_FILTER]);
    assert.throws(() => bench.gateway.apply(input), /"broken" implements the phase routed/);
    assert.notEqual(bench.gateway.revision, 9);
    assert.equal(bench.gateway.clusters()[0]?.hosts[0]?.host, `127.0.0.1:${OLD_PORT}`);
    bench.advance(120_000);
    const client = bench.call('still');
    bench.advance(1000);
    assert.equal(client.last.body, echoOf('still'));
    assert.equal(service.requests, 1);
  });
});

describe('Gateway.close', () => {
  test('leaves no connection and no timer, replaced pools included', async () => {
    const bench = await Bench.create(configFor(OLD_PORT));
    for (const port of [OLD_PORT, NEW_PORT]) serveHttp(bench.network, port);
    bench.call('one');
    bench.advance(500);
    bench.gateway.apply(await inputOf(configFor(NEW_PORT)));
    bench.call('two');
    bench.advance(500);
    bench.gateway.close();
    bench.network.settle();
    bench.advance(2000);
    assert.equal(bench.network.openTo(OLD_PORT).length, 0);
    assert.equal(bench.network.openTo(NEW_PORT).length, 0);
    assert.equal(bench.clock.timerCount, 0);
  });
});

describe('Gateway: sessions of BIND', () => {
  const device = Buffer.from('phone');
  const claims = { uid: '5', sid: '0'.repeat(32), iat: NOW - 10, ttl: 3600 };
  const legacy = mintLegacy(JSON.stringify(claims));

  test('a valid one passes on its channel, a damaged one nowhere', async () => {
    const { driver } = (await Bench.create(configFor(OLD_PORT))).gateway;
    const session = mint();
    assert.equal(driver.checkSession(session, 1, device), true);
    assert.equal(driver.checkSession(session, 2, device), false);
    const damaged = Buffer.from(session);
    damaged[30]! ^= 1;
    assert.equal(driver.checkSession(damaged, 1, device), false);
    assert.equal(driver.checkSession(Buffer.alloc(0), 1, device), false);
  });

  test('a legacy one is not even looked at where no API takes it', async () => {
    const { driver } = (await Bench.create(configFor(OLD_PORT))).gateway;
    assert.equal(driver.checkSession(legacy, 1, device), false);
  });
});
