// Suite `lanes`: what threads are worth. Mmtp to Bolt with cold sessions, as in suite `mmtp`, with
// requests run inline, on one or two lanes, or placed adaptively: a closed loop for capacity, then
// open loops at shares of what one thread can do for response time by offered load.
//
// Capacity is projected from CPU time: what a thread needs per request tells how many requests it
// has time for, and the busiest one is the limit if each has a CPU of its own. It is projected from
// the load that was measured. A thread that is not busy sleeps and wakes more often per request, so
// that a load which leaves threads idle shows less than there is; hence the sweep projects too.
//
// From four CPUs on the gateway has some for itself. On fewer, everybody may use all: with the
// gateway on one of two its threads take turns, a look at a ring finds nothing because the other
// thread could not run, and lanes look dearer than they are. Five rounds of 1 s on two CPUs:
//
//   capacity over inline    16x1 pool-1   16x1 pool-2   16x16 pool-1   16x16 pool-2
//   all on both CPUs               1.16          1.10           1.16           1.54
//   gateway on one of two          1.17          1.04           1.03           1.43
//
// Projected figures of single rounds lay within 12 % of their median either way, on a machine that
// had other work too, but on one CPU pools answered far less and less steadily: 97 k to 173 k
// requests per second at 16x16 with two lanes, against 227 k to 256 k.

import { chooseGroups, type Cores } from '../rig/cores.ts';
import type { LoadResult } from '../load/tally.ts';
import { cpuRatios, ratios, runRounds, summarize, type RatioSpec } from '../rounds.ts';
import { median, rounded, type BenchCase, type SuiteResult } from '../report.ts';
import type { Child } from '../rig/child.ts';
import type { ThreadSetup } from '../rig/gateway-config.ts';
import { Rig } from '../rig/rig.ts';
import { projectedQps, threadMedians } from '../rig/thread-usage.ts';
import { selectCases, type BenchOptions, type ProfiledSuite, type Suite } from '../suite.ts';
import { OPEN_LOOP_STREAMS } from './mmtp-matrix.ts';
import { measureMmtp } from './mmtp.ts';

/** One case. */
export interface LanesCase {
  readonly name: string;
  readonly configuration: string;
  readonly threads: ThreadSetup;
  readonly size: string;
  /** Open loop: share of the inline capacity that is offered, %; null: closed loop. */
  readonly load: number | null;
}

const INLINE = 'inline';
const CONFIGURATIONS: Readonly<Record<string, ThreadSetup>> = {
  [INLINE]: { workers: 0, placement: 'inline' },
  'pool-1': { workers: 1, placement: 'pool' },
  'pool-2': { workers: 2, placement: 'pool' },
  'adaptive-1': { workers: 1, placement: 'adaptive' },
};
const SIZES = ['16x1', '16x16'] as const;

/** Requests that come one by one are those that have a response time of their own. */
const SWEEP_SIZE = '16x1';
const SWEEP_LOADS: readonly number[] = [10, 25, 50, 75, 90];
const SWEEP_CONFIGURATIONS: readonly string[] = [INLINE, 'pool-1', 'adaptive-1'];

/** All cases. */
export const LANES_CASES: readonly LanesCase[] = [
  ...SIZES.flatMap((size) =>
    Object.keys(CONFIGURATIONS).map((configuration) => makeCase(configuration, size, null)),
  ),
  ...SWEEP_LOADS.flatMap((load) =>
    SWEEP_CONFIGURATIONS.map((configuration) => makeCase(configuration, SWEEP_SIZE, load)),
  ),
];

function makeCase(configuration: string, size: string, load: number | null): LanesCase {
  const name = caseName(configuration, load === null ? size : `load-${load}`);
  return { name, configuration, threads: CONFIGURATIONS[configuration]!, size, load };
}

function caseName(configuration: string, what: string): string {
  return `${configuration}-${what}`;
}

/** What the shares of the sweep are of. */
const CAPACITY_CASE = LANES_CASES.find(({ name }) => name === caseName(INLINE, SWEEP_SIZE))!;

/** Each placement once, and two points of one line; far from the limit, as nothing is warm. */
const SMOKE_CASES: readonly string[] = [
  'inline-16x1',
  'pool-1-16x1',
  'pool-2-16x16',
  'inline-load-10',
  'pool-1-load-10',
  'adaptive-1-load-10',
  'inline-load-25',
];

/** Sizes and loads, as they stand in names of cases. */
const LOADS: readonly string[] = SWEEP_LOADS.map((load) => `load-${load}`);

/** Every configuration over inline, of the same size or at the same rate. */
function ratioSpecs(figure: string, points: readonly string[]): readonly RatioSpec[] {
  const others = Object.keys(CONFIGURATIONS).filter((configuration) => configuration !== INLINE);
  return points.flatMap((point) =>
    others.map((configuration) => ({
      name: `${figure}${titleOf(configuration)}OverInline ${point}`,
      upper: caseName(configuration, point),
      lower: caseName(INLINE, point),
    })),
  );
}

/** `pool-1` as a part of a ratio's name: `Pool1`. */
function titleOf(configuration: string): string {
  const joined = configuration.replace('-', '');
  return `${joined.charAt(0).toUpperCase()}${joined.slice(1)}`;
}

