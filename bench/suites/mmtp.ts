// Suite `mmtp`: Mmtp to Bolt (protobuf, passed through) and to HTTP with the full chain of
// filters, at several numbers of connections and streams. Each kind of upstream and session has a
// gateway process of its own, so that no case runs code that another one shaped. Beside the gateway
// runs the floor: what moving the same bytes costs without any check (bench/floor); and MOSN, which
// passes the same Bolt requests to the same service and checks no session (bench/peers/mosn.ts).

import { floorMissing, startFloor } from '../floor/floor.ts';
import type { LoadResult } from '../load/tally.ts';
import { mosnMissing, startMosn } from '../peers/mosn.ts';
import {
  cpuRatios,
  differences,
  qpsPerCore,
  ratios,
  runRounds,
  summarize,
  type Measurements,
  type RoundCase,
} from '../rounds.ts';
import { median, rounded, type BenchCase, type SkippedCase, type SuiteResult } from '../report.ts';
import type { Child } from '../rig/child.ts';
import { OPERATION, type GatewaySetup, type UpstreamKind } from '../rig/gateway-config.ts';
import { Rig, type LoadSpec } from '../rig/rig.ts';
import { selectCases, type BenchOptions, type ProfiledSuite, type Suite } from '../suite.ts';
import {
  ADDED,
  CPU_RATIOS,
  MMTP_CASES,
  MOSN_RATIOS,
  SMOKE_CASES,
  type MmtpCase,
  type MmtpLoad,
  type PeerName,
} from './mmtp-matrix.ts';

/** What stands where the gateway does, to compare it with. */
interface Peer {
  /** Why it takes no part; null: it can. */
  missing(): string | null;
  /** Starts it in front of a Bolt service. */
  start(rig: Rig, servicePort: number): Promise<Child>;
  /** What it is loaded with. */
  readonly measure: typeof measureMmtp;
}

const PEERS = {
  /** The service itself: what an answer takes without anything between. */
  direct: { missing: () => null, start: startDirect, measure: measureDirect },
  /** Carries sessions and does not read them. */
  floor: { missing: floorMissing, start: startFloor, measure: measureMmtp },
  mosn: { missing: mosnMissing, start: startMosn, measure: measureBolt },
} as const satisfies Readonly<Record<PeerName, Peer>>;

/** The gateway with its session check over MOSN without, by size. */
function mosnRatios(
  figureName: string,
  measured: Measurements,
  figure: (result: LoadResult) => number | null,
): Record<string, number> {
  const specs = MOSN_RATIOS.map((spec) => ({ ...spec, name: `${figureName}${spec.name}` }));
  return ratios(specs, measured, figure);
}

/** Part of the closed loop's rate that the open loop offers. */
const RATE_SHARE = 0.5;

/** A smoke run measures a gateway that is not warm: it must not be close to its limit. */
const SMOKE_RATE_SHARE = 0.1;

/** Services, gateways and peers of a run, started when the first case needs them. */
class MmtpStage {
  readonly #rig: Rig;
  readonly #services = new Map<UpstreamKind, Child>();
  readonly #gateways = new Map<string, Child>();
  readonly #peers = new Map<PeerName, Child>();

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  /** @param nodeFlags flags of the gateway's runtime */
  async gateway(setup: GatewaySetup, nodeFlags: readonly string[] = []): Promise<Child> {
    const { upstream, session } = setup;
    const key = `${upstream} ${session}`;
    let gateway = this.#gateways.get(key);
    if (gateway !== undefined) return gateway;
    const service = await this.#service(upstream);
    gateway = await this.#rig.startGateway(setup, service.port('service'), nodeFlags);
    this.#gateways.set(key, gateway);
    return gateway;
  }

