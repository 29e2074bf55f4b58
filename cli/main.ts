// `mgw`: finds the command and runs it. One file a command under cli/commands, loaded only when it
// is called, so that a sidecar does not pay for the rest at its start.

import { nearest } from '#config/nearest.ts';
import { ExitCode, type CommandIo } from './io.ts';

type Run = (argv: readonly string[], io: CommandIo) => Promise<number>;

interface Command {
  readonly summary: string;
  readonly load: () => Promise<Run>;
}

/** Every command, in the order of the help. */
const COMMANDS: Readonly<Record<string, Command>> = {
  dev: {
    summary: 'all parts and sample services on one machine',
    load: async () => (await import('./commands/dev.ts')).runDev,
  },
  sidecar: {
    summary: 'mesh gateway beside a service',
    load: async () => (await import('./commands/sidecar.ts')).runSidecar,
  },
  central: {
    summary: 'central gateway in front of all services',
    load: async () => (await import('./commands/central.ts')).runCentral,
  },
  call: {
    summary: 'call an operation by Mmtp or HTTP',
    load: async () => (await import('./commands/call.ts')).runCall,
  },
  session: {
    summary: 'issue, inspect, verify sessions; make keys',
    load: async () => (await import('./commands/session.ts')).runSession,
  },
  config: {
    summary: 'check, explain, schema',
    load: async () => (await import('./commands/config.ts')).runConfig,
  },
  drain: {
    summary: 'let a running gateway finish and exit; needs --pid or --admin',
    load: async () => (await import('./commands/drain.ts')).runDrain,
  },
  version: {
    summary: 'versions of mgw, Node and the codecs in use',
    load: async () => (await import('./commands/version.ts')).runVersion,
  },
};

/**
 * Runs `mgw` with `argv`.
 *
 * @returns the exit code, see {@link ExitCode}
 */
export async function main(
  argv: readonly string[],
  io: CommandIo = { stdout: process.stdout, stderr: process.stderr },
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || isHelp(name)) return help(rest[0], io);
  if (name === '--version') return main(['version'], io);
  const command = commandOf(name);
  if (command === undefined) return refuse(name, io);
  const run = await command.load();
  return run(rest, io);
}

function isHelp(name: string): boolean {
  return name === 'help' || name === '--help' || name === '-h';
}

/** Names the command that was probably meant. */
function refuse(name: string, io: CommandIo): number {
  const near = nearest(name, Object.keys(COMMANDS));
  const hint = near === undefined ? '' : `did you mean "${near}"? `;
  io.stderr.write(`Unknown command "${name}": ${hint}\`mgw help\` lists the commands\n`);
  return ExitCode.usage;
}

function commandOf(name: string): Command | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

async function help(topic: string | undefined, io: CommandIo): Promise<number> {
  if (topic !== undefined && !isHelp(topic)) {
    const command = commandOf(topic);
    if (command === undefined) return refuse(topic, io);
    const run = await command.load();
    return run(['--help'], io);
  }
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 2;
  const lines = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}${summary}\n`,
  );
  io.stdout.write(`Usage: mgw <command> [flags]\n\n${lines.join('')}\n`);
  io.stdout.write('`mgw help <command>` tells its flags.\n');
  return ExitCode.ok;
}
