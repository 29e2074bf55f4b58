// The composition root of a gateway process: the acceptor thread with its client sockets, lane 0,
// telemetry and the admin API. It owns no policy; everything it joins lives in its own room.

import type { Clock } from '#core/base/clock.ts';
import { SystemRandom, systemClock } from '#core/base/clock.ts';
import type { Kernels } from '#core/codec/kernels.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SessionChannel } from '#core/codec/session/types.ts';
import { DownstreamListener } from '#core/downstream/listener.ts';
import { Gateway, type GatewayInput } from '#core/gateway.ts';
import { NodeNetwork } from '#core/network.ts';
import { AccessLog } from '#core/telemetry/access-log.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import type { ListenersConfig } from '#config/schema.ts';
import type { ConfigBase } from '#config/load.ts';
import type { ConfigSnapshot, SnapshotResult } from '#config/snapshot.ts';
import { loadNative, NativeMissingError, type LoadedKernels } from '#native/loader.ts';
import { AccessLogFile } from './access-log-file.ts';
import { ExchangeTelemetry } from './exchange-telemetry.ts';
import { loadInput, type InputResult } from './load-input.ts';
import type { ProcessLog } from './log.ts';

/** What a gateway process starts with. */
export interface AcceptorOptions {
  readonly snapshot: ConfigSnapshot;
  readonly base: ConfigBase;
  readonly log: ProcessLog;
  /** Directory that relative file names start from. */
  readonly cwd: string;
}

/** How long clients have to close their connections once nothing is open on them. Ms. */
const DRAIN_GRACE_MS = 1000;

/** Ports that are bound, by listener; a listener that is off is missing. */
export type BoundPorts = Readonly<Partial<Record<'http' | 'mmtp' | 'admin', number>>>;

/** Refusal of a start or of a new configuration, with every problem found. */
export class InputError extends Error {
  readonly problems: Extract<InputResult, { ok: false }>['problems'];

  constructor(problems: InputError['problems']) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

/** A running gateway on one thread. */
export class Acceptor {
  readonly clock: Clock = systemClock;
  readonly counters: GatewayCounters;
  readonly stats: ApiStatsTable;
  readonly gateway: Gateway;
  readonly base: ConfigBase;
  readonly log: ProcessLog;
  /** Called once when a drain begins, whoever asked for it. */
  onDrainStarted: (() => void) | null = null;
  readonly #telemetry: ExchangeTelemetry;
  readonly #listeners: ReadonlyMap<'http' | 'mmtp', DownstreamListener>;
  readonly #accessLogFile: AccessLogFile | null;
  readonly #accessLog: AccessLog | null;
  readonly #cwd: string;
  readonly #kernels: Kernels;
  #input: GatewayInput;
  #draining: Promise<void> | null = null;

  /** Loads what the configuration names; throws {@link InputError}. Nothing is bound yet. */
  static async create(options: AcceptorOptions): Promise<Acceptor> {
    const { kernels, native, reason } = loadKernels(options.snapshot);
    options.log.debug(reason, { native, kernels: kernels.name });
    const loaded = await loadInput(options.snapshot, kernels, options.cwd);
    if (!loaded.ok) throw new InputError(loaded.problems);
    const { accessLog } = options.snapshot.config.telemetry;
    const file = accessLog === 'off' ? null : await AccessLogFile.open(accessLog, options.log);
    return new Acceptor(options, kernels, loaded.input, file);
  }

