// A gateway process of any kind, from its command line to its exit code: loads the configuration,
// starts the acceptor and the admin API, prints what is where, and answers signals until it has
// drained. Commands differ in name and defaults only.

import { constants } from 'node:os';
import { systemClock } from '#core/base/clock.ts';
import { configFlags, flagPath } from '#config/config-flags.ts';
import type { FlagSpec } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { loadConfig, type LoadResult } from '#config/load.ts';
import { formatProblem, type Problem } from '#config/problem.ts';
import type { RoleDefaults } from '#config/role-defaults.ts';
import { dottedTokens, valueAt } from '#config/value-path.ts';
import { Acceptor } from '#workers/acceptor.ts';
import { AcceptorSource } from '#workers/admin/acceptor-source.ts';
import { AdminServer } from '#workers/admin/admin-server.ts';
import { applyConfig } from '#workers/admin/apply-config.ts';
import { InputError, type Lane } from '#workers/lane.ts';
import { ProcessLog } from '#workers/log.ts';
import { packageVersion } from '#workers/package-version.ts';
import type { GatewayRole } from './gateway-roles.ts';
import { ExitCode, type CommandIo } from './io.ts';

const NOTES = [
  'Every flag is also an environment variable: --http-port is MGW_HTTP_PORT.',
  'SIGTERM and SIGINT drain and exit; SIGHUP reloads the configuration and reopens logs.',
];

type StopSignal = 'SIGTERM' | 'SIGINT';

/** Between two looks for memory that nobody needs. */
const TRIM_EVERY_MS = 10_000;

function commandOf({ name, summary, examples, notes, defaults }: GatewayRole): CommandSpec {
  const flags = configFlags.map((flag) => withDefault(flag, defaults));
  return { name, summary, usage: '[flags]', flags, examples, notes: [...notes, ...NOTES] };
}

/** A flag that tells the default of the role instead of the schema's. */
function withDefault(flag: FlagSpec, defaults: RoleDefaults | null): FlagSpec {
  const path = flagPath(flag.name);
  if (defaults === null) return flag;
  if (flag.name === 'profile' && defaults.profile !== undefined) {
    return { ...flag, defaultText: defaults.profile };
  }
  const own = path === undefined ? undefined : valueAt(defaults.settings, dottedTokens(path));
  return own === undefined ? flag : { ...flag, defaultText: String(own) };
}

/** Runs a gateway until the process is told to stop. @returns exit code */
export async function runGateway(
  role: GatewayRole,
  argv: readonly string[],
  io: CommandIo,
): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    io.stdout.write(helpText(commandOf(role)));
    return ExitCode.ok;
  }
  const { name, defaults } = role;
  const load = () => loadConfig({ argv, env: process.env, cwd: process.cwd(), role: defaults });
  const loaded = await load();
  if (!loaded.ok) return refuse(loaded.problems, io);
  const { config, warnings } = loaded.snapshot;
  const log = new ProcessLog({ level: config.telemetry.logLevel, role: name, clock: systemClock });
  for (const warning of warnings) log.warn(warning);
  let acceptor: Acceptor;
  try {
    acceptor = await Acceptor.create({ ...loaded, log, cwd: process.cwd() });
  } catch (error) {
    if (error instanceof InputError) return refuse(error.problems, io);
    return fail(error, io);
  }
  return serve(acceptor, name, load, io);
}

