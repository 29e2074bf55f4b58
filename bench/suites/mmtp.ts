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
  qpsPerCore,
  ratios,
  runRounds,
  summarize,
  type Measurements,
  type RatioSpec,
  type RoundCase,
} from '../rounds.ts';
import type { BenchCase, SkippedCase, SuiteResult } from '../report.ts';
import type { Child } from '../rig/child.ts';
import {
  OPERATION,
  type GatewaySetup,
  type SessionMode,
  type UpstreamKind,
} from '../rig/gateway-config.ts';
import { Rig } from '../rig/rig.ts';
import { selectCases, type BenchOptions, type ProfiledSuite, type Suite } from '../suite.ts';

/** Streams per connection that an open loop may have open: what a gateway allows by default. */
export const OPEN_LOOP_STREAMS = 4096;

/** What is offered to a gateway. */
export interface MmtpLoad extends GatewaySetup {
  readonly connections: number;
  readonly streams: number;
  /** Of an open loop; at an even pace unless given. */
  readonly arrivals?: 'even' | 'random';
}

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
  /** Carries sessions and does not read them. */
  floor: { missing: floorMissing, start: startFloor, measure: measureMmtp },
  mosn: { missing: mosnMissing, start: startMosn, measure: measureBolt },
} as const satisfies Readonly<Record<string, Peer>>;

type PeerName = keyof typeof PEERS;

/** One case. */
export interface MmtpCase extends MmtpLoad {
  readonly name: string;
  /** Name of the closed-loop case at whose half rate requests are offered; null: closed loop. */
  readonly halfOf: string | null;
  /** What stands between generator and service. */
  readonly proxy: 'gateway' | PeerName;
}

const SIZES = ['1x1', '16x1', '16x16', '64x16'] as const;
/** Sizes at which the floor is measured too. */
const FLOOR_SIZES: readonly string[] = ['1x1', '16x1', '16x16'];
/** Sizes whose ratios to others have targets. */
const TARGET_SIZES: readonly string[] = ['16x16', '16x1'];
const UPSTREAMS: readonly UpstreamKind[] = ['bolt', 'http'];
const SESSIONS: readonly SessionMode[] = ['cold', 'cached', 'none'];

/**
 * What the open loop takes half the rate of. Its requests come one by one, as those of 16x1 do;
 * the rate of 16x16 rests on batches, and half of it can be more than there is without them.
 */
const HALF_SIZE = '16x1';

/** Sizes and sessions of a smoke run: each kind of process and each code path once. */
const SMOKE_CASES: readonly string[] = [
  'mmtp-bolt-1x1',
  'mmtp-bolt-16x16',
  'floor-16x16',
  'mosn-bolt-16x16',
  'mmtp-bolt-16x16-cached',
  'mmtp-bolt-16x16-none',
  'mmtp-bolt-16x1-half',
  'mmtp-http-16x16',
];

/** All cases. A name without a session mode means `cold`. */
export const MMTP_CASES: readonly MmtpCase[] = UPSTREAMS.flatMap((upstream) => [
  ...SIZES.flatMap((size) => {
    const [cold, ...others] = SESSIONS.map((session) => closedLoop(upstream, size, session));
    // Right behind the case that it is compared with.
    const peers = upstream === 'bolt' ? peersAt(size) : [];
    return [cold!, ...peers, ...others];
  }),
  openLoop(closedLoop(upstream, HALF_SIZE, 'cold')),
]);

function closedLoop(upstream: UpstreamKind, size: string, session: SessionMode): MmtpCase {
  const [connections = 1, streams = 1] = size.split('x').map(Number);
  const name = caseName(upstream, size, session);
  return { name, upstream, session, connections, streams, halfOf: null, proxy: 'gateway' };
}

function peersAt(size: string): readonly MmtpCase[] {
  const cold = closedLoop('bolt', size, 'cold');
  const floor: MmtpCase = { ...cold, name: `floor-${size}`, proxy: 'floor' };
  // Bolt has no place for a session.
  const mosn: MmtpCase = { ...cold, name: mosnName(size), session: 'none', proxy: 'mosn' };
  return [
    ...(FLOOR_SIZES.includes(size) ? [floor] : []),
    ...(TARGET_SIZES.includes(size) ? [mosn] : []),
  ];
}

