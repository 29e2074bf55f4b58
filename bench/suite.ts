// What a suite is, and the settings all of them share.

import type { Side } from './compare/sides.ts';
import type { SuiteResult } from './report.ts';
import { WARM_UP_MS } from './load/load-flags.ts';
import type { LoadResult } from './load/tally.ts';
import type { Child } from './rig/child.ts';
import type { Cores, Pinning } from './rig/cores.ts';
import type { Rig } from './rig/rig.ts';

/** How long and what to measure. */
export interface BenchOptions {
  /** Length of each measured window. */
  readonly seconds: number;
  readonly warmUpMs: number;
  readonly rounds: number;
  /** Few, short cases that run the same code. */
  readonly isSmoke: boolean;
  /** `headline`: calibrated work of the service per request, µs. */
  readonly workUs: number;
  /** Patterns of case names, `*` for any text; empty: all. */
  readonly cases: readonly string[];
  /** What `compare` compares. */
  readonly sides?: readonly [Side, Side];
  /** Requests per second of `soak`. */
  readonly rate?: number;
  /** `lanes`: which CPUs the processes use; the suite chooses when absent. */
  readonly pinning?: Pinning;
  readonly onProgress: (text: string) => void;
}

/** A suite that `npm run bench -- NAME` runs. */
export interface Suite {
  readonly name: string;
  readonly summary: string;
  /** Length of a window unless told otherwise; that of most suites when absent. */
  readonly defaultSeconds?: number;
  /** @throws UnknownCaseError when a pattern fits no case */
  run(options: BenchOptions): Promise<SuiteResult>;
}

/** A suite that `npm run profile -- NAME` can run a case of. */
export interface ProfiledSuite {
  readonly name: string;
  /** Names of the cases whose gateway is ours and whose load is a closed loop. */
  readonly cases: readonly string[];
  /** The case that is profiled when none is named. */
  readonly defaultCase: string;
  /** CPUs of its processes, unless they are those of most suites: one each. */
  chooseCores?(): Cores | null;
  /**
   * Starts one case and measures it once.
   *
   * @param name one of `cases`
   * @param nodeFlags flags of the gateway's runtime: the profiler
   */
  measure(
    name: string,
    rig: Rig,
    options: BenchOptions,
    nodeFlags: readonly string[],
  ): Promise<ProfiledRun>;
}

/** What was measured, and the process to look into: still running. */
export interface ProfiledRun {
  readonly gateway: Child;
  readonly result: LoadResult;
}

const SMOKE_SECONDS = 0.25;
const SMOKE_WARM_UP_MS = 150;

/** Shorter windows are a matter of luck: CPU time comes in ticks of 10 ms. */
const DEFAULT_SECONDS = 3;
const DEFAULT_ROUNDS = 3;

/** What a service of the headline computes for a request: a small one. µs. */
export const WORK_US = 20;

/** Completes what the command line says. */
export function createOptions(
  given: Partial<BenchOptions>,
  defaultSeconds = DEFAULT_SECONDS,
): BenchOptions {
  const isSmoke = given.isSmoke ?? false;
  return {
    seconds: isSmoke ? SMOKE_SECONDS : defaultSeconds,
    warmUpMs: isSmoke ? SMOKE_WARM_UP_MS : WARM_UP_MS,
    rounds: isSmoke ? 1 : DEFAULT_ROUNDS,
    workUs: WORK_US,
    cases: [],
    onProgress: () => {},
    ...given,
    isSmoke,
  };
}

/** The command line says what cannot be; the message is for its writer. */
export class UsageError extends Error {}

/** A pattern that fits no case; the message names the cases. */
export class UnknownCaseError extends UsageError {}

/** The entries whose names fit one of `patterns`; all without patterns. */
export function selectCases<T extends { readonly name: string }>(
  entries: readonly T[],
  patterns: readonly string[],
): readonly T[] {
  if (patterns.length === 0) return entries;
  const tests = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => RegExp.escape(part));
    const test = new RegExp(`^${parts.join('.*')}$`);
    if (!entries.some(({ name }) => test.test(name))) {
      const names = entries.map(({ name }) => name).join(', ');
      throw new UnknownCaseError(`No case is named "${pattern}"; there are ${names}`);
    }
    return test;
  });
  return entries.filter(({ name }) => tests.some((test) => test.test(name)));
}