async function serve(
  acceptor: Acceptor,
  role: string,
  load: () => Promise<LoadResult>,
  io: CommandIo,
): Promise<number> {
  const { log } = acceptor;
  const { listeners, runtime } = acceptor.snapshot.config;
  let admin: AdminServer | null = null;
  let ports: Readonly<Record<string, number>>;
  // Before anyone learns that the process is there, so that no signal finds it unprepared.
  let isServing = false;
  const stopped = untilStopped(acceptor, load, () => isServing);
  const source = new AcceptorSource(acceptor, packageVersion(), role);
  try {
    const bound = await acceptor.open();
    admin = await openAdmin(acceptor, source);
    ports = { ...bound, ...(admin === null ? {} : { admin: admin.port }) };
    isServing = true;
  } catch (error) {
    await acceptor.close();
    // Listening for the end of the process that started this one must not keep it alive.
    process.channel?.unref();
    return fail(error, io);
  }
  for (const [name, port] of Object.entries(ports)) {
    io.stdout.write(`${name.padEnd(6)} ${listeners.host}:${port}\n`);
  }
  if (admin?.tokenFile) io.stdout.write(`admin token in ${admin.tokenFile}\n`);
  const { generation, zone, app } = runtime;
  const ready = { event: 'ready', role, generation, zone, app, pid: process.pid, ports };
  io.stdout.write(`${JSON.stringify(ready)}\n`);
  log.prepare();
  trimHeapNowAndThen(acceptor.lane);
  await stopped;
  await acceptor.drain();
  await admin?.close();
  await acceptor.close();
  if (process.connected) process.disconnect?.();
  return ExitCode.ok;
}

/**
 * The C library keeps what it was given back: compilers and collectors of V8 leave some megabytes
 * behind on each of its threads. PERF: `node bench/footprint.ts`; a call takes 0.3 to 0.5 ms.
 */
function trimHeapNowAndThen({ trimHeap }: Lane): void {
  if (trimHeap !== null) setInterval(trimHeap, TRIM_EVERY_MS).unref();
}

function openAdmin(acceptor: Acceptor, source: AcceptorSource): Promise<AdminServer> | null {
  const { host, adminPort, adminOpen, adminTokenFile } = acceptor.snapshot.config.listeners;
  if (adminPort === 'off') return null;
  return AdminServer.listen({
    host,
    port: adminPort,
    access: adminOpen ? 'open' : { tokenFile: adminTokenFile ?? defaultTokenFile() },
    source,
    onError: (error) => acceptor.log.error('admin handler failed', { error: String(error) }),
  });
}

/** One file a process, so that several gateways can run in one directory. */
function defaultTokenFile(): string {
  return `.mgw/admin-${process.pid}.token`;
}

/**
 * Resolves at SIGTERM or SIGINT, or when a drain was asked for by the admin API. A second SIGTERM
 * changes nothing; a second SIGINT is a person who does not want to wait. Before the gateway serves
 * there is nothing to finish, and the start may hang: either ends the process at once.
 */
function untilStopped(
  acceptor: Acceptor,
  load: () => Promise<LoadResult>,
  isServing: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let isInterrupted = false;
    const stop = (signal: StopSignal): void => {
      if (!isServing()) endBy(signal);
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', () => {
      if (isInterrupted) process.exit(ExitCode.failure);
      isInterrupted = true;
      stop('SIGINT');
    });
    // Started by another process of ours (mgw dev): its end is ours.
    if (process.channel !== undefined) process.once('disconnect', () => stop('SIGTERM'));
    process.on('SIGHUP', () => void reload(acceptor, load));
    acceptor.onDrainStarted = resolve;
  });
}

/**
 * Ends the process by `signal`, as if nobody had listened to it: shells tell 128 and its number,
 * 143 or 130. An exit of our own would wait for a file operation that hangs; it is left for the
 * first process of a container, whom its own signals do not end.
 */
function endBy(signal: StopSignal): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  return process.exit(128 + constants.signals[signal]);
}

async function reload(acceptor: Acceptor, load: () => Promise<LoadResult>): Promise<void> {
  const { log } = acceptor;
  await acceptor.reopenLogs();
  const result = await applyConfig(acceptor, await load());
  if (!result.ok) {
    for (const problem of result.problems) log.error(`config refused: ${formatProblem(problem)}`);
    return;
  }
  const { revision, hash, config } = result.snapshot;
  log.info('config applied', { revision, hash });
  acceptor.setLogLevel(config.telemetry.logLevel);
}

function refuse(problems: readonly Problem[], io: CommandIo): number {
  for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
  return ExitCode.usage;
}

function fail(error: unknown, io: CommandIo): number {
  io.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return ExitCode.failure;
}
