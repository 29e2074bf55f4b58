// `npm run profile -- SUITE [--case NAME]`: runs one case of a suite with its gateway under the
// sampling profiler and prints the functions with the most self time, thread by thread, so that
// everybody who looks for time looks the same way.

import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineFlags, parseFlags } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { suggestion } from '#config/nearest.ts';
import { formatProblem } from '#config/problem.ts';
import { formatProfile, summarizeProfile, type CpuProfile } from './cpu-profile.ts';
import { summarize } from './rounds.ts';
import type { LoadResult } from './load/tally.ts';
import { GATEWAY_SOURCES, SOURCE_VARIABLE } from './rig/gateway-source.ts';
import { Rig } from './rig/rig.ts';
import { createOptions, type BenchOptions, type ProfiledSuite } from './suite.ts';
import { headlineProfile } from './suites/headline.ts';
import { httpProfile } from './suites/http.ts';
import { lanesProfile } from './suites/lanes.ts';
import { mmtpProfile } from './suites/mmtp.ts';

const EXIT_WRONG_ANSWERS = 1;
const EXIT_USAGE = 2;

/** Pause between samples: short enough for functions of a microsecond, and still cheap. */
const SAMPLE_US = 200;

/** The gateway ends a moment after the window. */
const END_US = 300_000;

/** Every suite that can be profiled. */
const SUITES: readonly ProfiledSuite[] = [mmtpProfile, httpProfile, headlineProfile, lanesProfile];

const FLAGS = defineFlags([
  { name: 'case', type: 'string', value: 'NAME', description: 'Case to run.' },
  {
    name: 'seconds',
    type: 'number',
    value: 'N',
    description: 'Length of the window.',
    minimum: 0.1,
    maximum: 600,
    defaultText: '5',
  },
  {
    name: 'functions',
    type: 'number',
    value: 'N',
    description: 'Functions to print of each thread.',
    isInteger: true,
    minimum: 1,
    maximum: 1000,
    default: 25,
  },
  {
    name: 'smoke',
    type: 'boolean',
    description: 'A moment only: shows that it works, not where time goes.',
    default: false,
  },
  {
    name: 'source',
    type: 'string',
    description: 'Code of the gateway: only `ts` tells the file of a function.',
    choices: GATEWAY_SOURCES,
    default: 'ts',
  },
  {
    name: 'keep',
    type: 'string',
    value: 'DIRECTORY',
    description: 'Keep the profiles here, for the DevTools of a browser.',
  },
]);

const COMMAND: CommandSpec<typeof FLAGS> = {
  name: 'profile',
  typed: 'npm run profile --',
  summary: 'Records a CPU profile of the gateway in one benchmark case, prints what is hot.',
  usage: 'SUITE [flags]',
  flags: FLAGS,
  positionals: { name: 'SUITE', minimum: 1, maximum: 1 },
  notes: SUITES.map(({ name, cases, defaultCase }) => {
    return `${name} (${defaultCase} unless another case is named): ${cases.join(', ')}.`;
  }),
  examples: ['npm run profile -- mmtp', 'npm run profile -- http --case http-16-none'],
};

const DEFAULT_SECONDS = 5;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals, isHelp, problems } = parseFlags(argv, COMMAND);
  if (isHelp) {
    process.stdout.write(helpText(COMMAND));
    return 0;
  }
  if (problems.length > 0) return refuse(...problems.map(formatProblem));
  const [name = ''] = positionals;
  const suite = SUITES.find((entry) => entry.name === name);
  if (suite === undefined) {
    const known = SUITES.map((entry) => entry.name);
    return refuse(`No suite "${name}" to profile; ${suggestion(name, known)}`);
  }
  const chosen = values.case ?? suite.defaultCase;
  if (!suite.cases.includes(chosen)) {
    return refuse(`No case "${chosen}"; there are ${suite.cases.join(', ')}`);
  }
  const seconds = values.seconds ?? (values.smoke ? undefined : DEFAULT_SECONDS);
  process.env[SOURCE_VARIABLE] = values.source;
  const options = createOptions({
    isSmoke: values.smoke,
    ...(seconds === undefined ? {} : { seconds }),
  });
  return profile(suite, chosen, options, values);
}

function refuse(...lines: readonly string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`);
  return EXIT_USAGE;
}

async function profile(
  suite: ProfiledSuite,
  name: string,
  options: BenchOptions,
  { keep, functions }: { readonly keep?: string | undefined; readonly functions: number },
): Promise<number> {
  const rig = new Rig(suite.chooseCores?.());
  try {
    const directory = join(rig.directory, 'profile');
    const profiler = ['--cpu-prof', `--cpu-prof-dir=${directory}`];
    const nodeFlags = [...profiler, `--cpu-prof-interval=${SAMPLE_US}`];
    const { gateway, result } = await suite.measure(name, rig, options, nodeFlags);
    await gateway.stop();
    const files = (await readdir(directory)).filter((file) => threadOf(file) !== null).toSorted();
    if (files.length === 0) throw new Error('The gateway left no profile');
    if (keep !== undefined) await mkdir(keep, { recursive: true });
    process.stdout.write(headline(name, result));
    for (const file of files) {
      const path = join(directory, file);
      if (keep !== undefined) await copyFile(path, join(keep, file));
      process.stdout.write(`\nthread ${threadOf(file)}: `);
      await print(path, result, functions);
    }
    return result.wrong === 0 ? 0 : EXIT_WRONG_ANSWERS;
  } finally {
    await rig.close();
  }
}

/** Node's number of the thread in a name such as `CPU.20260102.030405.1234.0.001.cpuprofile`. */
function threadOf(file: string): string | null {
  return /^CPU\.\d+\.\d+\.\d+\.(\d+)\.\d+\.cpuprofile$/.exec(file)?.[1] ?? null;
}

function headline(name: string, result: LoadResult): string {
  const { qps, cpuUsPerRequest, wrong } = summarize(name, [result]);
  return (
    `${name}: ${Math.round(qps)} requests/s, ${cpuUsPerRequest ?? '?'} µs CPU per request ` +
    `with the profiler, ${wrong} wrong answers\n`
  );
}

async function print(file: string, result: LoadResult, functions: number): Promise<void> {
  const recorded = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const root = `${pathToFileURL(join(import.meta.dirname, '..')).href}/`;
  const summary = summarizeProfile(recorded, result.seconds * 1e6 + END_US, root);
  process.stdout.write(formatProfile(summary, functions));
}

process.exitCode = await main(process.argv.slice(2));
