// Suite `codecs`: every operation of the corpus, timed by benny; kernels over their TypeScript form
// and, as `NAME native`, over the addon. One operation counts as a request; its CPU time is its
// time, because nothing waits. Figures of operations below some 20 ns include the loop around them.

import benny from 'benny';
import type { CodecKernels } from '#native/codec-kernels.ts';
import { CORPUS } from '../corpus.ts';
import type { Operation } from '../cases/corpus-case.ts';
import { median, rounded, type BenchCase, type SkippedCase, type SuiteResult } from '../report.ts';
import { findNativeKernels } from '../rig/native-kernels.ts';
import type { RatioSpec } from '../rounds.ts';
import { selectCases, type BenchOptions, type Suite } from '../suite.ts';

const US = 1e6;
const MIB = 1024 * 1024;

/** Each case gets this part of the window that other suites measure, all rounds together. */
const CASE_SHARE = 0.2;

/** A sample takes at least this long: many operations, so that the clock's own steps vanish. */
const SAMPLE_SECONDS = 0.02;
const SMOKE_SAMPLE_SECONDS = 0.002;

/** Sum of all answers: an operation whose result nobody uses could be compiled away. */
let sink = 0;

type CaseSummary = Awaited<ReturnType<typeof benny.suite>>['results'][number];

/** A case by name; the kernels are what those with `prepareOver` compute with. */
interface ListedCase {
  readonly name: string;
  readonly prepare?: () => Operation;
  readonly prepareOver?: (kernels: CodecKernels) => Operation;
}

/** The corpus, the native form of each kernel right behind the other. */
const LISTED: readonly ListedCase[] = CORPUS.flatMap(({ name, prepare, prepareOver }) => {
  const own = { name, prepare };
  return prepareOver === undefined ? [own] : [own, { name: nativeName(name), prepareOver }];
});

/** What the compact session, its cache and the addon gain. */
const RATIOS: readonly RatioSpec[] = [
  { name: 'sessionColdOverCached', upper: 'session cold', lower: 'session cached' },
  { name: 'sessionLegacyOverCold', upper: 'session legacy', lower: 'session cold' },
  ...CORPUS.filter(({ prepareOver }) => prepareOver !== undefined).map(({ name }) => {
    return { name: `nativeOverTypeScript ${name}`, upper: nativeName(name), lower: name };
  }),
];

function nativeName(name: string): string {
  return `${name} native`;
}

export const codecsSuite: Suite = {
  name: 'codecs',
  summary: 'every codec and kernel on its own, checked before it is timed',
  async run(options: BenchOptions): Promise<SuiteResult> {
    options.onProgress('checks every case');
    const kernels = findNativeKernels();
    const timed: TimedCase[] = [];
    const skipped: SkippedCase[] = [];
    let native = false;
    for (const { name, prepare, prepareOver } of selectCases(LISTED, options.cases)) {
      if (prepare !== undefined) timed.push(new TimedCase(name, prepare()));
      else if (typeof kernels === 'string') skipped.push({ name, reason: kernels });
      else if (prepareOver !== undefined) {
        timed.push(new TimedCase(name, prepareOver(kernels)));
        native = true;
      }
    }
    for (let round = 1; round <= options.rounds; round++) {
      options.onProgress(`round ${round}/${options.rounds}`);
      await timeAll(round % 2 === 1 ? timed : timed.toReversed(), options);
    }
    const cases = timed.map(summarizeCase);
    return { cases, ratios: ratiosOf(timed), skipped, native, source: 'ts' };
  },
};

/** A checked case, how often it ran, and what was measured: one summary a round. */
class TimedCase {
  readonly name: string;
  readonly summaries: CaseSummary['details'][] = [];
  operations = 0;
  readonly run: () => void;

  constructor(name: string, operation: Operation) {
    this.name = name;
    this.run = () => {
      sink = (sink + operation()) | 0;
      this.operations++;
    };
  }
}

/** One round: both forms of a kernel one right after the other. */
async function timeAll(timed: readonly TimedCase[], options: BenchOptions): Promise<void> {
  const settings = {
    maxTime: (options.seconds * CASE_SHARE) / options.rounds,
    minTime: options.isSmoke ? SMOKE_SAMPLE_SECONDS : SAMPLE_SECONDS,
    minSamples: options.isSmoke ? 1 : 5,
  };
  const summary = await benny.suite(
    'codecs',
    ...timed.map(({ name, run }) => benny.add(name, () => run, settings)),
  );
  for (const { name, summaries } of timed) {
    const result = summary.results.find((entry) => entry.name === name);
    if (result === undefined || !result.completed) throw new Error(`Case "${name}" failed`);
    summaries.push(result.details);
  }
}

function summarizeCase({ name, summaries, operations }: TimedCase): BenchCase {
  const seconds = median(summaries.map((details) => details.median));
  const p99 = median(summaries.map(p99Of));
  return {
    name,
    requests: operations,
    qps: rounded(1 / seconds),
    p50Us: precise(seconds * US),
    p99Us: precise(p99 * US),
    cpuUsPerRequest: precise(seconds * US),
    rssMb: rounded(process.memoryUsage.rss() / MIB),
    wrong: 0,
  };
}

function p99Of({ sampleResults, max }: CaseSummary['details']): number {
  const samples = sampleResults.toSorted((a, b) => a - b);
  return samples[Math.ceil(samples.length * 0.99) - 1] ?? max;
}

/** Four digits: operations of some nanoseconds need more than three behind the dot. */
function precise(us: number): number {
  return Number(us.toPrecision(4));
}

/** Medians of the ratios within rounds; those of cases that were not timed are left out. */
function ratiosOf(timed: readonly TimedCase[]): Record<string, number> {
  const timesOf = (name: string) =>
    timed.find((entry) => entry.name === name)?.summaries.map((details) => details.median) ?? [];
  const known: Record<string, number> = {};
  for (const { name, upper, lower } of RATIOS) {
    const lowers = timesOf(lower);
    const values = timesOf(upper).flatMap((time, round) => {
      const below = lowers[round];
      return below === undefined ? [] : [time / below];
    });
    if (values.length > 0) known[name] = rounded(median(values));
  }
  return known;
}
