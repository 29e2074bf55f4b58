// One benchmark's stage: a temporary directory, session keys, and the processes that take part.
// Invariant: `close` stops every process and removes the directory, whatever happened before.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoadResult } from '../load/tally.ts';
import { newBenchKeys } from '../load/session-pool.ts';
import { runChild, startChild, type Child, type ChildSpec } from './child.ts';
import { chooseCores, type Cores, type CpuChoice } from './cores.ts';
import { chosenSource, gatewayCommand, prepareSource } from './gateway-source.ts';
import {
  gatewayConfig,
  PROFILE_VARIABLE,
  type GatewaySetup,
  type UpstreamKind,
} from './gateway-config.ts';
import { GENERATOR_NODE_FLAGS } from './runtime-flags.ts';

/** LIMIT: what a generator needs beside its window: start, sessions, last answers. */
const LOAD_EXTRA_MS = 20_000;

/** What a generator is told. */
export interface LoadSpec {
  /** A file of bench/load. */
  readonly generator: 'mmtp-load' | 'bolt-load' | 'http-load';
  readonly seconds: number;
  readonly warmUpMs: number;
  /** Further flags by name. */
  readonly flags: Readonly<Record<string, string | number>>;
}

/** Files and processes of one benchmark. */
export class Rig {
  readonly directory = mkdtempSync(join(tmpdir(), 'mgw-bench-'));
  readonly cores: Cores | null;
  readonly keysFile = join(this.directory, 'session-keys.json');
  readonly #children: Child[] = [];
  #files = 0;
  /** Also for a run that is interrupted: keys do not stay behind. */
  readonly #removeDirectory = () => rmSync(this.directory, { recursive: true, force: true });

  /** @param cores who stands where; null: anybody anywhere */
  constructor(cores: Cores | null = chooseCores()) {
    this.cores = cores;
    writeFileSync(this.keysFile, newBenchKeys(), { mode: 0o600 });
    process.once('exit', this.#removeDirectory);
  }

  /** CPUs of gateways and of what they are compared with; null: any. */
  get gatewayCpu(): CpuChoice {
    return this.cores?.gateway ?? null;
  }

  /** CPUs of generators and services; null: any. */
  get restCpu(): CpuChoice {
    return this.cores?.rest ?? null;
  }

  /** Where in the directory something named `suffix` can be; each call answers another path. */
  pathOf(suffix: string): string {
    return join(this.directory, `${this.#files++}-${suffix}`);
  }

  /** Writes a file into the directory and answers its path. */
  write(suffix: string, text: string): string {
    const path = this.pathOf(suffix);
    writeFileSync(path, text);
    return path;
  }

  /** Stops `child` at `close`. */
  adopt(child: Child): Child {
    this.#children.push(child);
    return child;
  }

  /** Starts the project's own service for an upstream protocol; its port is `service`. */
  async startService(kind: UpstreamKind): Promise<Child> {
    const format = kind === 'bolt' ? 'protobuf' : 'json';
    const command = [process.execPath, `bench/peers/${kind}-service.ts`, `--format=${format}`];
    return this.#start({ name: `${kind} service`, command, cpu: this.restCpu });
  }

  /**
   * Flags of a gateway on free ports.
   *
   * @param hasProfile a profile is named elsewhere: it says itself how many threads it wants
   */
  gatewayFlags(
    setup: GatewaySetup,
    servicePort: number,
    hasProfile = process.env[PROFILE_VARIABLE] !== undefined,
  ): readonly string[] {
    const config = this.write('gateway.json', gatewayConfig(setup, servicePort));
    return [
      `--config=${config}`,
      `--session-keys=${this.keysFile}`,
      '--log-level=warn',
      '--http-port=0',
      '--mmtp-port=0',
      '--admin-port=off',
      ...threadFlags(setup, hasProfile),
    ];
  }

  /**
   * Starts a gateway on free ports.
   *
   * @param nodeFlags flags of the runtime besides the launcher's
   */
  async startGateway(
    setup: GatewaySetup,
    servicePort: number,
    nodeFlags: readonly string[] = [],
  ): Promise<Child> {
    const source = chosenSource();
    await prepareSource(source);
    const flags = this.gatewayFlags(setup, servicePort);
    return this.#start({
      name: `gateway ${setup.upstream} ${setup.session}`,
      command: [...gatewayCommand(source, nodeFlags), ...flags],
      cpu: this.gatewayCpu,
    });
  }

  /** Runs a load generator to its end. */
  async runLoad({ generator, seconds, warmUpMs, flags }: LoadSpec): Promise<LoadResult> {
    const all = { ...flags, seconds, 'warm-up-ms': warmUpMs };
    const program = [process.execPath, ...GENERATOR_NODE_FLAGS, `bench/load/${generator}.ts`];
    const argv = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
    const command = [...program, ...argv];
    const spec = { name: generator, command, cpu: this.restCpu };
    const result = await runChild(spec, seconds * 1000 + warmUpMs + LOAD_EXTRA_MS);
    // The generator is the project's own and writes exactly this.
    return result as unknown as LoadResult;
  }

  async close(): Promise<void> {
    // In reverse: gateways drain while their services are still there.
    for (const child of this.#children.reverse()) await child.stop();
    process.off('exit', this.#removeDirectory);
    this.#removeDirectory();
  }

  async #start(spec: ChildSpec): Promise<Child> {
    return this.adopt(await startChild(spec));
  }
}

/** One thread, unless the case is about threads or the profile says how many. */
function threadFlags({ threads }: GatewaySetup, hasProfile: boolean): readonly string[] {
  if (threads === undefined) return hasProfile ? [] : ['--workers=0'];
  return [`--workers=${threads.workers}`, `--placement=${threads.placement}`];
}
