// One simulated world: a whole Gateway with its listeners, services behind it and clients before
// it, on a network and a clock that follow from one seed. Nothing is real but the gateway's code.

import assert from 'node:assert/strict';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { BOLT_V2_CRC } from '#core/codec/bolt/types.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { KeyRing } from '#core/codec/session/keys.ts';
import { emptyRevocations } from '#core/codec/session/revocation.ts';
import { DownstreamListener } from '#core/downstream/listener.ts';
import type { ExchangeObserver } from '#core/exchange/contract.ts';
import { Gateway, type GatewayInput } from '#core/gateway.ts';
import { LimitBook } from '#core/limit-places.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import type { BalancePolicy } from '#core/upstream/balance.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { checkConfig } from '#config/load.ts';
import type { ConfigSnapshot } from '#config/snapshot.ts';
import { KEY_1 } from '#test/core/codec/session/harness.ts';
import { serveBolt, type SimBoltService } from './sim-bolt-service.ts';
import { SimCalls } from './sim-calls.ts';
import { SimClock } from './sim-clock.ts';
import { SimHttpClient } from './sim-http-client.ts';
import { CALM, serveHttp, type Chaos, type SimHttpService } from './sim-http-service.ts';
import { SimMmtpClient } from './sim-mmtp-client.ts';
import { SimNetwork, type HostMode } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';

const WEB_PORTS = [2001, 2002] as const;
const BOLT_PORT = 2003;
const DEAD_PORT = 2004;
const HTTP_PORT = 3001;
const MMTP_PORT = 3002;

const CONFIG = {
  upstreams: {
    web: {
      protocol: 'http',
      hosts: WEB_PORTS.map((port) => `127.0.0.1:${port}`),
      connectionsMax: 4,
      waitersMax: 100,
    },
    bolt: { protocol: 'bolt', hosts: [`127.0.0.1:${BOLT_PORT}`], boltVersion: 2, boltCrc: true },
    dead: { protocol: 'http', hosts: [`127.0.0.1:${DEAD_PORT}`] },
  },
  apis: [
    { operationType: 'web.echo', upstream: { name: 'web' } },
    { operationType: 'web.safe', upstream: { name: 'web' }, idempotent: true },
    { operationType: 'web.user', upstream: { name: 'web' }, session: 'required' },
    { operationType: 'web.stranger', upstream: { name: 'web' }, session: 'required' },
    { operationType: 'dead.call', upstream: { name: 'dead' } },
    {
      operationType: 'bolt.echo',
      upstream: { name: 'bolt', service: 'com.sim.Echo:1.0', method: 'echo', codec: 'bytes' },
    },
  ],
};

const BALANCES: readonly BalancePolicy[] = ['first', 'round-robin', 'least-open'];

/**
 * From networks that deliver byte by byte, where all is small, to wide ones. Bodies stay below what
 * the gateway reads over when it answers early: beyond it, it closes without an answer to the next.
 */
const SIZES = [
  { pieceBytesMax: 1, pipeBytesMax: 200, bodyBytesMax: 150 },
  { pieceBytesMax: 7, pipeBytesMax: 500, bodyBytesMax: 400 },
  { pieceBytesMax: 100, pipeBytesMax: 2000, bodyBytesMax: 3000 },
  { pieceBytesMax: 2000, pipeBytesMax: 8000, bodyBytesMax: 20_000 },
  { pieceBytesMax: 70_000, pipeBytesMax: 100_000, bodyBytesMax: 200_000 },
] as const;

const MODES: readonly HostMode[] = ['up', 'up', 'up', 'refusing', 'silent'];

/** How rough a world is. */
export interface Weather {
  readonly chaos: Chaos;
  /** Probability that something breaks in a step of 50 ms. */
  readonly breaks: number;
}

export const FAIR: Weather = { chaos: CALM, breaks: 0 };
export const ROUGH: Weather = {
  chaos: { silence: 0.02, breaks: 0.05, garbage: 0.02 },
  breaks: 0.15,
};

/** Counts, and fails the run when a filter fails. */
class Books implements ExchangeObserver {
  started_ = 0;
  completed_ = 0;
  /** Answers whose service broke off when the client's head was written, maybe not sent. */
  brokenStreams = 0;

  started(): void {
    this.started_++;
  }

  completed({ error, response }: Exchange): void {
    this.completed_++;
    if (error !== null && response.isStreaming) this.brokenStreams++;
  }

  filterFailed(filterName: string, phase: string, error: unknown): void {
    assert.fail(`${filterName} failed in ${phase}: ${String(error)}`);
  }

  retried(): void {}

  idle(): void {}
}

/** Everything of one run. */
export class World {
  readonly clock = new SimClock();
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly calls: SimCalls;
  readonly counters = new GatewayCounters();
  readonly gateway: Gateway;
  readonly #books = new Books();
  readonly #input: GatewayInput;
  readonly #kernels = new TypeScriptKernels();
  readonly #listeners: readonly DownstreamListener[];
  readonly #services: readonly (SimHttpService | SimBoltService)[];
  readonly #clients: readonly (SimHttpClient | SimMmtpClient)[];

