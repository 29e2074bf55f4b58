// `npm run bench -- report --json FILE... --html FILE`: a page of what earlier runs wrote.

import { readFile } from 'node:fs/promises';
import { defineFlags, parseFlags } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { formatProblem } from '#config/problem.ts';
import { renderPage } from './html/page.ts';
import { writeOutput } from './output-files.ts';
import type { BenchReport } from './report.ts';

const EXIT_USAGE = 2;

/** LIMIT: files of one page. */
const FILES_MAX = 64;

const WANTED = 'give what a run wrote with --json: one JSON object on one line';

const FLAGS = defineFlags([
  {
    name: 'json',
    type: 'list',
    value: 'FILE',
    description: 'Report of an earlier run; files may also follow without the flag.',
  },
  { name: 'html', type: 'string', value: 'FILE', description: 'Page to write.' },
]);

const COMMAND: CommandSpec<typeof FLAGS> = {
  name: 'bench report',
  typed: 'npm run bench -- report',
  summary: 'Makes one page with tables and plots of earlier runs; it opens without a network.',
  usage: '--json FILE... --html FILE',
  flags: FLAGS,
  positionals: { name: 'FILE', minimum: 0, maximum: FILES_MAX },
  examples: ['npm run bench -- report --json mmtp.json http.json --html report.html'],
};

/** Runs it. @param argv what follows `report` @returns exit code */
export async function runReport(argv: readonly string[]): Promise<number> {
  const { values, positionals, isHelp, problems } = parseFlags(argv, COMMAND);
  if (isHelp) {
    process.stdout.write(helpText(COMMAND));
    return 0;
  }
  const files = [...(values.json ?? []), ...positionals];
  const missing: string[] = [];
  if (files.length === 0) missing.push('--json: is missing; name the report of an earlier run');
  if (values.html === undefined) missing.push('--html: is missing; name the page to write');
  const wrong = [...problems.map(formatProblem), ...missing];
  if (wrong.length > 0 || values.html === undefined) return refuse(wrong);
  const reports: BenchReport[] = [];
  for (const file of files) {
    const report = await readReport(file);
    if (typeof report === 'string') wrong.push(`${file}: ${report}`);
    else reports.push(report);
  }
  if (wrong.length > 0) return refuse(wrong);
  const problem = await writeOutput({ flag: '--html', path: values.html }, renderPage(reports));
  if (problem !== null) return refuse([problem]);
  process.stdout.write(`wrote ${values.html}\n`);
  return 0;
}

function refuse(lines: readonly string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`);
  return EXIT_USAGE;
}

/** A report, or why the file is none. What a run printed will do: its last line is the report. */
async function readReport(file: string): Promise<BenchReport | string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const last = parseJson(text.trimEnd().split('\n').at(-1) ?? '');
  if (last === undefined) return `its last line is no JSON object; ${WANTED}`;
  return isReport(last) ? last : `is no report of a benchmark; ${WANTED}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isReport(value: unknown): value is BenchReport {
  if (typeof value !== 'object' || value === null) return false;
  const { suite, machine, node, cases, ratios, skipped } = value as Partial<BenchReport>;
  return (
    typeof suite === 'string' &&
    typeof machine === 'string' &&
    typeof node === 'string' &&
    Array.isArray(cases) &&
    cases.every(({ name, qps }) => typeof name === 'string' && typeof qps === 'number') &&
    typeof ratios === 'object' &&
    Array.isArray(skipped)
  );
}
