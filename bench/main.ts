// `npm run bench -- SUITE`: measures, prints a table for people and, as the last line of stdout,
// one JSON object for programs. Progress goes to stderr. Exit code 1: an answer was wrong, so no
// figure counts; 2: wrong usage.

import { writeFile } from 'node:fs/promises';
import { defineFlags, parseFlags } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { suggestion } from '#config/nearest.ts';
import { formatProblem } from '#config/problem.ts';
import { COMPARE_FLAGS, readSides, tieSideFlags } from './compare/sides.ts';
import { createReport, formatReport } from './report.ts';
import { createOptions, UsageError, type Suite } from './suite.ts';
import { codecsSuite } from './suites/codecs.ts';
import { compareSuite } from './suites/compare.ts';
import { filtersSuite } from './suites/filters.ts';
import { httpSuite } from './suites/http.ts';
import { mmtpSuite } from './suites/mmtp.ts';
import { soakSuite } from './suites/soak.ts';

const EXIT_WRONG_ANSWERS = 1;
const EXIT_USAGE = 2;

const SUITES: readonly Suite[] = [
  mmtpSuite,
  httpSuite,
  codecsSuite,
  filtersSuite,
  compareSuite,
  soakSuite,
];

/** Suites that are planned: named, so that nobody takes their absence for a typing error. */
const LATER_SUITES = ['headline', 'lanes'];

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
  { name: 'json', type: 'string', value: 'FILE', description: 'Write the JSON object here too.' },
  ...COMPARE_FLAGS,
]);

const COMMAND: CommandSpec<typeof FLAGS> = {
  name: 'bench',
  summary: 'Measures the gateway.',
  usage: 'SUITE [flags]',
  flags: FLAGS,
  positionals: { name: 'SUITE', minimum: 1, maximum: 1 },
  notes: SUITES.map(({ name, summary }) => `${name}: ${summary}.`),
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
  if (LATER_SUITES.includes(name)) {
    return `Suite "${name}" is not in this version; there are ${known.join(', ')}`;
  }
  return `Unknown suite "${name}"; ${suggestion(name, known)}`;
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals, isHelp, problems } = parseFlags(tieSideFlags(argv), COMMAND);
  if (isHelp) {
    process.stdout.write(helpText(COMMAND));
    return 0;
  }
  const [name = ''] = positionals;
  const suite = problems.length > 0 ? '' : findSuite(name);
  if (typeof suite === 'string') {
    const lines = suite === '' ? problems.map(formatProblem) : [suite];
    process.stderr.write(`${lines.join('\n')}\n`);
    return EXIT_USAGE;
  }
  try {
    const given = {
      isSmoke: values.smoke,
      sides: readSides(values),
      onProgress: (text: string) => process.stderr.write(`${suite.name}: ${text}\n`),
      ...(values.seconds === undefined ? {} : { seconds: values.seconds }),
      ...(values.rate === undefined ? {} : { rate: values.rate }),
      ...(values.rounds === undefined ? {} : { rounds: values.rounds }),
      ...(values.case === undefined ? {} : { cases: values.case }),
    };
    const options = createOptions(given, suite.defaultSeconds);
    const report = createReport(suite.name, await suite.run(options));
    const json = JSON.stringify(report);
    if (values.json !== undefined) await writeFile(values.json, `${json}\n`);
    process.stdout.write(`${formatReport(report)}${json}\n`);
    return report.cases.some(({ wrong }) => wrong > 0) ? EXIT_WRONG_ANSWERS : 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT_USAGE;
  }
}

process.exitCode = await main(process.argv.slice(2));
