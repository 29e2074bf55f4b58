// A running gateway for tests: in this process, so that its counters can be looked at, or as the
// process that operators start. Ports are free ones, logs are silent, keys are made for the test.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#core/base/clock.ts';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { SessionIssuer, type SessionFields } from '#core/codec/session/encode.ts';
import { formatKeyFile, KeyRing, type SessionKey } from '#core/codec/session/keys.ts';
import { sampleLegacyClaims } from '#core/codec/session/legacy-sample.ts';
import { encodeLegacySession } from '#core/codec/session/legacy.ts';
import { SessionChannel } from '#core/codec/session/types.ts';
import type { GatewayCounters } from '#core/telemetry/counters.ts';
import { loadConfig, snapshotFromValue } from '#config/load.ts';
import type { SnapshotResult } from '#config/snapshot.ts';
import { Acceptor } from '#workers/acceptor.ts';
import { ProcessLog } from '#workers/log.ts';
import { until, within } from './wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MGW = join(ROOT, 'cli/mgw.js');

/** Any part of a configuration file. */
export type ConfigValue = Readonly<Record<string, unknown>>;

/** One signing key for all tests of a process; drawn anew each run. */
const KEY: SessionKey = { kid: 1, state: 'signing', master: randomBytes(32), legacy: true };
const kernels = new TypeScriptKernels();
const keyRing = new KeyRing([KEY], kernels);
const issuer = new SessionIssuer(keyRing, kernels);

/** Raw bytes of a session that is valid unless `fields` say otherwise. */
export function issueSession(uid: number, fields: Partial<SessionFields> = {}): Buffer {
  return issuer.issue({
    channel: SessionChannel.wireless,
    issuedAt: Math.floor(Date.now() / 1000) - 5,
    ttl: 3600,
    uidHigh: 0,
    uidLow: uid,
    sid: randomBytes(16),
    ...fields,
  });
}

/** A legacy session of realistic size that is valid. */
export function issueLegacySession(uid: number): Buffer {
  const claims = sampleLegacyClaims(
    {
      v: 0,
      uid: String(uid),
      sid: randomBytes(16).toString('hex'),
      iat: Math.floor(Date.now() / 1000) - 5,
      ttl: 3600,
      epoch: 0,
    },
    uid,
  );
  return encodeLegacySession(claims, keyRing.legacyKey!, kernels);
}

/** {@link issueSession} as HTTP carries it. */
export function sessionText(uid: number, fields: Partial<SessionFields> = {}): string {
  return issueSession(uid, fields).toString('base64url');
}

/** Makes a directory with a key file that verifies {@link issueSession}. */
export function makeKeyDirectory(): { directory: string; keysFile: string } {
  const directory = mkdtempSync(join(tmpdir(), 'mgw-test-'));
  const keysFile = join(directory, 'keys.json');
  writeFileSync(keysFile, formatKeyFile([KEY]));
  return { directory, keysFile };
}

/**
 * Where the requests of all tests run: on one thread, unless MGW_TEST_PLACEMENT is the placement of
 * a gateway with a lane on another one. The tests are the same.
 */
const placement = process.env['MGW_TEST_PLACEMENT'];
const PLACEMENT: ConfigValue = placement === undefined ? { workers: 0 } : { workers: 1, placement };

/** Fills in what tests do not care about. */
export function testConfig(value: ConfigValue, keysFile: string): ConfigValue {
  return {
    ...value,
    listeners: {
      httpPort: 0,
      mmtpPort: 0,
      adminPort: 'off',
      ...(value['listeners'] as ConfigValue | undefined),
    },
    runtime: { ...PLACEMENT, ...(value['runtime'] as ConfigValue | undefined) },
    sessions: { keysFile, ...(value['sessions'] as ConfigValue | undefined) },
    telemetry: { logLevel: 'silent', ...(value['telemetry'] as ConfigValue | undefined) },
  };
}

/** LIMIT: how long the books of all lanes may take to agree. */
const SETTLE_MS_MAX = 5000;

/** A gateway in this process. */
export class TestGateway {
  readonly acceptor: Acceptor;
  readonly httpPort: number;
  readonly mmtpPort: number;
  readonly directory: string;
  readonly #keysFile: string;
  readonly #refresher: NodeJS.Timeout | undefined;
  #counters: GatewayCounters;

  constructor(
    acceptor: Acceptor,
    ports: { readonly http?: number; readonly mmtp?: number },
    directory: string,
    keysFile: string,
  ) {
    this.acceptor = acceptor;
    this.httpPort = ports.http ?? 0;
    this.mmtpPort = ports.mmtp ?? 0;
    this.directory = directory;
    this.#keysFile = keysFile;
    this.#counters = acceptor.counters;
    if (acceptor.pool !== null) this.#refresher = setInterval(() => void this.counted(), 5);
  }

  /** What all lanes have counted; with several of them a moment ago, see `counted`. */
  get counters(): GatewayCounters {
    return this.#counters;
  }

  /** What all lanes have counted by now. */
  async counted(): Promise<GatewayCounters> {
    this.#counters = (await this.acceptor.totals()).counters;
    return this.#counters;
  }