/** The service and the gateways of a run, started when the first case needs them. */
class LanesStage {
  readonly #rig: Rig;
  readonly #gateways = new Map<string, Child>();
  #service: Child | null = null;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  /**
   * The gateway of a case. Open loops have that of the closed one, whose code is warm: at a low
   * rate it would take long to become so.
   *
   * @param nodeFlags flags of the gateway's runtime
   */
  async gateway(spec: LanesCase, nodeFlags: readonly string[] = []): Promise<Child> {
    const key = caseName(spec.configuration, spec.size);
    let gateway = this.#gateways.get(key);
    if (gateway !== undefined) return gateway;
    this.#service ??= await this.#rig.startService('bolt');
    const setup = { upstream: 'bolt', session: 'cold', threads: spec.threads } as const;
    gateway = await this.#rig.startGateway(setup, this.#service.port('service'), nodeFlags);
    this.#gateways.set(key, gateway);
    return gateway;
  }

  /** @param rate requests per second of an open loop; 0: closed loop */
  async measure(spec: LanesCase, options: BenchOptions, rate: number): Promise<LoadResult> {
    const [connections = 1, streams = 1] = spec.size.split('x').map(Number);
    const load = {
      upstream: 'bolt',
      session: 'cold',
      connections,
      streams: rate === 0 ? streams : OPEN_LOOP_STREAMS,
      // At an even pace nobody ever waits for anybody.
      arrivals: 'random',
    } as const;
    return measureMmtp(load, await this.gateway(spec), this.#rig, options, rate);
  }
}

export const lanesSuite: Suite = {
  name: 'lanes',
  summary: 'requests run inline, on lanes or placed adaptively; CPU per thread, by offered load',
  async run(options: BenchOptions): Promise<SuiteResult> {
    const isShort = options.isSmoke && options.cases.length === 0;
    const chosen = selectCases(LANES_CASES, isShort ? SMOKE_CASES : options.cases);
    const cores = chooseGroups(options.pinning);
    const rig = new Rig(cores);
    try {
      return { ...(await runCases(chosen, new LanesStage(rig), options)), notes: [noteOn(cores)] };
    } finally {
      await rig.close();
    }
  },
};

/** Cases with their gateway under the profiler. */
export const lanesProfile: ProfiledSuite = {
  name: 'lanes',
  cases: LANES_CASES.flatMap(({ name, load }) => (load === null ? [name] : [])),
  defaultCase: caseName('pool-1', SWEEP_SIZE),
  chooseCores: () => chooseGroups(),
  async measure(name, rig, options, nodeFlags) {
    const spec = LANES_CASES.find((entry) => entry.name === name)!;
    const stage = new LanesStage(rig);
    const gateway = await stage.gateway(spec, nodeFlags);
    return { gateway, result: await stage.measure(spec, options, 0) };
  },
};

async function runCases(
  chosen: readonly LanesCase[],
  stage: LanesStage,
  options: BenchOptions,
): Promise<SuiteResult> {
  const { rounds, onProgress } = options;
  const closed = chosen.filter(({ load }) => load === null);
  const open = chosen.filter(({ load }) => load !== null);
  const measured = await runRounds(
    closed.map((spec) => ({ name: spec.name, measure: () => stage.measure(spec, options, 0) })),
    rounds,
    onProgress,
  );
  const capacity = open.length === 0 ? 0 : await capacityOf(measured, stage, options);
  const rateOf = ({ load }: LanesCase) => Math.max(1, Math.floor((capacity * load!) / 100));
  const times = await runRounds(
    open.map((spec) => {
      return { name: spec.name, measure: () => stage.measure(spec, options, rateOf(spec)) };
    }),
    rounds,
    onProgress,
  );
  return {
    cases: [
      ...closed.map(({ name }) => caseOf(name, measured.get(name) ?? [])),
      ...open.map((spec) => openCase(spec, times.get(spec.name) ?? [], rateOf(spec))),
    ],
    ratios: {
      ...ratios(ratioSpecs('capacity', SIZES), measured, projectedQps),
      ...cpuRatios(ratioSpecs('cpu', SIZES), measured),
      ...ratios(ratioSpecs('capacity', LOADS), times, projectedQps),
      ...ratios(ratioSpecs('rt', LOADS), times, ({ p50Us }) => p50Us),
    },
    skipped: [],
  };
}

/** Requests per second of one thread; measured once if it was not. */
async function capacityOf(
  measured: ReadonlyMap<string, readonly LoadResult[]>,
  stage: LanesStage,
  options: BenchOptions,
): Promise<number> {
  const { name } = CAPACITY_CASE;
  const results = measured.get(name);
  if (results !== undefined) return median(results.map(({ qps }) => qps));
  options.onProgress(`${name}, for its rate`);
  return (await stage.measure(CAPACITY_CASE, options, 0)).qps;
}

function caseOf(name: string, results: readonly LoadResult[]): BenchCase {
  const known = results.map(projectedQps).filter((qps) => qps !== null);
  return {
    ...summarize(name, results),
    threadsCpuUs: threadMedians(results),
    projectedQps: known.length === 0 ? null : rounded(median(known)),
  };
}

function openCase(spec: LanesCase, results: readonly LoadResult[], rate: number): BenchCase {
  return {
    ...caseOf(spec.name, results),
    series: spec.configuration,
    rate,
    lateP99Us: rounded(median(results.map(({ lateP99Us }) => lateP99Us))),
  };
}

/** What figures mean here. */
function noteOn(cores: Cores | null): string {
  if (cores === null) {
    return (
      'Gateway, load generator and service shared all CPUs: throughput and response time are of ' +
      'all of them together; projected qps is by CPU time per thread of the gateway.'
    );
  }
  const [gateway, rest] = [cores.gateway, cores.rest].map((cpus) => [cpus].flat().join(' '));
  return `The gateway had CPUs ${gateway}; load generator and service had CPUs ${rest}.`;
}
