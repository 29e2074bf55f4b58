// `npm run bench -- SUITE`: measures, prints a table for people and, as the last line of stdout,
// one JSON object for programs. Progress goes to stderr. Exit code 1: an answer was wrong, so no
// figure counts, a required figure was missed or a file not written; 2: wrong usage.

import { defineFlags, parseFlags, type FlagValues } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { suggestion } from '#config/nearest.ts';
import { formatProblem } from '#config/problem.ts';
import { findProfile } from '#config/profiles.ts';
import { COMPARE_FLAGS, readSides, tieSideFlags } from './compare/sides.ts';
import { missedRequirements, parseRequirement, type Requirement } from './gate.ts';
import { renderPage } from './html/page.ts';
import { findUnwritable, listOutputs, writeOutput, type OutputFile } from './output-files.ts';
import { runReport } from './report-command.ts';
import { createReport, formatReport, type BenchReport } from './report.ts';
import { PINNINGS } from './rig/cores.ts';
import { PROFILE_VARIABLE } from './rig/gateway-config.ts';
import { GATEWAY_SOURCES, SOURCE_VARIABLE } from './rig/gateway-source.ts';
import { createOptions, UsageError, WORK_US, type BenchOptions, type Suite } from './suite.ts';
import { codecsSuite } from './suites/codecs.ts';
import { compareSuite } from './suites/compare.ts';
import { filtersSuite } from './suites/filters.ts';
import { headlineSuite } from './suites/headline.ts';
import { httpSuite } from './suites/http.ts';
import { lanesSuite } from './suites/lanes.ts';
import { mmtpSuite } from './suites/mmtp.ts';
import { soakSuite } from './suites/soak.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const SUITES: readonly Suite[] = [
  headlineSuite,
  mmtpSuite,
  httpSuite,
  lanesSuite,
  codecsSuite,
  filtersSuite,
  compareSuite,
  soakSuite,
];

const FLAGS = defineFlags([
  {
    name: 'seconds',
    type: 'number',
    value: 'N',
    description: 'Length of each measured window.',
    minimum: 0.05,
    maximum: 3600,
    defaultText: '3; soak: 60',
  },
  {
    name: 'rate',
    type: 'number',
    value: 'N',
    description: 'soak: requests per second.',
    minimum: 1,
    maximum: 100_000,
    defaultText: '1000',
  },
  {
    name: 'rounds',
    type: 'number',
    value: 'N',
    description: 'Interleaved rounds; ratios are medians over them.',
    isInteger: true,
    minimum: 1,
    maximum: 100,
    defaultText: '3',
  },
  {
    name: 'case',
    type: 'list',
    value: 'NAME',
    description: 'Cases to run, `*` stands for any text.',
  },
  {
    name: 'smoke',
    type: 'boolean',
    description: 'A few seconds in all: shows that it works, not how fast it is.',
    default: false,
  },
  {
    name: 'work-us',
    type: 'number',
    value: 'N',
    description: 'headline: work of the service per request in µs; 0 and 100 are shown beside.',
    minimum: 0,
    maximum: 100_000,
    defaultText: String(WORK_US),
  },
  {
    name: 'pinning',
    type: 'string',
    description: 'lanes: gateway on CPUs apart from load and service, or all on all.',
    choices: PINNINGS,
    defaultText: 'apart from 4 CPUs on',
  },
  {
    name: 'require',
    type: 'list',
    value: 'RATIO>=N',
    description: 'Exit with 1 unless the ratio is reached; also RATIO<=N.',
  },
  {
    name: 'profile',
    type: 'string',
    value: 'NAME',
    description: 'Profile of the gateways that are started.',
  },
  {
    name: 'source',
    type: 'string',
    description: 'Code of the gateways: what `npm run build` makes of it, or the sources.',
    choices: GATEWAY_SOURCES,
    defaultText: `$${SOURCE_VARIABLE} or ${GATEWAY_SOURCES[0]}`,
  },
  { name: 'json', type: 'string', value: 'FILE', description: 'Write the JSON object here too.' },
  {
    name: 'html',
    type: 'string',
    value: 'FILE',
    description: 'Write a page with tables and plots; it opens without a network.',
  },
  ...COMPARE_FLAGS,
]);

