// Processes of a run: gateways, services, generators. Invariant: none outlives the benchmark; what
// still runs when it ends is killed. A child says one JSON line: `{"event":"ready","ports":...}`
// when it serves, or its result.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pinned, type CpuChoice } from './cores.ts';

/** LIMIT: how long a child may take to start. */
const START_MS_MAX = 20_000;

/** LIMIT: how long a child may take to end after SIGTERM. */
const STOP_MS_MAX = 10_000;

/** LIMIT: characters kept of what a child says before it fails. */
const COMPLAINT_MAX = 8192;

const PROJECT = join(import.meta.dirname, '../..');

/** What to run. */
export interface ChildSpec {
  /** For messages. */
  readonly name: string;
  /** Program and arguments; relative to the project's root. */
  readonly command: readonly string[];
  /** CPUs to pin it to; null: any. */
  readonly cpu: CpuChoice;
  /** Directory to run in; the project's root when absent. */
  readonly cwd?: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A JSON line of a child. */
export type JsonLine = Readonly<Record<string, unknown>>;

const running = new Set<ChildProcess>();
let isWatching = false;

/** A process that serves until it is stopped. */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly #process: ChildProcess;

  constructor(name: string, process: ChildProcess, ports: Readonly<Record<string, number>>) {
    this.name = name;
    this.pid = process.pid!;
    this.ports = ports;
    this.#process = process;
  }

  /** @throws Error when the child announced no such port */
  port(name: string): number {
    const port = this.ports[name];
    if (port === undefined) throw new Error(`${this.name} announced no port "${name}"`);
    return port;
  }

  /** Ends it and waits until it is gone. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
  }
}

/** Starts a child that serves; resolves at its ready line. */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const process = launch(spec);
  const ready = await firstLine(spec, process, START_MS_MAX, (line) => line['event'] === 'ready');
  return new Child(spec.name, process, ready['ports'] as Readonly<Record<string, number>>);
}

/**
 * Starts a child that serves and does not say when.
 *
 * @param isUp asked until it answers true
 */
export async function startSilentChild(
  spec: ChildSpec,
  ports: Readonly<Record<string, number>>,
  isUp: () => Promise<boolean>,
): Promise<Child> {
  const process = launch(spec);
  // Some say on stdout why they end; and a pipe that nobody reads would stop them once it is full.
  const failure = failureOf(spec, process, [process.stdout!, process.stderr!]);
  const deadlineMs = performance.now() + START_MS_MAX;
  while (!(await Promise.race([isUp(), failure]))) {
    if (performance.now() > deadlineMs) throw new Error(`${spec.name} does not answer`);
  }
  return new Child(spec.name, process, ports);
}

/** Runs a child to its end and answers the last JSON line that it wrote. */
export async function runChild(spec: ChildSpec, timeoutMs: number): Promise<JsonLine> {
  const process = launch(spec);
  const result = await firstLine(spec, process, timeoutMs, (line) => line['event'] === 'result');
  if (process.exitCode === null) await once(process, 'exit');
  return result;
}

function launch({ command, cpu, cwd = PROJECT, env = {} }: ChildSpec): ChildProcess {
  watchOwnEnd();
  const [program = '', ...argv] = pinned(cpu, command);
  const child = spawn(program, argv, {
    cwd,
    // Services end with their standard input: a benchmark that is killed leaves none behind.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), 'mgw-bench-compile-cache'),
      ...env,
    },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Resolves with the first JSON line that `isWanted`; rejects when the child ends before. */
async function firstLine(
  spec: ChildSpec,
  child: ChildProcess,
  timeoutMs: number,
  isWanted: (line: JsonLine) => boolean,
): Promise<JsonLine> {
  const failure = failureOf(spec, child, [child.stderr!]);
  const line = new Promise<JsonLine>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const value = parseLine(text);
      if (value !== null && isWanted(value)) resolve(value);
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const message = `${spec.name} said nothing within ${timeoutMs} ms`;
    timer = setTimeout(() => reject(new Error(message)), timeoutMs);
  });
  try {
    return await Promise.race([line, failure, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Rejects when the child ends or cannot be started; never resolves.
 *
 * @param outputs where it says why
 */
function failureOf(
  { name }: ChildSpec,
  child: ChildProcess,
  outputs: readonly Readable[],
): Promise<never> {
  let complaint = '';
  for (const output of outputs) {
    output.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString()).slice(-COMPLAINT_MAX);
    });
  }
  const failure = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Error(`${name}: ${error.message}`)));
    child.once('close', (code) => reject(new Error(`${name} ended (${code}): ${complaint}`)));
  });
  failure.catch(() => {}); // Children that are stopped end as well, and nobody waits for them.
  return failure;
}

function parseLine(text: string): JsonLine | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as JsonLine;
  } catch {
    return null;
  }
}

function watchOwnEnd(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(130));
  }
}