function mosnName(size: string): string {
  return `mosn-bolt-${size}`;
}

function openLoop(closed: MmtpCase): MmtpCase {
  const { name } = closed;
  return { ...closed, name: `${name}-half`, streams: OPEN_LOOP_STREAMS, halfOf: name };
}

function caseName(upstream: UpstreamKind, size: string, session: SessionMode): string {
  return `mmtp-${upstream}-${size}${session === 'cold' ? '' : `-${session}`}`;
}

/** What the gateway does over moving bytes, by size. */
const FLOOR_RATIOS: readonly RatioSpec[] = TARGET_SIZES.map((size) => {
  const upper = caseName('bolt', size, 'cold');
  return { name: `cpuOverFloor ${size}`, upper, lower: `floor-${size}` };
});

/** The gateway with its session check over MOSN without, by size. */
function mosnRatios(
  figureName: string,
  measured: Measurements,
  figure: (result: LoadResult) => number | null,
): Record<string, number> {
  const specs = TARGET_SIZES.map((size): RatioSpec => {
    const upper = caseName('bolt', size, 'cold');
    return { name: `${figureName}OverMosn ${size}`, upper, lower: mosnName(size) };
  });
  return ratios(specs, measured, figure);
}

/** What a verified session and an HTTP upstream cost, by size. */
const COST_RATIOS: readonly RatioSpec[] = SIZES.flatMap((size) => [
  ...UPSTREAMS.flatMap((upstream) => {
    const cold = caseName(upstream, size, 'cold');
    return [
      { name: `cpuColdOverNone ${cold}`, upper: cold, lower: caseName(upstream, size, 'none') },
      { name: `cpuCachedOverCold ${cold}`, upper: caseName(upstream, size, 'cached'), lower: cold },
    ];
  }),
  {
    name: `cpuHttpOverBolt ${size}`,
    upper: caseName('http', size, 'cold'),
    lower: caseName('bolt', size, 'cold'),
  },
]);

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
  return rig.runLoad({
    generator: 'mmtp-load',
    seconds: options.seconds,
    warmUpMs: options.warmUpMs,
    flags: {
      port: proxy.port('mmtp'),
      ...loadFlags(spec, proxy, rate),
      ...(spec.session === 'none' ? {} : { 'session-keys': rig.keysFile }),
    },
  });
}

/** The same for a proxy that takes Bolt: requests as the gateway would send them to the service. */
function measureBolt(
  spec: MmtpLoad,
  proxy: Child,
  rig: Rig,
  options: BenchOptions,
  rate: number,
): Promise<LoadResult> {
  return rig.runLoad({
    generator: 'bolt-load',
    seconds: options.seconds,
    warmUpMs: options.warmUpMs,
    flags: { port: proxy.port('bolt'), ...loadFlags(spec, proxy, rate) },
  });
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
  for (const spec of chosen) {
    if (spec.halfOf !== null) cases.push(await measureHalf(spec, cases, stage, options));
  }
  const found = {
    ...mosnRatios('qpsPerCore', measured, qpsPerCore),
    ...mosnRatios('qps', measured, ({ qps }) => qps),
    ...cpuRatios([...FLOOR_RATIOS, ...COST_RATIOS], measured),
  };
  return { cases, ratios: found, skipped };
}

/** Response time at half the rate of the closed loop, which is measured if it was not. */
async function measureHalf(
  spec: MmtpCase,
  cases: readonly BenchCase[],
  stage: MmtpStage,
  options: BenchOptions,
): Promise<BenchCase> {
  options.onProgress(spec.name);
  let qps = cases.find(({ name }) => name === spec.halfOf)?.qps;
  if (qps === undefined) {
    const closed = MMTP_CASES.find(({ name }) => name === spec.halfOf) ?? spec;
    qps = (await stage.measure(closed, options, 0)).qps;
  }
  const share = options.isSmoke ? SMOKE_RATE_SHARE : RATE_SHARE;
  const rate = Math.max(1, Math.floor(qps * share));
  const result = await stage.measure(spec, options, rate);
  return { ...summarize(spec.name, [result]), rate, lateP99Us: result.lateP99Us };
}