const COMMAND: CommandSpec<typeof FLAGS> = {
  name: 'bench',
  typed: 'npm run bench --',
  summary: 'Measures the gateway.',
  usage: 'SUITE [flags]',
  flags: FLAGS,
  positionals: { name: 'SUITE', minimum: 1, maximum: 1 },
  notes: [
    ...SUITES.map(({ name, summary }) => `${name}: ${summary}.`),
    'report: a page of what earlier runs wrote; see `npm run bench -- report --help`.',
  ],
  examples: [
    'npm run bench -- mmtp --case "mmtp-bolt-*"',
    'npm run bench -- codecs --smoke',
    'npm run bench -- compare --b-rev HEAD~1 --case http-16',
    'npm run bench -- compare --a "--session-cache 0" --b "--session-cache 8192" --rounds 7',
  ],
};

function findSuite(name: string): Suite | string {
  const suite = SUITES.find((entry) => entry.name === name);
  if (suite !== undefined) return suite;
  const known = SUITES.map((entry) => entry.name);
  return `Unknown suite "${name}"; ${suggestion(name, known)}`;
}

/** Ratios that must be reached, or the text that is none. */
function readRequirements(texts: readonly string[]): readonly Requirement[] | string {
  const requirements: Requirement[] = [];
  for (const text of texts) {
    const requirement = parseRequirement(text);
    if (requirement === null) {
      const example = 'qpsMeshOverDecentralized>=1.6';
      return `--require: "${text}" is not RATIO>=N or RATIO<=N, as in ${example}`;
    }
    requirements.push(requirement);
  }
  return requirements;
}

/** @returns whether every answer was right and every requirement is reached */
function passes(report: BenchReport, requirements: readonly Requirement[]): boolean {
  const missed = missedRequirements(requirements, report.ratios);
  for (const sentence of missed) process.stderr.write(`${report.suite}: ${sentence}\n`);
  return missed.length === 0 && report.cases.every(({ wrong }) => wrong === 0);
}

/** @throws UsageError for sides that cannot be */
function optionsOf(values: FlagValues<typeof FLAGS>, suite: Suite): BenchOptions {
  const pinning = PINNINGS.find((name) => name === values.pinning);
  const given = {
    isSmoke: values.smoke,
    sides: readSides(values),
    onProgress: (text: string) => process.stderr.write(`${suite.name}: ${text}\n`),
    ...(values.seconds === undefined ? {} : { seconds: values.seconds }),
    ...(values.rate === undefined ? {} : { rate: values.rate }),
    ...(values.rounds === undefined ? {} : { rounds: values.rounds }),
    ...(pinning === undefined ? {} : { pinning }),
    ...(values['work-us'] === undefined ? {} : { workUs: values['work-us'] }),
    ...(values.case === undefined ? {} : { cases: values.case }),
  };
  return createOptions(given, suite.defaultSeconds);
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'report') return runReport(argv.slice(1));
  const { values, positionals, isHelp, problems } = parseFlags(tieSideFlags(argv), COMMAND);
  if (isHelp) {
    process.stdout.write(helpText(COMMAND));
    return 0;
  }
  const [name = ''] = positionals;
  const suite = problems.length > 0 ? '' : findSuite(name);
  const requirements = readRequirements(values.require ?? []);
  if (typeof suite === 'string' || typeof requirements === 'string') {
    const lines = suite === '' ? problems.map(formatProblem) : [suite, requirements];
    return refuse(lines.filter((line) => typeof line === 'string'));
  }
  if (values.profile !== undefined) {
    const found = await findProfile(values.profile);
    if ('message' in found) return refuse([formatProblem(found)]);
    // Gateways read the variable themselves; nothing is said to them in another way.
    process.env[PROFILE_VARIABLE] = values.profile;
  }
  if (values.source !== undefined) process.env[SOURCE_VARIABLE] = values.source;
  const files = listOutputs(values);
  const unwritable = await findUnwritable(files);
  if (unwritable.length > 0) return refuse(unwritable);
  try {
    const options = optionsOf(values, suite);
    const report = createReport(suite.name, await suite.run(options), argv);
    const json = `${JSON.stringify(report)}\n`;
    // First of all: a file that fails now must not cost what took minutes to measure.
    process.stdout.write(formatReport(report) + json);
    const isWritten = await writeFiles(files, report, json);
    return passes(report, requirements) && isWritten ? 0 : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return refuse([error.message]);
  }
}

/** @returns whether all of them are written; stderr says which are not */
async function writeFiles(
  files: readonly OutputFile[],
  report: BenchReport,
  json: string,
): Promise<boolean> {
  let isWritten = true;
  for (const file of files) {
    const text = file.flag === '--json' ? json : renderPage([report]);
    const problem = await writeOutput(file, text);
    if (problem === null) continue;
    process.stderr.write(`${problem}\n`);
    isWritten = false;
  }
  return isWritten;
}

function refuse(lines: readonly string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`);
  return EXIT_USAGE;
}

process.exitCode = await main(process.argv.slice(2));
