// `mgw drain`: asks a running gateway to finish what it has and waits until it is gone, by its
// process number or by its admin API. What draining means is left to the gateway.

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineFlags } from '#config/flags.ts';
import type { FlagValues } from '#config/flags.ts';
import type { CommandSpec } from '#config/help.ts';
import type { Problem } from '#config/problem.ts';
import { HttpError } from '../call/http-exchange.ts';
import { connectHint, reasonText } from '../call/target.ts';
import { printable, Progress, terminalOf } from '../call/terminal.ts';
import { counted, formatMs } from '../call/units.ts';
import { ExitCode } from '../io.ts';
import type { CommandIo } from '../io.ts';
import { readCommandLine, refuse } from './command-line.ts';
import { DrainApi } from './drain-admin.ts';
import type { OpenWork } from './drain-admin.ts';
import { WatchedProcess } from './drain-process.ts';

/** Longer than a gateway takes by default (10 s). */
const TIMEOUT_MS_DEFAULT = 30_000;
const TIMEOUT_MS_MAX = 86_400_000;
/** Largest process number of the systems that Node runs on. */
const PID_MAX = 4_194_304;
const POLL_MS = 50;
const PLAIN_PROGRESS_MS = 5000;

const drainSpec = {
  name: 'drain',
  summary: 'Lets a running gateway answer what it has accepted, and waits until it is gone.',
  usage: '--pid PID | --admin URL [flags]',
  flags: defineFlags([
    {
      name: 'pid',
      type: 'number',
      isInteger: true,
      minimum: 1,
      maximum: PID_MAX,
      value: 'PID',
      description: 'Process of the gateway; it is sent SIGTERM.',
    },
    { name: 'admin', type: 'string', value: 'URL', description: 'Admin API of the gateway.' },
    {
      name: 'token-file',
      type: 'string',
      value: 'FILE',
      description: 'File with the token of the admin API; the gateway names it at its start.',
    },
    {
      name: 'timeout-ms',
      type: 'number',
      isInteger: true,
      minimum: 1,
      maximum: TIMEOUT_MS_MAX,
      value: 'MS',
      default: TIMEOUT_MS_DEFAULT,
      description: 'How long to wait for its end.',
    },
    {
      name: 'force',
      type: 'boolean',
      default: false,
      description: 'Signal a process that does not look like a gateway.',
    },
  ]),
  notes: ['The exit code is 1 when the gateway cannot be asked or is still there after the time.'],
  examples: [
    'mgw drain --pid 4711',
    'mgw drain --admin http://127.0.0.1:8100 --token-file .mgw/admin-4711.token',
  ],
} as const satisfies CommandSpec;

type DrainFlags = FlagValues<typeof drainSpec.flags>;

/** Why a gateway could not be drained; the message is for people. */
class DrainFailure extends Error {}

/**
 * Runs `mgw drain`.
 *
 * @param argv what follows `drain`
 * @returns the exit code
 */
export async function runDrain(argv: readonly string[], io: CommandIo): Promise<number> {
  const line = readCommandLine(argv, drainSpec, io);
  if (typeof line === 'number') return line;
  const { values } = line;
  const problems = problemsOf(values);
  const base = values.admin === undefined ? null : adminUrl(values.admin);
  if (values.admin !== undefined && base === null) {
    const message = `"${values.admin}" is no http URL, as in http://127.0.0.1:8100`;
    problems.push({ path: '--admin', message });
  }
  if (problems.length > 0) return refuse(problems, drainSpec, io);
  try {
    if (base === null) await drainProcess(values, io);
    else await drainByAdmin(base, values, io);
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof DrainFailure)) throw error;
    io.stderr.write(`${error.message}\n`);
    return ExitCode.failure;
  }
}

/** Flags that exclude or need each other. */
function problemsOf(values: DrainFlags): Problem[] {
  const { pid, admin, force } = values;
  const problems: Problem[] = [];
  const report = (path: string, message: string) => problems.push({ path, message });
  if (pid === undefined && admin === undefined) {
    report('--pid', 'is missing; give --pid PID or --admin URL');
  }
  if (pid !== undefined && admin !== undefined) {
    report('--admin', 'excludes --pid; give one of them');
  }
  if (values['token-file'] !== undefined && admin === undefined) {
    report('--token-file', 'belongs to --admin URL');
  }
  if (force && pid === undefined) report('--force', 'belongs to --pid PID');
  return problems;
}

