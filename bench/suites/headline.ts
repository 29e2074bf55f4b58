// Suite `headline`: what the mesh generation is worth against the decentralized one that it
// replaces. The same handler with the same calibrated work answers in four combinations: gateway in
// the service's process or beside it, fat legacy or compact sessions. Gateway and service share one
// core, because that is what a pod pays for; CPU per request is that of both.
//
// The traffic is an access layer's: few connections that carry many users at once. 16 connections
// with 16 requests open on each keep the core busy without a queue that only measures itself; small
// bodies (128 bytes in, 256 out), as most calls of an app are; every request has another user's
// session, 2,000 in all, and no session cache. It is the same for every combination.
//
// Closed loop for requests per second. Open loop for response time, at one rate for all: half of
// what the slower of the two generations can do.

import { loadNative } from '#native/loader.ts';
import { POOL_SESSIONS } from '../load/session-pool.ts';
import type { LoadResult } from '../load/tally.ts';
import {
  cpuRatios,
  cpuUsPerRequest,
  ratios,
  runRounds,
  summarize,
  type Measurements,
  type RatioSpec,
} from '../rounds.ts';
import { median, rounded, type BenchCase, type SkippedCase, type SuiteResult } from '../report.ts';
import {
  HeadlineStage,
  type Generation,
  type HeadlineLoad,
  type HeadlineSetup,
  type SessionForm,
} from '../rig/headline-stage.ts';
import { PROFILE_VARIABLE } from '../rig/gateway-config.ts';
import { Rig } from '../rig/rig.ts';
import {
  selectCases,
  UsageError,
  WORK_US,
  type BenchOptions,
  type ProfiledSuite,
  type Suite,
} from '../suite.ts';

const CONNECTIONS = 16;
const STREAMS = 16;

/** Streams per connection that an open loop may have open: what a gateway allows by default. */
const OPEN_LOOP_STREAMS = 4096;

/** Work that is reported beside the one asked for. µs. */
const WORK_BESIDE_US: readonly number[] = [0, 100];

/** The two whose ratio is the headline. */
const OLD = 'decentralized-legacy';
const NEW = 'mesh-compact';

/** Part of the slower one's rate that the open loop offers. */
const RATE_SHARE = 0.5;

/** A smoke run measures services that are not warm: it must not be close to their limit. */
const SMOKE_RATE_SHARE = 0.1;

/** Enough to be distinct within a smoke run; making them takes longer than the run. */
const SMOKE_SESSIONS = 100;

/** One case. */
export interface HeadlineCase extends HeadlineSetup {
  readonly name: string;
  readonly isOpenLoop: boolean;
}

const COMBINATIONS: readonly (readonly [Generation, SessionForm])[] = [
  ['decentralized', 'legacy'],
  ['decentralized', 'compact'],
  ['mesh', 'legacy'],
  ['mesh', 'compact'],
];
const HEADLINE_PAIR = [COMBINATIONS[0]!, COMBINATIONS[3]!] as const;

/** All cases for a given work. Names: generation, session, and what differs from the main ones. */
export function headlineCases(workUs: number): readonly HeadlineCase[] {
  const make = (
    [generation, session]: readonly [Generation, SessionForm],
    suffix = '',
    change: Partial<HeadlineCase> = {},
  ): HeadlineCase => {
    const name = `${generation}-${session}${suffix}`;
    const standard = { workUs, isTypeScript: false, isOpenLoop: false };
    return { name, generation, session, ...standard, ...change };
  };
  const beside = WORK_BESIDE_US.filter((other) => other !== workUs);
  return [
    ...COMBINATIONS.map((one) => make(one)),
    ...beside.flatMap((other) =>
      HEADLINE_PAIR.map((one) => make(one, `-${other}us`, { workUs: other })),
    ),
    ...HEADLINE_PAIR.map((one) => make(one, '-typescript', { isTypeScript: true })),
    ...COMBINATIONS.map((one) => make(one, '-open', { isOpenLoop: true })),
  ];
}

/** The headline, closed and open, and the two other combinations once. */
const SMOKE_CASES: readonly string[] = [
  ...COMBINATIONS.map((one) => one.join('-')),
  `${OLD}-open`,
  `${NEW}-open`,
];