  /** Builds the world that belongs to `seed`. */
  static async create(seed: number, weather: Weather): Promise<World> {
    const upstreamBalance = BALANCES[seed % BALANCES.length];
    const checked = await checkConfig({ ...CONFIG, limits: { upstreamBalance } });
    assert.ok(checked.ok, JSON.stringify(checked));
    const world = new World(seed, checked.snapshot, weather);
    for (const listener of world.#listeners) await listener.open();
    return world;
  }

  private constructor(seed: number, snapshot: ConfigSnapshot, weather: Weather) {
    const { clock, counters } = this;
    const random = new SimRandom(seed);
    this.random = random;
    const { bodyBytesMax, ...pipes } = random.pick(SIZES);
    this.network = new SimNetwork(clock, random, { delayMsMax: random.between(0, 12), ...pipes });
    this.calls = new SimCalls(random, bodyBytesMax);
    const kernels = this.#kernels;
    const keys = new KeyRing([KEY_1], kernels);
    const book = new LimitBook(() => clock.nowMs());
    const limits = book.assign(snapshot.apis);
    book.use();
    const revocations = emptyRevocations();
    this.#input = { snapshot, keys, revocations, limits, customFilters: [] };
    const { network } = this;
    const observer = this.#books;
    const stats = new ApiStatsTable();
    this.gateway = new Gateway(
      { clock, random, network, kernels, counters, stats, observer },
      this.#input,
    );
    this.#listeners = [
      this.#listener(DownstreamProtocol.http1, HTTP_PORT),
      this.#listener(DownstreamProtocol.mmtp, MMTP_PORT),
    ];
    const { chaos } = weather;
    this.#services = [
      ...WEB_PORTS.map((port) => serveHttp(network, port, chaos)),
      serveBolt(network, BOLT_PORT, BOLT_V2_CRC, chaos),
    ];
    const count = bodyBytesMax < 1000 ? 5 : 20;
    this.#clients = [
      ...Array.from({ length: 5 }, () => {
        return new SimHttpClient(network, HTTP_PORT, this.calls, count);
      }),
      ...Array.from({ length: 3 }, () => {
        return new SimMmtpClient(network, MMTP_PORT, this.calls, count * 2);
      }),
    ];
  }

  /** Lets the world run until every client is done, then until everything is quiet. */
  run(weather: Weather): void {
    for (let step = 0; step < 4000 && !this.#isDone(); step++) {
      this.clock.advance(50);
      if (this.random.chance(weather.breaks)) this.#breakSomething();
      if (step % 200 === 199) this.gateway.apply(this.#input);
    }
    for (const service of this.#services) service.chaos = CALM;
    this.clock.advance(30_000);
    assert.ok(this.#isDone(), 'some client still waits');
  }

  /** Every call ended as it may; nothing is left open, waiting or armed. */
  async assertClean(): Promise<void> {
    const { gateway, counters, calls } = this;
    for (const call of calls.all) {
      assert.notEqual(call.end, 'open', `${call.name} (${call.operation.name}) has no answer`);
    }
    const { closedSilently } = calls;
    assert.ok(closedSilently <= this.#books.brokenStreams, 'closed without answer or reason');
    this.#assertNotRepeated();
    assert.equal(gateway.driver.openCount, 0);
    assert.equal(this.#books.completed_, this.#books.started_);
    for (const [name, upstream] of counters.upstreams) {
      assert.equal(upstream.requestsOpen, 0, `requests open at ${name}`);
      assert.equal(upstream.waiters, 0, `requests waiting for ${name}`);
    }
    for (const listener of this.#listeners) {
      assert.equal(listener.connectionCount, 0);
      await listener.close();
    }
    gateway.close();
    this.network.settle();
    this.clock.advance(120_000);
    for (const port of [...WEB_PORTS, BOLT_PORT, DEAD_PORT, HTTP_PORT, MMTP_PORT]) {
      assert.equal(this.network.openTo(port).length, 0, `connections to ${port} are left`);
    }
    assert.equal(gateway.idleTimers.armedCount, 0);
    assert.equal(this.clock.timerCount, 0);
  }

  /** A request that is not safe to repeat reached a service at most once. */
  #assertNotRepeated(): void {
    const seen = new Map<string, number>();
    for (const service of this.#services) {
      for (const [body, times] of service.seen) seen.set(body, (seen.get(body) ?? 0) + times);
    }
    for (const { operation, body, name } of this.calls.all) {
      if (operation.isIdempotent) continue;
      assert.ok((seen.get(body) ?? 0) <= 1, `${name} (${operation.name}) reached a service twice`);
    }
  }

  #isDone(): boolean {
    return this.#clients.every(({ isDone }) => isDone);
  }

  #breakSomething(): void {
    const { random, network } = this;
    const port = random.pick([...WEB_PORTS, BOLT_PORT]);
    switch (random.below(4)) {
      case 0:
        network.setMode(port, random.pick(MODES));
        break;
      case 1: {
        const open = network.openTo(port);
        if (open.length > 0) random.pick(open).fail('ECONNRESET');
        break;
      }
      default:
        random.pick(this.#clients).quit();
    }
    network.settle();
  }

  #listener(protocol: DownstreamProtocol, port: number): DownstreamListener {
    const { listeners } = this.#input.snapshot.config;
    const { clock, counters, gateway, network } = this;
    return new DownstreamListener({
      network,
      host: '127.0.0.1',
      port,
      protocol,
      channel: 1,
      handler: gateway.driver,
      settings: listeners,
      counters,
      clock,
      idleTimers: gateway.idleTimers,
      connectionsMax: listeners.connectionsMax,
      highWatermarkBytes: listeners.highWatermarkBytes,
      trustedPeers: [],
    });
  }
}
