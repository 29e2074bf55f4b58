// The result of a suite: its shape, which outside checks rely on, and its table for people.

import { cpus, release } from 'node:os';
import { loadNative } from '#native/loader.ts';
import { PROFILE_VARIABLE } from './rig/gateway-config.ts';
import { chosenSource } from './rig/gateway-source.ts';
import { ACCEPTOR_THREAD } from './rig/thread-usage.ts';
import type { SoakFigures } from './soak/trend.ts';

/** Figures of one case: medians over the rounds, except the counts, which are sums. */
export interface BenchCase {
  readonly name: string;
  /** Right answers in the measured windows; operations timed, for `codecs`. */
  readonly requests: number;
  /** Per second. */
  readonly qps: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** User and system CPU of the gateway over requests; null when the system does not tell. */
  readonly cpuUsPerRequest: number | null;
  /** Resident memory of the gateway after the last window; null when the system does not tell. */
  readonly rssMb: number | null;
  /** Answers that were wrong or did not come; anything but 0 makes all figures worthless. */
  readonly wrong: number;
  /** What was wrong, and how often. */
  readonly problems?: Readonly<Record<string, number>>;
  /** CPUs that the gateway and the load generator kept busy, 0..; about 1: it was the limit. */
  readonly gatewayCores?: number | null;
  readonly loadCores?: number;
  /** Gateway CPU per request by thread, µs; threads without any are left out. */
  readonly threadsCpuUs?: Readonly<Record<string, number>>;
  /** Open loop only: offered requests per second, and how late they left (99th percentile). */
  readonly rate?: number;
  readonly lateP99Us?: number;
  /** Response time in µs by percentile, in ascending order; for the curves of the report page. */
  readonly percentiles?: PercentileCurve;
  /** Cases of one series differ in `rate` only: the page draws them as one line. */
  readonly series?: string;
  /**
   * `lanes` only: requests per second if each thread of the gateway had a CPU of its own, by CPU
   * time per request of the busiest one at this load; null when the system does not tell.
   */
  readonly projectedQps?: number | null;
  /** `filters` only: ns per request; of a single filter without what an empty chain takes. */
  readonly nsPerRequest?: number;
  /** `soak` only: what became of memory, open files and connections. */
  readonly soak?: SoakFigures;
  /** `soak` only: resident memory that an idle connection costs, KiB. */
  readonly kibPerConnection?: number;
}

/** Percentile from 0 to below 100, and the time in µs that this share of requests took at most. */
export type PercentileCurve = readonly (readonly [percent: number, us: number])[];

/** A case that did not run. */
export interface SkippedCase {
  readonly name: string;
  readonly reason: string;
}

/** What a suite found. */
export interface SuiteResult {
  readonly cases: readonly BenchCase[];
  readonly ratios: Readonly<Record<string, number>>;
  readonly skipped: readonly SkippedCase[];
  /** What a reader has to know of how it was measured. */
  readonly notes?: readonly string[];
  /** The native addon took part. Unless given: what a gateway started here would load. */
  readonly native?: boolean;
  /** Form of the gateway's code, `dist` or `ts`. Unless given: that of all gateways of the run. */
  readonly source?: string;
}

/** The last line of stdout. */
export interface BenchReport extends SuiteResult {
  readonly suite: string;
  readonly machine: string;
  readonly node: string;
  readonly native: boolean;
  readonly source: string;
  /** Profile of the gateways, when one was chosen. */
  readonly profile?: string;
  /** When the run ended, ISO 8601. */
  readonly date?: string;
  /** What was typed to run it. */
  readonly command?: string;
}

/** What gateways load here: they read the same variable, and nothing else is said to them. */
function isNative(): boolean {
  const mode = process.env['MGW_NATIVE'] === 'off' ? 'off' : 'auto';
  return loadNative(mode).native;
}

