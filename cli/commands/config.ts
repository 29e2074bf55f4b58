// `mgw config`: check, explain, schema. Invariant: standard output holds only the result. What a
// configuration means is left to the folder config.

import { configFlags } from '#config/config-flags.ts';
import { explain } from '#config/explain.ts';
import type { ExplainRow } from '#config/explain.ts';
import { defineFlags } from '#config/flags.ts';
import type { FlagSpec } from '#config/flags.ts';
import { helpText } from '#config/help.ts';
import type { CommandSpec } from '#config/help.ts';
import { jsonSchema } from '#config/json-schema.ts';
import { loadConfig } from '#config/load.ts';
import { suggestion } from '#config/nearest.ts';
import { formatProblem } from '#config/problem.ts';
import type { Problem } from '#config/problem.ts';
import type { ConfigSnapshot } from '#config/snapshot.ts';
import { paintFor, terminalOf } from '../call/terminal.ts';
import type { Paint } from '../call/terminal.ts';
import { counted } from '../call/units.ts';
import { GATEWAY_ROLES, SIDECAR } from '../gateway-roles.ts';
import { ExitCode } from '../io.ts';
import type { CommandIo } from '../io.ts';
import { readCommandLine, refuse } from './command-line.ts';

const JSON_FLAG = {
  name: 'json',
  type: 'boolean',
  default: false,
  description: 'Print the result as JSON.',
} as const;

/** Flags of this command come first, those of a gateway after them. */
function withConfigFlags(...own: readonly FlagSpec[]): readonly FlagSpec[] {
  return [...own, ...configFlags];
}

const checkSpec: CommandSpec = {
  name: 'config check',
  summary: 'Says everything that is wrong in a configuration file, each with its path and line.',
  usage: 'FILE [flags]',
  flags: withConfigFlags(JSON_FLAG),
  positionals: { name: 'FILE', minimum: 1, maximum: 1 },
  notes: [
    'Flags of `mgw sidecar` count as if they stood in the file. Environment variables are not ' +
      'looked at, nor the files that the configuration names. The exit code is 2 when something ' +
      'is wrong.',
  ],
  examples: [
    'mgw config check gateway.yaml',
    'mgw config check apis.yaml --upstream app=http://127.0.0.1:9000',
  ],
};

const CHANGED_FLAG = {
  name: 'changed',
  type: 'boolean',
  default: false,
  description: 'Leave out values that are defaults.',
} as const;

const ROLE_FLAG = {
  name: 'role',
  type: 'string',
  choices: GATEWAY_ROLES.map(({ name }) => name),
  default: 'sidecar',
  description: 'Command whose defaults and profile hold.',
} as const;

const explainSpec: CommandSpec = {
  name: 'config explain',
  summary: 'Prints every value that a gateway would start with, and where it comes from.',
  usage: '[FILE] [flags]',
  flags: withConfigFlags(JSON_FLAG, CHANGED_FLAG, ROLE_FLAG),
  positionals: { name: 'FILE', minimum: 0, maximum: 1 },
  notes: [
    'Takes the flags of `mgw sidecar` and reads its environment variables. FILE is short for ' +
      '--config FILE. Secrets are masked.',
  ],
  examples: [
    'mgw config explain gateway.yaml --changed',
    'mgw config explain --upstream app=http://127.0.0.1:9000 --http-port 0',
  ],
};

const schemaSpec = {
  name: 'config schema',
  summary: 'Prints the JSON Schema of configuration files, for editors.',
  usage: '',
  flags: defineFlags([]),
  examples: ['mgw config schema > gateway.schema.json'],
} as const satisfies CommandSpec;

async function check(argv: readonly string[], io: CommandIo): Promise<number> {
  const line = readCommandLine(argv, checkSpec, io);
  if (typeof line === 'number') return line;
  const { json, ...given } = line.values;
  const file = line.positionals[0]!;
  if (given['config'] !== undefined) return refuseTwoFiles(checkSpec, io);
  const flags = flagArguments({ ...given, config: file });
  const loaded = await loadConfig({ argv: flags, env: {}, cwd: process.cwd() });
  if (!loaded.ok) {
    const { problems } = loaded;
    if (json === true) io.stdout.write(`${JSON.stringify({ ok: false, problems })}\n`);
    else printProblems(problems, io);
    return ExitCode.usage;
  }
  const { snapshot } = loaded;
  const { revision, hash, warnings } = snapshot;
  if (json === true) {
    io.stdout.write(`${JSON.stringify({ ok: true, revision, hash, warnings })}\n`);
    return ExitCode.ok;
  }
  for (const warning of warnings) io.stderr.write(`note: ${file}: ${warning}\n`);
  io.stdout.write(`${file}: ok, ${summaryOf(snapshot)}\n`);
  return ExitCode.ok;
}

function summaryOf({ config, apis, revision, hash }: ConfigSnapshot): string {
  const upstreams = Object.keys(config.upstreams).length;
  const parts = [counted(apis.length, 'API'), counted(upstreams, 'upstream')];
  return `revision ${revision}, ${parts.join(', ')}, hash ${hash}`;
}