  /** Exchanges open now. */
  get openCount(): number {
    return this.acceptor.openCount;
  }

  upstream(name = 'app') {
    return this.counters.upstream(name);
  }

  /** Applies a new configuration as `PUT /config` does. */
  async apply(value: ConfigValue): Promise<SnapshotResult> {
    const { acceptor } = this;
    return acceptor.apply(
      await snapshotFromValue(testConfig(value, this.#keysFile), acceptor.base),
    );
  }

  /** Waits until no exchange is open, and checks that the books agree. */
  async settled(): Promise<void> {
    await until(
      () => this.openCount === 0,
      () => `${this.openCount} exchanges stay open`,
    );
    // A lane hears of a request that was taken back a moment after the acceptor has forgotten it.
    let counters = await this.counted();
    const deadline = performance.now() + SETTLE_MS_MAX;
    while (counters.exchangesOpen > 0 && performance.now() < deadline) {
      await turn();
      counters = await this.counted();
    }
    const { exchangesStarted, exchangesCompleted, upstreams } = counters;
    assert.equal(exchangesCompleted, exchangesStarted);
    for (const [name, upstream] of upstreams) {
      assert.equal(upstream.requestsOpen, 0, `requests open at ${name}`);
      assert.equal(upstream.waiters, 0, `requests waiting for ${name}`);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#refresher);
    await this.acceptor.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a gateway in this process with a configuration as a file would have it. */
export async function startGateway(value: ConfigValue): Promise<TestGateway> {
  const { directory, keysFile } = makeKeyDirectory();
  const builtIn = { name: 'test', value: testConfig(value, keysFile) };
  const loaded = await loadConfig({ argv: [], env: {}, cwd: directory, builtIn });
  if (!loaded.ok) assert.fail(JSON.stringify(loaded.problems, null, 2));
  const log = new ProcessLog({ level: 'silent', role: 'test', clock: systemClock });
  const acceptor = await Acceptor.create({ ...loaded, log, cwd: directory });
  return new TestGateway(acceptor, await acceptor.open(), directory, keysFile);
}

/** What a gateway process prints once it serves. */
export interface ReadyLine {
  readonly role: string;
  readonly generation: string;
  readonly zone: string;
  readonly app: string;
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
}

/** `mgw sidecar`, or another gateway process, as a child. */
export class Sidecar {
  readonly child: ChildProcess;
  readonly ready: ReadyLine;
  readonly #errors: () => string;

  constructor(child: ChildProcess, ready: ReadyLine, errors: () => string) {
    this.child = child;
    this.ready = ready;
    this.#errors = errors;
  }

  get ports(): Readonly<Record<string, number>> {
    return this.ready.ports;
  }

  get httpPort(): number {
    return this.ports['http'] ?? 0;
  }

  get mmtpPort(): number {
    return this.ports['mmtp'] ?? 0;
  }

  /** What it wrote to stderr: log lines. */
  get errors(): string {
    return this.#errors();
  }

  /** Resident memory in bytes. Linux only. */
  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
  }

  /** A call of the admin API, which the test opened with `--admin-open`. */
  async admin(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.ports['admin']}${path}`, init);
  }

  /** Sends `signal` and answers the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', waitMs = 15_000): Promise<number | null> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    const [code] = (await within(once(child, 'exit'), `exit after ${signal}`, waitMs)) as [
      number | null,
    ];
    return code;
  }
}

/** Starts `mgw sidecar` on free ports and waits for its ready line. */
export function startSidecar(
  args: readonly string[],
  nodeArgs: readonly string[] = [],
): Promise<Sidecar> {
  return startProcess('sidecar', args, nodeArgs);
}

/**
 * Starts a gateway process by its command, as {@link startSidecar} does.
 *
 * @param program file of another `mgw` than this repository's
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  nodeArgs: readonly string[] = [],
  program: string = MGW,
): Promise<Sidecar> {
  const free = ['--http-port=0', '--mmtp-port=0', '--admin-port=0', '--admin-open'];
  const { child, errors } = spawnGateway([program, command, ...free, ...args], nodeArgs);
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.startsWith('{"event":"ready"')) continue;
    return new Sidecar(child, JSON.parse(line) as ReadyLine, errors);
  }
  return assert.fail(`the sidecar did not become ready: ${errors()}`);
}

/** Runs `mgw sidecar` to its end, for starts that must fail. */
export async function runSidecar(
  args: readonly string[],
): Promise<{ code: number | null; stderr: string }> {
  const { child, errors } = spawnGateway([MGW, 'sidecar', ...args], []);
  child.stdout!.resume();
  const [code] = (await within(once(child, 'close'), 'end of the sidecar')) as [number | null];
  return { code, stderr: errors() };
}

/** A start of `mgw sidecar` that nobody waits for. */
export function spawnSidecar(args: readonly string[]): ChildProcess {
  return spawnGateway([MGW, 'sidecar', ...args], []).child;
}

function spawnGateway(command: readonly string[], nodeArgs: readonly string[]) {
  const child = spawn(process.execPath, [...nodeArgs, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  let text = '';
  child.stderr.on('data', (part: Buffer) => (text += part.toString()));
  // A test that fails half way must not leave a gateway behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return { child, errors: () => text };
}
