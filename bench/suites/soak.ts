// Suite `soak`: what becomes of a gateway in time. Case `soak` runs mixed traffic at a fixed rate,
// with clients that come and leave, broken frames, slow readers, cancelled calls and timeouts, and
// looks at memory, heap, open files and connections all along; `idle-mmtp` and `idle-http` are what
// thousands of idle connections cost. `--seconds 3600` is the real one.

import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { hasProfile, mergeFlags, readSides } from '../compare/sides.ts';
import type { LoadResult } from '../load/tally.ts';
import { HOST } from '../peers/peer-network.ts';
import { summarize } from '../rounds.ts';
import { rounded, type BenchCase, type SuiteResult } from '../report.ts';
import { runChild, startChild, type Child } from '../rig/child.ts';
import { chosenSource, gatewayCommand, prepareSource } from '../rig/gateway-source.ts';
import { measureIdle } from '../rig/idle-connections.ts';
import { Rig } from '../rig/rig.ts';
import { GENERATOR_NODE_FLAGS } from '../rig/runtime-flags.ts';
import { leftovers, lookAt } from '../soak/gateway-view.ts';
import { LARGE_BYTES, soakConfig, type SoakServices } from '../soak/soak-config.ts';
import { figuresOf, type SoakSample } from '../soak/trend.ts';
import { selectCases, type BenchOptions, type Suite } from '../suite.ts';

/** Length of a soak unless told otherwise: enough to see that it runs. Seconds. */
const DEFAULT_SECONDS = 60;
const DEFAULT_RATE = 1000;
const SMOKE_SECONDS_MIN = 1.5;
const SMOKE_RATE = 200;

/** A smoke run opens so many that the CPU time for it is some ticks of the kernel's clock. */
const IDLE_CONNECTIONS = 10_000;
const SMOKE_IDLE_CONNECTIONS = 2000;

/** Looks at the gateway in a run, and the shortest time between two. */
const SAMPLES = 240;
const SAMPLE_MS_MIN = 100;

/** Part of the window that the traffic runs before it, at most a minute: heaps find their size. */
const WARM_UP_SHARE = 0.1;
const WARM_UP_MS_MAX = 60_000;

/** LIMIT: what the generator needs beside its window: start, sessions, last answers. */
const LOAD_EXTRA_MS = 40_000;

const CASES = [{ name: 'soak' }, { name: 'idle-mmtp' }, { name: 'idle-http' }] as const;

export const soakSuite: Suite = {
  name: 'soak',
  summary: 'mixed traffic and trouble for --seconds at --rate; memory over time, idle connections',
  defaultSeconds: DEFAULT_SECONDS,
  async run(options: BenchOptions): Promise<SuiteResult> {
    const chosen = selectCases(CASES, options.cases);
    const stage = new SoakStage(options);
    try {
      const cases: BenchCase[] = [];
      for (const { name } of chosen) {
        options.onProgress(name);
        if (name === 'soak') cases.push(await stage.soak());
        else cases.push(await stage.idle(name === 'idle-mmtp' ? 'mmtp' : 'http'));
      }
      return { cases, ratios: ratiosOf(cases), skipped: [] };
    } finally {
      await stage.close();
    }
  },
};

/** Last quarter over first quarter. */
function ratiosOf(cases: readonly BenchCase[]): Record<string, number> {
  const { soak } = cases.find(({ name }) => name === 'soak') ?? {};
  if (soak === undefined || soak.rssFirstMb === 0) return {};
  return {
    rssLastOverFirst: rounded(soak.rssLastMb / soak.rssFirstMb),
    heapLastOverFirst: rounded(soak.heapLastMb / soak.heapFirstMb),
  };
}

/** What the generator of a soak tells. */
interface SoakResult extends LoadResult {
  /** Acts that ended as they should, by name. */
  readonly acts: Readonly<Record<string, number>>;
}

/** Services and gateways of a soak. */
class SoakStage {
  readonly #options: BenchOptions;
  readonly #rig = new Rig();
  #silent: Server | null = null;
  #started: Promise<SoakServices> | null = null;

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  async soak(): Promise<BenchCase> {
    const { isSmoke } = this.#options;
    const given = this.#options.seconds;
    const seconds = isSmoke ? Math.max(given, SMOKE_SECONDS_MIN) : given;
    const rate = this.#options.rate ?? (isSmoke ? SMOKE_RATE : DEFAULT_RATE);
    const warmUpMs = Math.min(WARM_UP_MS_MAX, seconds * 1000 * WARM_UP_SHARE);
    const gateway = await this.#startGateway();
    const sampler = new Sampler(gateway, Math.max(SAMPLE_MS_MIN, (seconds * 1000) / SAMPLES));
    const load = this.#load(gateway, seconds, warmUpMs, rate).finally(() => sampler.stop());
    const [found] = await Promise.all([load, sampler.run()]);
    const samples = sampler.last(seconds * 1000);
    const left = await leftovers(gateway);
    const summary = summarize('soak', [found]);
    const count = Object.values(left).reduce((sum, value) => sum + value, 0);
    await gateway.stop();
    return {
      ...summary,
      wrong: summary.wrong + count,
      problems: { ...summary.problems, ...left },
      rate,
      lateP99Us: found.lateP99Us,
      soak: figuresOf(samples, found.acts),
    };
  }