function refuseTwoFiles(spec: CommandSpec, io: CommandIo): number {
  return refuse([{ path: '--config', message: 'stands for FILE; give one of them' }], spec, io);
}

function printProblems(problems: readonly Problem[], io: CommandIo): void {
  for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
}

async function explainAll(argv: readonly string[], io: CommandIo): Promise<number> {
  const line = readCommandLine(argv, explainSpec, io);
  if (typeof line === 'number') return line;
  const { json, changed, role, ...given } = line.values;
  const file = line.positionals[0];
  if (file !== undefined && given['config'] !== undefined) return refuseTwoFiles(explainSpec, io);
  const flags = flagArguments(file === undefined ? given : { ...given, config: file });
  const { defaults } = GATEWAY_ROLES.find(({ name }) => name === role) ?? SIDECAR;
  const how = { env: process.env, cwd: process.cwd(), role: defaults };
  const loaded = await loadConfig({ argv: flags, ...how });
  if (!loaded.ok) {
    printProblems(loaded.problems, io);
    return ExitCode.usage;
  }
  const { snapshot } = loaded;
  const rows = explain(snapshot).filter((row) => changed !== true || row.origin !== 'default');
  for (const warning of snapshot.warnings) io.stderr.write(`note: ${warning}\n`);
  if (json === true) io.stdout.write(explainJson(rows));
  else io.stdout.write(explainTable(rows, paintFor(terminalOf(io.stdout, process.env))));
  return ExitCode.ok;
}

/** Writes parsed flags as arguments again, without those that are of this command only. */
function flagArguments(
  values: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>,
): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (typeof value === 'boolean') return [value ? `--${name}` : `--no-${name}`];
    const texts = typeof value === 'object' ? value : [value];
    return texts.map((text) => `--${name}=${text}`);
  });
}

/** An array, one row a line. Values are JSON already, so that they need no second parsing. */
function explainJson(rows: readonly ExplainRow[]): string {
  const lines = rows.map(({ path, value, origin, where, description }) => {
    const rest = JSON.stringify({ origin, where, description }).slice(1);
    return `{"path":${JSON.stringify(path)},"value":${value},${rest}`;
  });
  return lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`;
}

/** LIMIT: longer values are cut in the table; --json has them whole. */
const VALUE_COLUMNS_MAX = 48;

function explainTable(rows: readonly ExplainRow[], paint: Paint): string {
  const shown = rows.map(({ path, value, origin, where }) => {
    const isLong = value.length > VALUE_COLUMNS_MAX;
    const cut = isLong ? `${value.slice(0, VALUE_COLUMNS_MAX - 3)}...` : value;
    return [path, cut, origin, where] as const;
  });
  const head = ['path', 'value', 'origin', 'where'] as const;
  const widths = head.map((name, column) => {
    return Math.max(name.length, ...shown.map((row) => row[column]!.length));
  });
  const lineOf = (row: readonly string[]): string => {
    return row
      .map((text, column) => text.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  };
  const lines = shown.map((row) => {
    return row[2] === 'default' ? paint('dim', lineOf(row)) : lineOf(row);
  });
  return `${[paint('bold', lineOf(head)), ...lines].join('\n')}\n`;
}

async function schema(argv: readonly string[], io: CommandIo): Promise<number> {
  const line = readCommandLine(argv, schemaSpec, io);
  if (typeof line === 'number') return line;
  io.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return ExitCode.ok;
}

/** Subcommands: how they are used and what runs. */
const COMMANDS = {
  check: { spec: checkSpec, run: check },
  explain: { spec: explainSpec, run: explainAll },
  schema: { spec: schemaSpec, run: schema },
} as const;

const HELP: CommandSpec = {
  name: 'config',
  summary: 'Checks configurations and explains where their values come from.',
  usage: 'check FILE | explain [FILE] [flags] | schema',
  flags: [],
  notes: Object.values(COMMANDS).map(({ spec }) => {
    return `  ${`mgw ${spec.name} ${spec.usage}`.trimEnd()}: ${spec.summary}`;
  }),
  examples: Object.values(COMMANDS).flatMap(({ spec }) => spec.examples ?? []),
};

/**
 * Runs `mgw config`.
 *
 * @param argv what follows `config`
 * @returns the exit code: 0, or 2 for a wrong configuration or usage
 */
export async function runConfig(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--help' || name === '-h' || name === 'help') {
    io.stdout.write(helpText(HELP));
    return ExitCode.ok;
  }
  if (name === undefined) {
    io.stderr.write(helpText(HELP));
    return ExitCode.usage;
  }
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name as keyof typeof COMMANDS].run(rest, io);
  const help = suggestion(name, Object.keys(COMMANDS));
  io.stderr.write(`mgw config: unknown command "${name}"; ${help}\n`);
  return ExitCode.usage;
}