function adminUrl(text: string): URL | null {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  return url?.protocol === 'http:' ? url : null;
}

async function drainProcess(values: DrainFlags, io: CommandIo): Promise<void> {
  const target = new WatchedProcess(values.pid!);
  const name = `process ${target.pid}`;
  const reach = target.reach();
  if (reach === 'missing') throw new DrainFailure(`There is no ${name}`);
  if (!target.isGateway && !values.force) {
    const shown = printable(target.commandLine.join(' ').slice(0, 200));
    throw new DrainFailure(
      `${name} does not look like a gateway: its command line is "${shown}"; ` +
        '--force signals it all the same',
    );
  }
  if (reach === 'forbidden') {
    throw new DrainFailure(`Not permitted to signal ${name}; run this as its owner`);
  }
  const wait = new Wait(name, values['timeout-ms'], io);
  if (target.tryTerminate()) await wait.until(async () => target.reach() === 'missing');
  wait.tell('is gone');
}

async function drainByAdmin(base: URL, values: DrainFlags, io: CommandIo): Promise<void> {
  const file = values['token-file'];
  const api = new DrainApi(base, file === undefined ? null : readToken(file));
  const name = `the gateway at ${base.host}`;
  await requestDrain(api, base, file !== undefined);
  const wait = new Wait(name, values['timeout-ms'], io);
  let isReplaced = false;
  await wait.until(async () => {
    const state = await api.state();
    isReplaced = state === 'replaced';
    if (state === 'draining') wait.work = await api.openWork();
    return isReplaced || state === 'gone';
  });
  wait.tell(isReplaced ? 'is gone; another one has taken its place' : 'is gone');
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new DrainFailure(`Cannot read the token: ${reasonText(error)}`);
  }
}

async function requestDrain(api: DrainApi, base: URL, hasToken: boolean): Promise<void> {
  let status: number;
  try {
    ({ status } = await api.requestDrain());
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const reason = error.code === 'HTTP_CONNECT' ? reasonText(error.cause) : error.message;
    const hint = connectHint(error.cause, '--admin URL');
    throw new DrainFailure(`Cannot reach an admin API at ${base.host}: ${reason}\n${hint}`);
  }
  if (status === 202) return;
  if (status === 401) {
    throw new DrainFailure(
      hasToken
        ? 'The gateway does not take this token; at its start it names the file that has it'
        : 'The gateway wants its token: give --token-file FILE; it names the file at its start',
    );
  }
  throw new DrainFailure(`${base.host} answers ${status} to POST /drain; is it an admin API?`);
}

/** Waits for the end of one gateway and tells people about it. */
class Wait {
  /** What the gateway still has to do; null: not known. */
  work: OpenWork | null = null;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #io: CommandIo;
  readonly #startedMs = performance.now();

  constructor(name: string, timeoutMs: number, io: CommandIo) {
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    this.#io = io;
  }

  /** @throws DrainFailure when `isGone` does not say so in time */
  async until(isGone: () => Promise<boolean>): Promise<void> {
    const { stderr } = this.#io;
    const terminal = terminalOf(stderr, process.env);
    const periodMs = terminal.isInteractive ? undefined : PLAIN_PROGRESS_MS;
    const progress = new Progress(stderr, terminal, () => this.#line(), periodMs);
    try {
      while (!(await isGone())) {
        if (this.#elapsedMs > this.#timeoutMs) throw new DrainFailure(this.#tooLateText());
        await delay(POLL_MS);
      }
    } finally {
      progress.stop();
    }
  }

  /** Prints how it ended. */
  tell(text: string): void {
    this.#io.stdout.write(`${this.#name} ${text}, after ${formatMs(this.#elapsedMs)}\n`);
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  #line(): string {
    const { work } = this;
    const open =
      work === null
        ? ''
        : `: ${counted(work.requests, 'request')}, ${counted(work.connections, 'connection')} open`;
    return `${this.#name} drains${open}, ${formatMs(this.#elapsedMs)}`;
  }

  #tooLateText(): string {
    return (
      `${this.#name} is still there after ${formatMs(this.#timeoutMs)} and goes on draining; ` +
      '--timeout-ms MS waits longer'
    );
  }
}
