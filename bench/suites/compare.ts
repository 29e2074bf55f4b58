// Suite `compare`: one case of the suites `mmtp` or `http` on two gateways that differ in flags,
// environment or revision, in interleaved rounds. Generator and service are this checkout's for
// both. Ratios are b over a within a round: their median, the lowest and the highest, so that one
// sees whether a difference is larger than what the machine makes of equal sides.

import { checkOut } from '../compare/checkout.ts';
import { hasProfile, mergeFlags, readSides, type Side } from '../compare/sides.ts';
import type { LoadResult } from '../load/tally.ts';
import { cpuUsPerRequest, runRounds, summarize, type Measurements } from '../rounds.ts';
import { median, rounded, type SuiteResult } from '../report.ts';
import { startChild, type Child } from '../rig/child.ts';
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
      const prepared: PreparedSide[] = [];
      for (const side of sides) prepared.push(await prepare(side, rig, options));
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

async function prepare(side: Side, rig: Rig, options: BenchOptions): Promise<PreparedSide> {
  const { name, revision } = side;
  if (revision === null) return { side, root: null, hasAddon: true };
  options.onProgress(`checks out ${revision} for side ${name}`);
  return { side, ...(await checkOut(revision, rig.pathOf(`side-${name}`))) };
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
  { side, root }: PreparedSide,
  env: Readonly<Record<string, string>>,
  rig: Rig,
  setup: GatewaySetup,
  servicePort: number,
): Promise<Child> {
  const base = rig.gatewayFlags(setup, servicePort, hasProfile(side));
  const flags = mergeFlags(base, side.flags);
  const runtime = [process.execPath, '--max-semi-space-size=32'];
  const spec = {
    name: `gateway ${side.name}`,
    command: [...runtime, 'cli/mgw.js', 'sidecar', ...flags],
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
