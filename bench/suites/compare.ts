// Suite `compare`: one case of the suites `mmtp` or `http` on two gateways that differ in flags,
// environment, revision or form of the code, in interleaved rounds. Generator and service are this
// checkout's for both. Ratios are b over a within a round: their median, the lowest and the
// highest, so that one sees whether a difference is larger than what the machine makes of equal
// sides.

import { buildCheckout, checkOut } from '../compare/checkout.ts';
import { hasProfile, mergeFlags, readSides, type Side } from '../compare/sides.ts';
import type { LoadResult } from '../load/tally.ts';
import { cpuUsPerRequest, runRounds, summarize, type Measurements } from '../rounds.ts';
import { median, rounded, type SuiteResult } from '../report.ts';
import { startChild, type Child } from '../rig/child.ts';
import {
  chosenSource,
  gatewayCommand,
  prepareSource,
  type GatewaySource,
} from '../rig/gateway-source.ts';
import { Rig } from '../rig/rig.ts';
import type { GatewaySetup } from '../rig/gateway-config.ts';
import { UnknownCaseError, UsageError, type BenchOptions, type Suite } from '../suite.ts';
import { HTTP_CASES, measureProxy } from './http.ts';
import { MMTP_CASES } from './mmtp-matrix.ts';
import { measureMmtp } from './mmtp.ts';

const DEFAULT_CASE = 'mmtp-bolt-16x16';

/** A case that both sides run. */
interface SharedCase {
  readonly name: string;
  readonly setup: GatewaySetup;
  measure(gateway: Child, rig: Rig, options: BenchOptions): Promise<LoadResult>;
}

/** Cases with a gateway of ours and a closed loop. */
const CASES: readonly SharedCase[] = [
  ...MMTP_CASES.filter(({ halfOf, proxy }) => halfOf === null && proxy === 'gateway').map(
    (spec): SharedCase => ({
      name: spec.name,
      setup: spec,
      measure: (gateway, rig, options) => measureMmtp(spec, gateway, rig, options, 0),
    }),
  ),
  ...HTTP_CASES.flatMap(({ name, session }): SharedCase[] => {
    if (session === null) return [];
    return [{ name, setup: { upstream: 'http', session }, measure: measureProxy }];
  }),
];

/** A side with where its sources are. */
interface PreparedSide {
  readonly side: Side;
  /** Null: this checkout. */
  readonly root: string | null;
  readonly hasAddon: boolean;
  /** Form of the code that runs. */
  readonly source: GatewaySource;
  /** Why the revision cannot run as JavaScript; null: it can, or need not. */
  readonly buildProblem: string | null;
}

export const compareSuite: Suite = {
  name: 'compare',
  summary: 'one case (--case) with two sets of flags, environments or revisions (--a, --b ...)',
  async run(options: BenchOptions): Promise<SuiteResult> {
    const shared = chooseCase(options.cases);
    const sides = options.sides ?? readSides({});
    const rig = new Rig();
    try {
      const service = await rig.startService(shared.setup.upstream);
      const each: PreparedSide[] = [];
      for (const side of sides) each.push(await prepare(side, rig, options));
      const prepared = withCommonSource(each, options);
      const env = commonEnvironment(prepared, options);
      const rounds = [];
      for (const entry of prepared) {
        const gateway = await startSide(entry, env, rig, shared.setup, service.port('service'));
        const name = `${entry.side.name} ${shared.name}`;
        rounds.push({ name, measure: () => shared.measure(gateway, rig, options) });
      }
      const measured = await runRounds(rounds, options.rounds, options.onProgress);
      return {
        cases: rounds.map(({ name }) => summarize(name, measured.get(name) ?? [])),
        ratios: ratiosOf(measured, shared.name),
        skipped: [],
        source: sourcesOf(prepared),
      };
    } finally {
      await rig.close();
    }
  },
};

function chooseCase([name = DEFAULT_CASE, ...others]: readonly string[]): SharedCase {
  const found = CASES.find((entry) => entry.name === name);
  if (found !== undefined && others.length === 0) return found;
  const names = CASES.map((entry) => entry.name).join(', ');
  const problem = others.length > 0 ? 'compare takes one case' : `No case is named "${name}"`;
  throw new UnknownCaseError(`${problem}; there are ${names}`);
}

