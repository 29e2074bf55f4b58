// Suite `filters`: what the filters cost a request, in process, without sockets and upstreams. The
// chain `chain-full` is all that happens between a decoded REQUEST and its reply: routing, session
// (every MAC is computed), limit, headers, deadline, trace, telemetry. `chain-empty` is the same
// without any filter; a `filter-*` case is one filter, and its `nsPerRequest` is what it adds to
// the empty chain. Each measurement is a process of its own.

import { EMPTY_CHAIN, FULL_CHAIN, listChains } from '../cases/filter-cases.ts';
import type { LoadResult } from '../load/tally.ts';
import { cpuRatios, runRounds, summarize, type Measurements, type RatioSpec } from '../rounds.ts';
import { median, type BenchCase, type SkippedCase, type SuiteResult } from '../report.ts';
import { runChild } from '../rig/child.ts';
import { findNativeKernels } from '../rig/native-kernels.ts';
import { Rig } from '../rig/rig.ts';
import { GATEWAY_NODE_FLAGS } from '../rig/runtime-flags.ts';
import { selectCases, type BenchOptions, type Suite } from '../suite.ts';

/** Each case gets this part of the window that other suites measure. */
const CASE_SHARE = 0.25;
const WARM_UP_SHARE = 0.25;

/** LIMIT: what a measurement needs beside its window. */
const EXTRA_MS = 20_000;

const NS_PER_US = 1000;

/** Chains that compute with kernels: measured with both forms. All others have none to choose. */
const WITH_KERNELS: readonly string[] = [FULL_CHAIN, 'filter-session'];

const SMOKE_CASES: readonly string[] = [
  'chain-full-native',
  'chain-full-typescript',
  'chain-empty',
  'filter-limit',
];

/** One case. */
interface FilterCase {
  readonly name: string;
  readonly chain: string;
  readonly isNative: boolean;
}

const RATIOS: readonly RatioSpec[] = WITH_KERNELS.map((chain) => ({
  name: `cpuNativeOverTypescript ${chain}`,
  upper: `${chain}-native`,
  lower: `${chain}-typescript`,
}));

/** All cases, in the order in which they are measured. */
export async function listFilterCases(): Promise<readonly FilterCase[]> {
  return (await listChains()).flatMap((chain) => {
    if (!WITH_KERNELS.includes(chain)) return [{ name: chain, chain, isNative: false }];
    return [
      { name: `${chain}-native`, chain, isNative: true },
      { name: `${chain}-typescript`, chain, isNative: false },
    ];
  });
}

export const filtersSuite: Suite = {
  name: 'filters',
  summary: 'each filter and the whole chain, per request, with native and TypeScript kernels',
  async run(options: BenchOptions): Promise<SuiteResult> {
    const isShort = options.isSmoke && options.cases.length === 0;
    const wanted = selectCases(await listFilterCases(), isShort ? SMOKE_CASES : options.cases);
    const kernels = findNativeKernels();
    const reason = typeof kernels === 'string' ? kernels : null;
    const chosen = wanted.filter(({ isNative }) => !isNative || reason === null);
    const skipped = wanted.flatMap(({ name, isNative }): SkippedCase[] => {
      return isNative && reason !== null ? [{ name, reason }] : [];
    });
    const rig = new Rig();
    try {
      const rounds = chosen.map((spec) => {
        return { name: spec.name, measure: () => measure(spec, rig, options) };
      });
      const measured = await runRounds(rounds, options.rounds, options.onProgress);
      const cases = chosen.map((spec) => summarizeCase(spec, measured));
      const native = chosen.some(({ isNative }) => isNative);
      return { cases, ratios: cpuRatios(RATIOS, measured), skipped, native, source: 'ts' };
    } finally {
      await rig.close();
    }
  },
};

async function measure(spec: FilterCase, rig: Rig, options: BenchOptions): Promise<LoadResult> {
  const seconds = options.seconds * CASE_SHARE;
  const warmUpMs = options.warmUpMs * WARM_UP_SHARE;
  const command = [
    process.execPath,
    ...GATEWAY_NODE_FLAGS,
    'bench/load/filter-load.ts',
    `--chain=${spec.chain}`,
    `--native=${spec.isNative ? 'on' : 'off'}`,
    `--session-keys=${rig.keysFile}`,
    `--seconds=${seconds}`,
    `--warm-up-ms=${warmUpMs}`,
  ];
  const child = { name: spec.name, command, cpu: rig.gatewayCpu };
  const result = await runChild(child, seconds * 1000 + warmUpMs + EXTRA_MS);
  // The process is the project's own and writes exactly this.
  return result as unknown as LoadResult;
}

/** Adds the time per request; of a single filter that of the empty chain is taken off. */
function summarizeCase({ name, chain }: FilterCase, measured: Measurements): BenchCase {
  const results = measured.get(name) ?? [];
  const bases = measured.get(EMPTY_CHAIN) ?? [];
  const isSingle = chain !== FULL_CHAIN && chain !== EMPTY_CHAIN;
  const summary = summarize(name, results);
  // A filter's own cost is a difference: without the empty chain there is none to tell.
  if (isSingle && bases.length === 0) return summary;
  const times = results.map(({ p50Us }, round) => p50Us - (isSingle ? bases[round]!.p50Us : 0));
  return { ...summary, nsPerRequest: Math.round(median(times) * NS_PER_US) };
}
