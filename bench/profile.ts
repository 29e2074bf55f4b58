// `node bench/profile.ts CASE`: runs one case of the suites `mmtp` or `http` with the gateway under
// the sampling profiler and prints the functions with the most self time, so that everybody who
// looks for time looks the same way. `--keep FILE` keeps the profile for DevTools.

import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineFlags, parseFlags } from '#config/flags.ts';
import { formatProblem } from '#config/problem.ts';
import { formatFunctions, hottestFunctions, type CpuProfile } from './cpu-profile.ts';
import { summarize } from './rounds.ts';
import type { LoadResult } from './load/tally.ts';
import type { Child } from './rig/child.ts';
import { Rig } from './rig/rig.ts';
import { createOptions, type BenchOptions } from './suite.ts';
import { HTTP_CASES, measureProxy, startProxy } from './suites/http.ts';
import { MMTP_CASES, MmtpStage } from './suites/mmtp.ts';

const EXIT_USAGE = 2;

const FUNCTIONS_SHOWN = 25;

/** Pause between samples: short enough for functions of a microsecond, and still cheap. */
const SAMPLE_US = 200;

/** The gateway ends a moment after the window. */
const END_US = 300_000;

const FLAGS = defineFlags([
  {
    name: 'seconds',
    type: 'number',
    value: 'N',
    description: 'Length of the window.',
    minimum: 0.1,
    maximum: 600,
    default: 5,
  },
  { name: 'keep', type: 'string', value: 'FILE', description: 'Keep the profile here.' },
]);

const USAGE = `Usage: node bench/profile.ts CASE [--seconds N] [--keep FILE]

CASE is one of the suites mmtp and http, or the beginning of a name of http:
`;

/** A case with its gateway under the profiler. */
interface Profiled {
  readonly gateway: Child;
  readonly result: LoadResult;
}

/** Runs the case named `name`; null when there is none. */
async function runCase(
  name: string,
  rig: Rig,
  options: BenchOptions,
  nodeFlags: readonly string[],
): Promise<Profiled | null> {
  const mmtp = PROFILED_MMTP.find((entry) => entry.name === name);
  if (mmtp !== undefined) {
    const stage = new MmtpStage(rig);
    const gateway = await stage.gateway(mmtp, nodeFlags);
    return { gateway, result: await stage.measure(mmtp, options, 0) };
  }
  const http = PROFILED_HTTP.find((entry) => entry.name.startsWith(name));
  if (http === undefined) return null;
  const gateway = await startProxy(http, rig, await rig.startService('http'), nodeFlags);
  return { gateway, result: await measureProxy(gateway, rig, options) };
}

/** Cases whose gateway is ours and whose load is a closed loop. */
const PROFILED_MMTP = MMTP_CASES.filter(({ halfOf, isFloor }) => halfOf === null && !isFloor);
const PROFILED_HTTP = HTTP_CASES.filter(({ session }) => session !== null);

function knownCases(): string {
  return [...PROFILED_MMTP, ...PROFILED_HTTP].map(({ name }) => name).join(', ');
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals, isHelp, problems } = parseFlags(argv, {
    flags: FLAGS,
    positionals: { name: 'CASE', minimum: 1, maximum: 1 },
  });
  if (isHelp) {
    process.stdout.write(`${USAGE}${knownCases()}\n`);
    return 0;
  }
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  const [name] = positionals;
  if (problems.length > 0 || name === undefined) return EXIT_USAGE;
  const rig = new Rig();
  try {
    const directory = join(rig.directory, 'profile');
    const profiler = ['--cpu-prof', `--cpu-prof-dir=${directory}`];
    const nodeFlags = [...profiler, `--cpu-prof-interval=${SAMPLE_US}`];
    const options = createOptions({ seconds: values.seconds });
    const profiled = await runCase(name, rig, options, nodeFlags);
    if (profiled === null) {
      process.stderr.write(`No case "${name}"; there are ${knownCases()}\n`);
      return EXIT_USAGE;
    }
    await profiled.gateway.stop();
    const [file] = await readdir(directory);
    if (file === undefined) throw new Error('The gateway left no profile');
    if (values.keep !== undefined) await copyFile(join(directory, file), values.keep);
    await print(join(directory, file), name, profiled.result);
    return 0;
  } finally {
    await rig.close();
  }
}

async function print(file: string, name: string, result: LoadResult): Promise<void> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const root = `${pathToFileURL(join(import.meta.dirname, '..')).href}/`;
  const functions = hottestFunctions(profile, result.seconds * 1e6 + END_US, root);
  const { qps, cpuUsPerRequest, wrong } = summarize(name, [result]);
  process.stdout.write(
    `${name}: ${Math.round(qps)} requests/s, ${cpuUsPerRequest ?? '?'} µs CPU per request ` +
      `with the profiler, ${wrong} wrong answers; self time by function:\n`,
  );
  process.stdout.write(formatFunctions(functions.slice(0, FUNCTIONS_SHOWN)));
}

process.exitCode = await main(process.argv.slice(2));
