// Runs cases in interleaved rounds and brings their measurements together. Machines drift: what is
// compared is measured in turns, every other round backwards, and ratios are taken within a round.

import type { LoadResult } from './load/tally.ts';
import { median, rounded, type BenchCase, type PercentileCurve } from './report.ts';

/** A case that can be measured again and again. */
export interface RoundCase {
  readonly name: string;
  /** Measures once. */
  measure(): Promise<LoadResult>;
}

/** `upper` over `lower`, within each round, of one figure. */
export interface RatioSpec {
  readonly name: string;
  readonly upper: string;
  readonly lower: string;
}

/** Measurements by case, one a round. */
export type Measurements = ReadonlyMap<string, readonly LoadResult[]>;

/** Measures every case once a round. @param onProgress told what is about to run */
export async function runRounds(
  cases: readonly RoundCase[],
  rounds: number,
  onProgress: (text: string) => void,
): Promise<Measurements> {
  const found = new Map<string, LoadResult[]>(cases.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    const order = round % 2 === 1 ? cases : cases.toReversed();
    for (const entry of order) {
      onProgress(`round ${round}/${rounds} ${entry.name}`);
      found.get(entry.name)!.push(await entry.measure());
    }
  }
  return found;
}

/** Gateway CPU per request in µs; null when the system does not tell. */
export function cpuUsPerRequest({ watched, requests }: LoadResult): number | null {
  return watched === null || requests === 0 ? null : watched.cpuUs / requests;
}

/** Requests per second of gateway CPU time; null when the system tells of none. */
export function qpsPerCore(result: LoadResult): number | null {
  const cpuUs = cpuUsPerRequest(result);
  return cpuUs === null || cpuUs === 0 ? null : 1e6 / cpuUs;
}

/** The figures of one case over its rounds. */
export function summarize(name: string, results: readonly LoadResult[]): BenchCase {
  const of = (figure: (result: LoadResult) => number) => rounded(median(results.map(figure)));
  const known = results.filter(({ watched }) => watched !== null);
  const last = known.at(-1);
  const hasCpu = last !== undefined && known.every(({ requests }) => requests > 0);
  const cpu = (figure: (result: LoadResult) => number) =>
    hasCpu ? rounded(median(known.map(figure))) : null;
  const problems: Record<string, number> = {};
  for (const result of results) {
    for (const [problem, count] of Object.entries(result.problems)) {
      problems[problem] = (problems[problem] ?? 0) + count;
    }
    if (result.unanswered > 0) {
      problems['no answer'] = (problems['no answer'] ?? 0) + result.unanswered;
    }
  }
  return {
    name,
    requests: results.reduce((sum, { requests }) => sum + requests, 0),
    qps: of(({ qps }) => qps),
    p50Us: of(({ p50Us }) => p50Us),
    p99Us: of(({ p99Us }) => p99Us),
    cpuUsPerRequest: cpu((result) => cpuUsPerRequest(result) ?? 0),
    rssMb: hasCpu ? rounded(last.watched?.rssMb ?? 0) : null,
    wrong: results.reduce((sum, { wrong, unanswered }) => sum + wrong + unanswered, 0),
    problems,
    gatewayCores: cpu(({ watched, seconds }) => (watched?.cpuUs ?? 0) / (seconds * 1e6)),
    loadCores: of(({ loadCpuUs, seconds }) => loadCpuUs / (seconds * 1e6)),
    threadsCpuUs: last === undefined ? {} : threadsOf(last),
    ...curveOf(results),
  };
}

/** The median of the curves, at the percentiles that all rounds have. */
function curveOf(results: readonly LoadResult[]): { readonly percentiles?: PercentileCurve } {
  const curves = results.map(({ percentiles }) => new Map(percentiles));
  const shortest = curves.toSorted((a, b) => a.size - b.size)[0];
  if (shortest === undefined || shortest.size === 0) return {};
  const percentiles = [...shortest.keys()].map((percent) => {
    const us = rounded(median(curves.map((curve) => curve.get(percent) ?? Number.NaN)));
    return [percent, us] as const;
  });
  return { percentiles };
}

function threadsOf({ watched, requests }: LoadResult): Record<string, number> {
  const busy = (watched?.threads ?? []).filter(({ cpuUs }) => cpuUs > 0);
  return Object.fromEntries(
    busy.map(({ id, name, cpuUs }) => [`${name}-${id}`, rounded(cpuUs / Math.max(1, requests))]),
  );
}

/** Medians of CPU ratios within rounds; ratios of cases that were not measured are left out. */
export function cpuRatios(
  specs: readonly RatioSpec[],
  measured: Measurements,
): Record<string, number> {
  return ratios(specs, measured, cpuUsPerRequest);
}

/**
 * Medians of ratios of `figure` within rounds; ratios of what was not measured are left out.
 *
 * @param figure null: this measurement does not have it
 */
export function ratios(
  specs: readonly RatioSpec[],
  measured: Measurements,
  figure: (result: LoadResult) => number | null,
): Record<string, number> {
  return compare(specs, measured, figure, (over, under) => (under === 0 ? null : over / under));
}

/** As {@link ratios}, by how much `upper` is more than `lower`. */
export function differences(
  specs: readonly RatioSpec[],
  measured: Measurements,
  figure: (result: LoadResult) => number | null,
): Record<string, number> {
  return compare(specs, measured, figure, (over, under) => over - under);
}

function compare(
  specs: readonly RatioSpec[],
  measured: Measurements,
  figure: (result: LoadResult) => number | null,
  relation: (over: number, under: number) => number | null,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { name, upper, lower } of specs) {
    const lowers = measured.get(lower) ?? [];
    const values = (measured.get(upper) ?? []).flatMap((result, round) => {
      const below = lowers[round];
      const over = figure(result);
      const under = below === undefined ? null : figure(below);
      const value = over === null || under === null ? null : relation(over, under);
      return value === null ? [] : [value];
    });
    if (values.length > 0) found[name] = rounded(median(values));
  }
  return found;
}