/** `upper` over `lower` of closed-loop rates: the headline, then what it is made of. */
const QPS_RATIOS: readonly RatioSpec[] = [
  { name: 'qpsMeshOverDecentralized', upper: NEW, lower: OLD },
  {
    name: 'qpsCompactOverLegacy decentralized',
    upper: 'decentralized-compact',
    lower: OLD,
  },
  { name: 'qpsCompactOverLegacy mesh', upper: NEW, lower: 'mesh-legacy' },
  { name: 'qpsSplitOverTogether legacy', upper: 'mesh-legacy', lower: OLD },
  { name: 'qpsSplitOverTogether compact', upper: NEW, lower: 'decentralized-compact' },
  { name: 'qpsNativeOverTypeScript mesh', upper: NEW, lower: `${NEW}-typescript` },
  { name: 'qpsNativeOverTypeScript decentralized', upper: OLD, lower: `${OLD}-typescript` },
  {
    name: 'qpsMeshOverDecentralized typescript',
    upper: `${NEW}-typescript`,
    lower: `${OLD}-typescript`,
  },
  ...WORK_BESIDE_US.map((workUs) => ({
    name: `qpsMeshOverDecentralized ${workUs}us`,
    upper: `${NEW}-${workUs}us`,
    lower: `${OLD}-${workUs}us`,
  })),
];

const CPU_RATIOS: readonly RatioSpec[] = [
  { name: 'cpuMeshOverDecentralized', upper: NEW, lower: OLD },
];

/** Of response times at the same rate. */
const RT_RATIOS: readonly RatioSpec[] = [
  { name: 'rtMeshOverDecentralized', upper: `${NEW}-open`, lower: `${OLD}-open` },
  {
    name: 'rtCompactOverLegacy decentralized',
    upper: 'decentralized-compact-open',
    lower: `${OLD}-open`,
  },
  { name: 'rtCompactOverLegacy mesh', upper: `${NEW}-open`, lower: 'mesh-legacy-open' },
  { name: 'rtSplitOverTogether legacy', upper: 'mesh-legacy-open', lower: `${OLD}-open` },
  {
    name: 'rtSplitOverTogether compact',
    upper: `${NEW}-open`,
    lower: 'decentralized-compact-open',
  },
];
const RT_P99_RATIOS: readonly RatioSpec[] = [
  { name: 'rtP99MeshOverDecentralized', upper: `${NEW}-open`, lower: `${OLD}-open` },
];

export const headlineSuite: Suite = {
  name: 'headline',
  summary: 'the mesh with compact sessions against the decentralized gateway with legacy ones',
  async run(options: BenchOptions): Promise<SuiteResult> {
    refuseProfile();
    const isShort = options.isSmoke && options.cases.length === 0;
    const all = headlineCases(options.workUs);
    const chosen = selectCases(all, isShort ? SMOKE_CASES : options.cases);
    const skipped = skippedCases(chosen);
    const runnable = chosen.filter(({ name }) => !skipped.some((entry) => entry.name === name));
    const rig = new Rig();
    try {
      const run = new HeadlineRun(new HeadlineStage(rig), options, all);
      return { ...(await run.run(runnable)), skipped };
    } finally {
      await rig.close();
    }
  },
};

/** Cases with their gateway under the profiler: for the old generation that is the service. */
export const headlineProfile: ProfiledSuite = {
  name: 'headline',
  cases: headlineCases(WORK_US).flatMap(({ name, isOpenLoop }) => (isOpenLoop ? [] : [name])),
  defaultCase: NEW,
  async measure(name, rig, options, nodeFlags) {
    const one = headlineCases(options.workUs).find((entry) => entry.name === name)!;
    const stage = new HeadlineStage(rig, nodeFlags);
    const result = await stage.measure(setupOf(one), loadOf(options, 0));
    const { gateway } = await stage.start(setupOf(one));
    return { gateway, result };
  },
};

/** What one generation would follow and the other not makes no comparison. */
function refuseProfile(): void {
  const profile = process.env[PROFILE_VARIABLE];
  if (profile === undefined) return;
  const reason = `a sidecar would follow "${profile}", a gateway in a service would not`;
  throw new UsageError(`headline takes no profile: ${reason}`);
}

/** Without the addon the cases that leave it out are the others once more. */
function skippedCases(chosen: readonly HeadlineCase[]): readonly SkippedCase[] {
  const isNative = process.env['MGW_NATIVE'] !== 'off' && loadNative('auto').native;
  if (isNative) return [];
  const reason = 'the native addon is not in use: the case is the one without this name';
  return chosen.filter(({ isTypeScript }) => isTypeScript).map(({ name }) => ({ name, reason }));
}