/** @param argv arguments that the run was started with */
export function createReport(
  suite: string,
  result: SuiteResult,
  argv: readonly string[] = [],
): BenchReport {
  const profile = process.env[PROFILE_VARIABLE];
  return {
    suite,
    machine: machineName(),
    node: process.version,
    native: isNative(),
    source: chosenSource(),
    ...(profile === undefined ? {} : { profile }),
    date: new Date().toISOString(),
    command: ['npm run bench --', ...argv].join(' '),
    ...result,
  };
}

function machineName(): string {
  const all = cpus();
  const model = all[0]?.model.trim() ?? 'unknown';
  return `${all.length} x ${model}, ${process.platform} ${process.arch} ${release()}`;
}

/** The middle of `values`, or the mean of both middle ones; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Rounds to at most three digits behind the dot: more would claim too much. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

interface Column {
  readonly title: string;
  readonly text: (row: BenchCase) => string;
}

/** Columns of the table of cases, here and on the report page. */
export const CASE_COLUMNS: readonly Column[] = [
  { title: 'case', text: ({ name }) => name },
  { title: 'qps', text: ({ qps }) => wholeFigure(qps) },
  { title: 'projected qps', text: ({ projectedQps }) => wholeFigure(projectedQps) },
  { title: 'p50 µs', text: ({ p50Us }) => figure(p50Us) },
  { title: 'p99 µs', text: ({ p99Us }) => figure(p99Us) },
  { title: 'CPU µs/req', text: ({ cpuUsPerRequest }) => figure(cpuUsPerRequest) },
  { title: 'of threads', text: ({ threadsCpuUs }) => threadFigures(threadsCpuUs) },
  { title: 'ns/req', text: ({ nsPerRequest }) => figure(nsPerRequest) },
  { title: 'gateway CPUs', text: ({ gatewayCores }) => figure(gatewayCores) },
  { title: 'load CPUs', text: ({ loadCores }) => figure(loadCores) },
  { title: 'RSS first', text: ({ soak }) => figure(soak?.rssFirstMb) },
  { title: 'RSS last', text: ({ soak }) => figure(soak?.rssLastMb) },
  { title: 'RSS MB/h', text: ({ soak }) => figure(soak?.rssMbPerHour) },
  { title: 'KiB/conn', text: ({ kibPerConnection }) => figure(kibPerConnection) },
  { title: 'RSS MB', text: ({ rssMb }) => figure(rssMb) },
  { title: 'wrong', text: ({ wrong }) => String(wrong) },
];

/** The report as a table, ratios and skipped cases below. */
export function formatReport(result: SuiteResult): string {
  const { cases, ratios, skipped, notes = [], source } = result;
  // A column that no case has a value for says nothing.
  const columns = CASE_COLUMNS.filter(({ text }) => cases.some((row) => text(row) !== '-'));
  const cells = [columns.map(({ title }) => title)];
  for (const row of cases) cells.push(columns.map(({ text }) => text(row)));
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]!.length)));
  const lines = cells.map((row) => {
    const padded = row.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!),
    );
    return padded.join('  ').trimEnd();
  });
  for (const [name, value] of Object.entries(ratios)) lines.push(`${name} = ${value.toFixed(2)}`);
  if (source !== undefined) lines.push(`code of the gateway: ${source}`);
  lines.push(...notes);
  for (const { name, reason } of skipped) lines.push(`${name} skipped: ${reason}`);
  for (const { name, problems = {} } of cases) {
    for (const [problem, count] of Object.entries(problems)) {
      lines.push(`${name}: ${count} x ${problem}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function wholeFigure(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : Math.round(value).toLocaleString('en-US');
}

/** Threads that a suite has named; what the kernel calls them says little. */
function threadFigures(threads: BenchCase['threadsCpuUs'] = {}): string {
  if (!(ACCEPTOR_THREAD in threads)) return '-';
  return Object.entries(threads)
    .map(([name, us]) => `${name} ${figure(us)}`)
    .join(', ');
}

function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