  async #service(upstream: UpstreamKind): Promise<Child> {
    let service = this.#services.get(upstream);
    if (service === undefined) {
      service = await this.#rig.startService(upstream);
      this.#services.set(upstream, service);
    }
    return service;
  }

  /** What stands between generator and service in a case. */
  async #proxy(spec: MmtpCase): Promise<Child> {
    const { proxy } = spec;
    if (proxy === 'gateway') return this.gateway(spec);
    let peer = this.#peers.get(proxy);
    if (peer === undefined) {
      const service = await this.#service(spec.upstream);
      peer = await PEERS[proxy].start(this.#rig, service.port('service'));
      this.#peers.set(proxy, peer);
    }
    return peer;
  }

  /** @param rate requests per second of an open loop; 0: closed loop */
  async measure(spec: MmtpCase, options: BenchOptions, rate: number): Promise<LoadResult> {
    const measure = spec.proxy === 'gateway' ? measureMmtp : PEERS[spec.proxy].measure;
    return measure(spec, await this.#proxy(spec), this.#rig, options, rate);
  }
}

/**
 * Loads what stands between generator and service once.
 *
 * @param rate requests per second of an open loop; 0: closed loop
 */
export function measureMmtp(
  spec: MmtpLoad,
  proxy: Child,
  rig: Rig,
  options: BenchOptions,
  rate: number,
): Promise<LoadResult> {
  const own = spec.session === 'none' ? {} : { 'session-keys': rig.keysFile };
  const flags = { ...loadFlags(spec, proxy, rate), port: proxy.port('mmtp'), ...own };
  return runGenerator('mmtp-load', rig, options, flags);
}

/** The same for a proxy that takes Bolt: requests as the gateway would send them to the service. */
function measureBolt(
  spec: MmtpLoad,
  proxy: Child,
  rig: Rig,
  options: BenchOptions,
  rate: number,
): Promise<LoadResult> {
  const flags = { ...loadFlags(spec, proxy, rate), port: proxy.port('bolt') };
  return runGenerator('bolt-load', rig, options, flags);
}

/** The service alone; its CPU is no gateway's, so none is watched. */
function measureDirect(
  spec: MmtpLoad,
  service: Child,
  rig: Rig,
  options: BenchOptions,
  rate: number,
): Promise<LoadResult> {
  const flags = { ...loadFlags(spec, service, rate), port: service.port('service'), watch: 0 };
  return runGenerator('bolt-load', rig, options, flags);
}

function runGenerator(
  generator: LoadSpec['generator'],
  rig: Rig,
  { seconds, warmUpMs }: BenchOptions,
  flags: LoadSpec['flags'],
): Promise<LoadResult> {
  return rig.runLoad({ generator, seconds, warmUpMs, flags });
}

/** A service of its own: there is nothing to start in front of it. */
function startDirect(rig: Rig): Promise<Child> {
  return rig.startService('bolt');
}

/** Flags that both generators know. */
function loadFlags(spec: MmtpLoad, proxy: Child, rate: number) {
  return {
    watch: proxy.pid,
    operation: OPERATION,
    connections: spec.connections,
    streams: spec.streams,
    rate,
    arrivals: spec.arrivals ?? 'even',
    format: spec.upstream === 'bolt' ? 'protobuf' : 'json',
  };
}

export const mmtpSuite: Suite = {
  name: 'mmtp',
  summary: 'Mmtp to Bolt and to HTTP, by connections x streams and by session',
  async run(options: BenchOptions): Promise<SuiteResult> {
    const isShort = options.isSmoke && options.cases.length === 0;
    const chosen = selectCases(MMTP_CASES, isShort ? SMOKE_CASES : options.cases);
    const rig = new Rig();
    try {
      return await runCases(chosen, new MmtpStage(rig), options);
    } finally {
      await rig.close();
    }
  },
};