/** One run of the suite. */
class HeadlineRun {
  readonly #stage: HeadlineStage;
  readonly #options: BenchOptions;
  readonly #all: readonly HeadlineCase[];

  constructor(stage: HeadlineStage, options: BenchOptions, all: readonly HeadlineCase[]) {
    this.#stage = stage;
    this.#options = options;
    this.#all = all;
  }

  async run(chosen: readonly HeadlineCase[]): Promise<Omit<SuiteResult, 'skipped'>> {
    const closed = chosen.filter(({ isOpenLoop }) => !isOpenLoop);
    const open = chosen.filter(({ isOpenLoop }) => isOpenLoop);
    const rates = await this.#rounds(closed, 0);
    const rate = open.length === 0 ? 0 : await this.#openRate(rates);
    const times = await this.#rounds(open, rate);
    return {
      cases: [
        ...closed.map(({ name }) => summarize(name, rates.get(name) ?? [])),
        ...open.map(({ name }) => openCase(name, times.get(name) ?? [], rate)),
      ],
      ratios: {
        ...ratios(QPS_RATIOS, rates, ({ qps }) => qps),
        ...cpuRatios(CPU_RATIOS, rates),
        ...workRatios(rates),
        ...ratios(RT_RATIOS, times, ({ p50Us }) => p50Us),
        ...ratios(RT_P99_RATIOS, times, ({ p99Us }) => p99Us),
      },
    };
  }

  #rounds(cases: readonly HeadlineCase[], rate: number): Promise<Measurements> {
    const { rounds, onProgress } = this.#options;
    const entries = cases.map((one) => ({
      name: one.name,
      measure: () => this.#measure(one, rate),
    }));
    return runRounds(entries, rounds, onProgress);
  }

  #measure(one: HeadlineCase, rate: number): Promise<LoadResult> {
    return this.#stage.measure(setupOf(one), loadOf(this.#options, rate));
  }

  /** Half of what the slower of the two can do; who was not measured is measured once. */
  async #openRate(rates: Measurements): Promise<number> {
    const knees: number[] = [];
    for (const name of [OLD, NEW]) {
      const known = rates.get(name);
      const one = this.#all.find((entry) => entry.name === name)!;
      const results = known ?? [await this.#measure(one, 0)];
      knees.push(median(results.map(({ qps }) => qps)));
    }
    const share = this.#options.isSmoke ? SMOKE_RATE_SHARE : RATE_SHARE;
    return Math.max(1, Math.floor(Math.min(...knees) * share));
  }
}

function setupOf({ generation, session, workUs, isTypeScript }: HeadlineCase): HeadlineSetup {
  return { generation, session, workUs, isTypeScript };
}

/** @param rate requests per second of an open loop; 0: closed loop */
function loadOf({ seconds, warmUpMs, isSmoke }: BenchOptions, rate: number): HeadlineLoad {
  return {
    connections: CONNECTIONS,
    streams: rate === 0 ? STREAMS : OPEN_LOOP_STREAMS,
    rate,
    sessions: isSmoke ? SMOKE_SESSIONS : POOL_SESSIONS,
    seconds,
    warmUpMs,
  };
}

/**
 * CPU time that a microsecond of work takes in each generation: 1 if it is the same work. What a
 * compiler makes of a loop can differ between processes, and would pass for a gain.
 */
function workRatios(rates: Measurements): Record<string, number> {
  const [none, much] = WORK_BESIDE_US as readonly [number, number];
  const found: Record<string, number> = {};
  for (const name of [OLD, NEW]) {
    const without = rates.get(`${name}-${none}us`) ?? [];
    const values = (rates.get(`${name}-${much}us`) ?? []).flatMap((result, round) => {
      const upper = cpuUsPerRequest(result);
      const below = without[round];
      const lower = below === undefined ? null : cpuUsPerRequest(below);
      return upper === null || lower === null ? [] : [(upper - lower) / (much - none)];
    });
    if (values.length > 0) found[`cpuPerWorkUs ${name}`] = rounded(median(values));
  }
  return found;
}

function openCase(name: string, results: readonly LoadResult[], rate: number): BenchCase {
  const lateP99Us = median(results.map((result) => result.lateP99Us));
  return { ...summarize(name, results), rate, lateP99Us };
}