  private constructor(
    options: AcceptorOptions,
    kernels: Kernels,
    input: GatewayInput,
    accessLogFile: AccessLogFile | null,
  ) {
    const { config } = input.snapshot;
    const { clock } = this;
    const random = new SystemRandom();
    this.base = options.base;
    this.log = options.log;
    this.#cwd = options.cwd;
    this.#kernels = kernels;
    this.#input = input;
    this.counters = new GatewayCounters();
    this.stats = new ApiStatsTable();
    this.#accessLogFile = accessLogFile;
    this.#accessLog =
      accessLogFile === null
        ? null
        : new AccessLog({
            writer: accessLogFile,
            clock,
            random,
            counters: this.counters,
            sampleRate: config.telemetry.accessLogSample,
            identity: config.runtime,
          });
    this.#telemetry = new ExchangeTelemetry({
      clock,
      counters: this.counters,
      stats: this.stats,
      log: options.log,
      accessLog: this.#accessLog,
    });
    const network = new NodeNetwork(config.listeners, {
      slowReaderClosed: () => this.#slowReaderClosed(),
      handlerFailed: (error) => this.#handlerFailed(error),
    });
    this.gateway = new Gateway(
      {
        clock,
        random,
        network,
        kernels,
        counters: this.counters,
        stats: this.stats,
        observer: this.#telemetry,
      },
      input,
    );
    this.#listeners = createListeners(this, network, config.listeners);
  }

  get snapshot(): ConfigSnapshot {
    return this.#input.snapshot;
  }

  /** Name of the kernels in use: `typescript` or the native ones. */
  get kernelsName(): string {
    return this.#kernels.name;
  }

  get isDraining(): boolean {
    return this.#draining !== null;
  }

  /** Client connections open now, by listener. */
  connections(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#listeners].map(([name, listener]) => [name, listener.connectionCount]),
    );
  }

  /** Binds the listeners; rejects with a text that names listener, port and fix. */
  async open(): Promise<BoundPorts> {
    const ports: Partial<Record<'http' | 'mmtp', number>> = {};
    for (const [name, listener] of this.#listeners) {
      try {
        await listener.open();
      } catch (error) {
        throw new Error(bindErrorText(name, this.snapshot.config.listeners, error), {
          cause: error,
        });
      }
      ports[name] = listener.port;
    }
    return ports;
  }

  /** Applies a checked snapshot; a refused one changes nothing. */
  async apply(result: SnapshotResult): Promise<SnapshotResult> {
    const loaded = result.ok
      ? await loadInput(result.snapshot, this.#kernels, this.#cwd)
      : { ok: false as const, problems: result.problems };
    if (!loaded.ok) {
      this.counters.configsRefused++;
      return { ok: false, problems: loaded.problems };
    }
    try {
      this.gateway.apply(loaded.input);
    } catch (error) {
      // A user's filter that does not compile; the snapshot before stays in force.
      this.counters.configsRefused++;
      const message = error instanceof Error ? error.message : String(error);
      return { ok: false, problems: [{ path: 'filters.modules', message }] };
    }
    this.#input = loaded.input;
    this.counters.configsApplied++;
    return { ok: true, snapshot: loaded.input.snapshot };
  }

  /** Opens the access log anew, for rotation. */
  async reopenLogs(): Promise<void> {
    await this.#accessLogFile?.reopen();
  }

  /**
   * Stops accepting, tells clients, waits until everything accepted is answered, at most `drainMs`.
   */
  drain(): Promise<void> {
    if (this.#draining === null) {
      this.#draining = this.#drain();
      this.onDrainStarted?.();
    }
    return this.#draining;
  }

  /** Ends everything that is left. */
  async close(): Promise<void> {
    for (const listener of this.#listeners.values()) await listener.close();
    this.gateway.close();
    await this.#accessLog?.drain();
    await this.#accessLogFile?.close();
  }

  async #drain(): Promise<void> {
    const { drainMs } = this.snapshot.config.runtime;
    const gone = Promise.all([...this.#listeners.values()].map((listener) => listener.drain()));
    await Promise.race([gone, this.#answered(drainMs)]);
  }

  /**
   * Resolves when nothing is open any more and clients had {@link DRAIN_GRACE_MS} to close their
   * connections, or after `drainMs`.
   */
  #answered(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.setTimer(resolve, drainMs);
      const settle = (): void => {
        this.clock.setTimer(() => {
          if (this.gateway.driver.openCount === 0) resolve();
        }, DRAIN_GRACE_MS);
      };
      this.#telemetry.onIdle = settle;
      if (this.gateway.driver.openCount === 0) settle();
    });
  }

  #handlerFailed(error: unknown): void {
    this.counters.internalErrors++;
    this.log.warnLimited('handler-failed', 'a connection was closed by an error of the gateway', {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  #slowReaderClosed(): void {
    this.log.warnLimited('slow-reader', 'closed a connection whose peer does not read');
  }
}

/** The native kernels where the configuration and the machine have them. */
function loadKernels(snapshot: ConfigSnapshot): LoadedKernels {
  try {
    return loadNative(snapshot.config.runtime.native);
  } catch (error) {
    if (!(error instanceof NativeMissingError)) throw error;
    throw new InputError([{ path: 'runtime.native', message: error.message }]);
  }
}

function createListeners(
  acceptor: Acceptor,
  network: NodeNetwork,
  config: ListenersConfig,
): ReadonlyMap<'http' | 'mmtp', DownstreamListener> {
  const listeners = new Map<'http' | 'mmtp', DownstreamListener>();
  const shared = {
    network,
    host: config.host,
    handler: acceptor.gateway.driver,
    settings: config,
    counters: acceptor.counters,
    clock: acceptor.clock,
    idleTimers: acceptor.gateway.idleTimers,
    connectionsMax: config.connectionsMax,
    highWatermarkBytes: config.highWatermarkBytes,
    trustedPeers: config.trustedPeers,
  };
  const { httpPort, mmtpPort, httpChannel, mmtpChannel } = config;
  if (httpPort !== 'off') {
    const protocol = DownstreamProtocol.http1;
    const channel = SessionChannel[httpChannel];
    listeners.set('http', new DownstreamListener({ ...shared, protocol, channel, port: httpPort }));
  }
  if (mmtpPort !== 'off') {
    const protocol = DownstreamProtocol.mmtp;
    const channel = SessionChannel[mmtpChannel];
    listeners.set('mmtp', new DownstreamListener({ ...shared, protocol, channel, port: mmtpPort }));
  }
  return listeners;
}

function bindErrorText(name: 'http' | 'mmtp', config: ListenersConfig, error: unknown): string {
  const port = name === 'http' ? config.httpPort : config.mmtpPort;
  const code = (error as NodeJS.ErrnoException).code;
  const reason =
    code === 'EADDRINUSE' ? `port ${port} is in use` : String((error as Error).message ?? error);
  return `Cannot bind listener "${name}": ${reason}; choose another with --${name}-port`;
}