/** Cases with their gateway under the profiler. */
export const mmtpProfile: ProfiledSuite = {
  name: 'mmtp',
  cases: MMTP_CASES.filter(({ halfOf, proxy }) => halfOf === null && proxy === 'gateway').map(
    ({ name }) => name,
  ),
  defaultCase: 'mmtp-bolt-16x16',
  async measure(name, rig, options, nodeFlags) {
    const spec = MMTP_CASES.find((entry) => entry.name === name)!;
    const stage = new MmtpStage(rig);
    const gateway = await stage.gateway(spec, nodeFlags);
    return { gateway, result: await stage.measure(spec, options, 0) };
  },
};

async function runCases(
  wanted: readonly MmtpCase[],
  stage: MmtpStage,
  options: BenchOptions,
): Promise<SuiteResult> {
  const reasonOf = ({ proxy }: MmtpCase) => (proxy === 'gateway' ? null : PEERS[proxy].missing());
  const chosen = wanted.filter((spec) => reasonOf(spec) === null);
  const skipped = wanted.flatMap((spec): SkippedCase[] => {
    const reason = reasonOf(spec);
    return reason === null ? [] : [{ name: spec.name, reason }];
  });
  const closed = chosen.filter(({ halfOf }) => halfOf === null);
  const measured = await runRounds(
    closed.map((spec): RoundCase => {
      return { name: spec.name, measure: () => stage.measure(spec, options, 0) };
    }),
    options.rounds,
    options.onProgress,
  );
  const cases = closed.map(({ name }) => summarize(name, measured.get(name) ?? []));
  const half = chosen.filter(({ halfOf }) => halfOf !== null);
  const halfMeasured = await measureHalf(half, cases, stage, options);
  cases.push(...half.map((spec) => halfMeasured.get(spec.name)!.summary));
  const open = new Map(half.map(({ name }) => [name, halfMeasured.get(name)!.results]));
  const found = {
    ...mosnRatios('qpsPerCore', measured, qpsPerCore),
    ...mosnRatios('qps', measured, ({ qps }) => qps),
    ...cpuRatios(CPU_RATIOS, measured),
    ...differences([{ ...ADDED, name: 'addedRtP50Us' }], open, ({ p50Us }) => p50Us),
    ...differences([{ ...ADDED, name: 'addedRtP99Us' }], open, ({ p99Us }) => p99Us),
  };
  return { cases, ratios: found, skipped };
}

/** One open-loop case over its rounds. */
interface HalfMeasured {
  readonly results: readonly LoadResult[];
  readonly summary: BenchCase;
}

/** Response times at half the rate of closed loops, which are measured if they were not. */
async function measureHalf(
  specs: readonly MmtpCase[],
  closed: readonly BenchCase[],
  stage: MmtpStage,
  options: BenchOptions,
): Promise<ReadonlyMap<string, HalfMeasured>> {
  const share = options.isSmoke ? SMOKE_RATE_SHARE : RATE_SHARE;
  const qpsOf = new Map(closed.map(({ name, qps }) => [name, qps]));
  for (const { name, halfOf } of specs) {
    if (qpsOf.has(halfOf!)) continue;
    options.onProgress(`${halfOf}, for the rate of ${name}`);
    const whole = MMTP_CASES.find((entry) => entry.name === halfOf)!;
    qpsOf.set(halfOf!, (await stage.measure(whole, options, 0)).qps);
  }
  const rateOf = ({ halfOf }: MmtpCase) => Math.max(1, Math.floor(qpsOf.get(halfOf!)! * share));
  const measured = await runRounds(
    specs.map((spec): RoundCase => {
      return { name: spec.name, measure: () => stage.measure(spec, options, rateOf(spec)) };
    }),
    options.rounds,
    options.onProgress,
  );
  return new Map(
    specs.map((spec) => {
      const results = measured.get(spec.name)!;
      const lateP99Us = rounded(median(results.map((result) => result.lateP99Us)));
      const summary = { ...summarize(spec.name, results), rate: rateOf(spec), lateP99Us };
      return [spec.name, { results, summary }];
    }),
  );
}