  /** A gateway for each protocol: memory that one frees would hide what another needs. */
  async idle(protocol: 'mmtp' | 'http'): Promise<BenchCase> {
    const count = this.#options.isSmoke ? SMOKE_IDLE_CONNECTIONS : IDLE_CONNECTIONS;
    const gateway = await this.#startGateway();
    const cost = await measureIdle(gateway, protocol, count);
    const left = await leftovers(gateway);
    await gateway.stop();
    const at = (share: number) => cost.openUs[Math.ceil(count * share) - 1] ?? 0;
    return {
      name: `idle-${protocol}`,
      requests: count,
      qps: rounded(count / cost.seconds),
      p50Us: rounded(at(0.5)),
      p99Us: rounded(at(0.99)),
      cpuUsPerRequest: cost.cpuUs === null ? null : rounded(cost.cpuUs / count),
      rssMb: rounded(cost.rssMb),
      wrong: Object.values(left).reduce((sum, value) => sum + value, 0),
      problems: left,
      kibPerConnection: cost.kibPerConnection,
    };
  }

  async close(): Promise<void> {
    await this.#rig.close();
    this.#silent?.close();
  }

  async #load(
    gateway: Child,
    seconds: number,
    warmUpMs: number,
    rate: number,
  ): Promise<SoakResult> {
    const command = [
      process.execPath,
      ...GENERATOR_NODE_FLAGS,
      'bench/load/soak-load.ts',
      `--port=${gateway.port('mmtp')}`,
      `--http-port=${gateway.port('http')}`,
      `--session-keys=${this.#rig.keysFile}`,
      `--watch=${gateway.pid}`,
      `--seconds=${seconds}`,
      `--warm-up-ms=${warmUpMs}`,
      `--rate=${rate}`,
    ];
    const spec = { name: 'soak-load', command, cpu: this.#rig.restCpu };
    const result = await runChild(spec, seconds * 1000 + warmUpMs + LOAD_EXTRA_MS);
    // The generator is the project's own and writes exactly this.
    return result as unknown as SoakResult;
  }

  async #startGateway(): Promise<Child> {
    const rig = this.#rig;
    const config = rig.write('soak.json', soakConfig(await this.#services()));
    const own = [`--config=${config}`, '--admin-port=0', '--admin-open'];
    const [side] = this.#options.sides ?? readSides({});
    const base = rig.gatewayFlags({ upstream: 'http', session: 'cold' }, 1, hasProfile(side));
    // `--a` adds flags of the sidecar, as it does for a side of `compare`.
    const flags = mergeFlags(mergeFlags(base, own), side.flags);
    const source = chosenSource();
    await prepareSource(source);
    const command = [...gatewayCommand(source), ...flags];
    return rig.adopt(await startChild({ name: 'gateway', command, cpu: rig.gatewayCpu }));
  }

  #services(): Promise<SoakServices> {
    this.#started ??= this.#startServices();
    return this.#started;
  }

  async #startServices(): Promise<SoakServices> {
    const rig = this.#rig;
    const [bolt, http] = [await rig.startService('bolt'), await rig.startService('http')];
    const service = 'bench/peers/http-service.ts';
    const command = [process.execPath, service, `--response-bytes=${LARGE_BYTES}`];
    const large = await startChild({ name: 'large service', command, cpu: rig.restCpu });
    rig.adopt(large);
    return {
      bolt: bolt.port('service'),
      http: http.port('service'),
      large: large.port('service'),
      silent: await this.#startSilentService(),
    };
  }

  /** A service that takes everything and says nothing. */
  async #startSilentService(): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
    });
    server.listen(0, HOST);
    await once(server, 'listening');
    this.#silent = server;
    const address = server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }
}

/** Looks at a gateway again and again until it is stopped. */
class Sampler {
  readonly #gateway: Child;
  readonly #everyMs: number;
  readonly #startMs = performance.now();
  readonly #samples: SoakSample[] = [];
  readonly #stopped = new AbortController();

  constructor(gateway: Child, everyMs: number) {
    this.#gateway = gateway;
    this.#everyMs = everyMs;
  }

  async run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#samples.push(await lookAt(this.#gateway, this.#startMs));
      // Aborted: that is how it ends.
      await delay(this.#everyMs, undefined, { signal }).catch(() => {});
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Samples of the last `ms`: what came before was start and warm-up. */
  last(ms: number): readonly SoakSample[] {
    const endMs = this.#samples.at(-1)?.atMs ?? 0;
    return this.#samples.filter(({ atMs }) => atMs >= endMs - ms);
  }
}
