// Suite `codecs`: every operation of the corpus, timed by benny. One operation counts as a request;
// its CPU time is its time, because nothing waits. Figures of operations below some 20 ns include
// the loop around them.

import benny from 'benny';
import { CORPUS } from '../corpus.ts';
import type { CorpusCase } from '../cases/corpus-case.ts';
import { rounded, type BenchCase, type SuiteResult } from '../report.ts';
import { selectCases, type BenchOptions, type Suite } from '../suite.ts';

const US = 1e6;
const MIB = 1024 * 1024;

/** Each case gets this part of the window that other suites measure. */
const CASE_SHARE = 0.2;

/** A sample takes at least this long: many operations, so that the clock's own steps vanish. */
const SAMPLE_SECONDS = 0.02;
const SMOKE_SAMPLE_SECONDS = 0.002;

/** Sum of all answers: an operation whose result nobody uses could be compiled away. */
let sink = 0;

type CaseSummary = Awaited<ReturnType<typeof benny.suite>>['results'][number];

export const codecsSuite: Suite = {
  name: 'codecs',
  summary: 'every codec and kernel on its own, checked before it is timed',
  async run(options: BenchOptions): Promise<SuiteResult> {
    options.onProgress('checks, then times each case');
    const timed = selectCases(CORPUS, options.cases).map((entry) => new TimedCase(entry));
    const settings = {
      maxTime: options.seconds * CASE_SHARE,
      minTime: options.isSmoke ? SMOKE_SAMPLE_SECONDS : SAMPLE_SECONDS,
      minSamples: options.isSmoke ? 1 : 5,
    };
    const summary = await benny.suite(
      'codecs',
      ...timed.map(({ name, run }) => benny.add(name, () => run, settings)),
    );
    const cases = timed.map(({ name, operations }) => {
      const result = summary.results.find((entry) => entry.name === name);
      if (result === undefined || !result.completed) throw new Error(`Case "${name}" failed`);
      return summarizeCase(name, result, operations);
    });
    // The cases compute with the TypeScript kernels, whatever is built.
    return { cases, ratios: ratiosOf(cases), skipped: [], native: false, source: 'ts' };
  },
};

/** A checked case and how often it ran. */
class TimedCase {
  readonly name: string;
  operations = 0;
  readonly run: () => void;

  constructor({ name, prepare }: CorpusCase) {
    const operation = prepare();
    this.name = name;
    this.run = () => {
      sink = (sink + operation()) | 0;
      this.operations++;
    };
  }
}

function summarizeCase(name: string, { details }: CaseSummary, operations: number): BenchCase {
  const samples = details.sampleResults.toSorted((a, b) => a - b);
  const p99 = samples[Math.ceil(samples.length * 0.99) - 1] ?? details.max;
  return {
    name,
    requests: operations,
    qps: rounded(1 / details.median),
    p50Us: precise(details.median * US),
    p99Us: precise(p99 * US),
    cpuUsPerRequest: precise(details.median * US),
    rssMb: rounded(process.memoryUsage.rss() / MIB),
    wrong: 0,
  };
}

/** Four digits: operations of some nanoseconds need more than three behind the dot. */
function precise(us: number): number {
  return Number(us.toPrecision(4));
}

/** What the compact session and its cache gain. */
function ratiosOf(cases: readonly BenchCase[]): Record<string, number> {
  const timeOf = (name: string) => cases.find((entry) => entry.name === name)?.p50Us;
  const ratio = (upper?: number, lower?: number) =>
    upper === undefined || lower === undefined ? {} : { value: rounded(upper / lower) };
  const all = {
    sessionColdOverCached: ratio(timeOf('session cold'), timeOf('session cached')),
    sessionLegacyOverCold: ratio(timeOf('session legacy'), timeOf('session cold')),
  };
  const known: Record<string, number> = {};
  for (const [name, { value }] of Object.entries(all)) {
    if (value !== undefined) known[name] = value;
  }
  return known;
}