/** Checks out and builds what the side needs. */
async function prepare(side: Side, rig: Rig, { onProgress }: BenchOptions): Promise<PreparedSide> {
  const { name, revision } = side;
  const source = side.source ?? chosenSource();
  if (revision === null) {
    await prepareSource(source);
    return { side, root: null, hasAddon: true, source, buildProblem: null };
  }
  onProgress(`checks out ${revision} for side ${name}`);
  const { root, hasAddon } = await checkOut(revision, rig.pathOf(`side-${name}`));
  const buildProblem = source === 'dist' ? await buildCheckout(root) : null;
  if (buildProblem !== null && side.source !== null) {
    throw new UsageError(`Cannot build ${revision} for side ${name}: ${buildProblem}`);
  }
  return { side, root, hasAddon, source, buildProblem };
}

/**
 * Where one side cannot be built both run as TypeScript, but for one that was told otherwise: the
 * form is not what is compared.
 */
function withCommonSource(
  sides: readonly PreparedSide[],
  { onProgress }: BenchOptions,
): readonly PreparedSide[] {
  const unbuilt = sides.find(({ buildProblem }) => buildProblem !== null);
  if (unbuilt === undefined) return sides;
  const { side, buildProblem } = unbuilt;
  onProgress(`${side.revision} has no build (${buildProblem}): the sides run as TypeScript`);
  return sides.map((entry) => ({ ...entry, source: entry.side.source ?? 'ts' }));
}

/** What the report says. */
function sourcesOf(sides: readonly PreparedSide[]): string {
  const sources = sides.map(({ source }) => source);
  if (new Set(sources).size === 1) return sources[0]!;
  return sides.map(({ side, source }) => `${side.name} ${source}`).join(', ');
}

/** Sides that cannot both have the addon both run without: kernels are not what is compared. */
function commonEnvironment(
  sides: readonly PreparedSide[],
  { onProgress }: BenchOptions,
): Readonly<Record<string, string>> {
  if (sides.every(({ hasAddon }) => hasAddon)) return {};
  onProgress('a revision has no addon that is built here: both sides run without');
  return { MGW_NATIVE: 'off' };
}

async function startSide(
  { side, root, source }: PreparedSide,
  env: Readonly<Record<string, string>>,
  rig: Rig,
  setup: GatewaySetup,
  servicePort: number,
): Promise<Child> {
  const base = rig.gatewayFlags(setup, servicePort, hasProfile(side));
  const flags = mergeFlags(base, side.flags);
  const spec = {
    name: `gateway ${side.name}`,
    command: [...gatewayCommand(source, side.nodeFlags), ...flags],
    cpu: rig.gatewayCpu,
    env: { ...env, ...side.env },
    ...(root === null ? {} : { cwd: root }),
  };
  try {
    return rig.adopt(await startChild(spec));
  } catch (error) {
    // What the command line says about the side is what can be wrong here.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Ratios of b over a: of CPU per request and of throughput, with their spread. */
function ratiosOf(measured: Measurements, name: string): Record<string, number> {
  const [a = [], b = []] = [measured.get(`a ${name}`), measured.get(`b ${name}`)];
  return {
    ...spread('cpuBOverA', a.map(cpuUsPerRequest), b.map(cpuUsPerRequest)),
    ...spread('qpsBOverA', a.map(qpsOf), b.map(qpsOf)),
  };
}

function qpsOf({ qps }: LoadResult): number {
  return qps;
}

function spread(
  name: string,
  lowers: readonly (number | null)[],
  uppers: readonly (number | null)[],
): Record<string, number> {
  const ratios = lowers.flatMap((lower, round) => {
    const upper = uppers[round] ?? null;
    return lower === null || lower === 0 || upper === null ? [] : [upper / lower];
  });
  if (ratios.length === 0) return {};
  return {
    [name]: rounded(median(ratios)),
    [`${name}Min`]: rounded(Math.min(...ratios)),
    [`${name}Max`]: rounded(Math.max(...ratios)),
  };
}
