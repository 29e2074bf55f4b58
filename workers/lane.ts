// What runs requests on one thread, the acceptor's or another: a gateway with its sockets, kernels,
// telemetry and access log. Who feeds it requests is not its business.

import { SystemRandom, systemClock, type Clock } from '#core/base/clock.ts';
import { STAGED_MAX } from '#core/exchange/staged-requests.ts';
import { Gateway, type GatewayOptions, type PreparedConfig } from '#core/gateway.ts';
import { NodeNetwork } from '#core/network.ts';
import { FilterError } from '#core/pipeline/create-filter.ts';
import type { SlotArena } from '#core/slot-arena.ts';
import { AccessLog } from '#core/telemetry/access-log.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import type { Log } from '#core/telemetry/log.ts';
import type { LocalHandlers } from '#core/upstream/local/local-service.ts';
import type { Problem } from '#config/problem.ts';
import type { CodecKernels } from '#native/codec-kernels.ts';
import {
  loadNative,
  NativeMissingError,
  type LoadedKernels,
  type NativeMode,
} from '#native/loader.ts';
import { AccessLogFile } from './access-log-file.ts';
import { ExchangeTelemetry } from './exchange-telemetry.ts';
import { openLaneConfig, type LaneConfig } from './load-input.ts';
import { localUpstreamProblems } from './local-upstreams.ts';

/** Refusal of a start or of a new configuration, with every problem found. */
export class InputError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

export interface LaneOptions {
  readonly config: LaneConfig;
  readonly log: Log;
  /** Memory for reads; memory of its own when left out. */
  readonly arena?: SlotArena;
  /** What requests are read from, where that is not what sockets of this thread read into. */
  readonly requests?: Buffer;
  /** What upstreams of protocol `local` call: only on the thread of a service that has them. */
  readonly handlers?: LocalHandlers | undefined;
}

/** One thread's share of the gateway. */
export class Lane {
  readonly clock: Clock = systemClock;
  readonly counters = new GatewayCounters();
  readonly stats = new ApiStatsTable();
  readonly network: NodeNetwork;
  readonly telemetry: ExchangeTelemetry;
  readonly gateway: Gateway;
  readonly kernels: CodecKernels;
  /** See {@link LoadedKernels}. */
  readonly trimHeap: LoadedKernels['trimHeap'];
  readonly #log: Log;
  readonly #handlers: LocalHandlers | undefined;
  readonly #accessLogFile: AccessLogFile | null;
  readonly #accessLog: AccessLog | null;

  /** Loads what the configuration names; throws {@link InputError}. */
  static async open(options: LaneOptions): Promise<Lane> {
    const { config, log, handlers } = options;
    const misplaced = localUpstreamProblems(config.config, handlers);
    if (misplaced.length > 0) throw new InputError(misplaced);
    const loaded = loadKernels(config.config.runtime.native, log);
    const opened = await openLaneConfig(config, loaded.kernels);
    if (!opened.ok) throw new InputError(opened.problems);
    const { accessLog } = config.config.telemetry;
    const file = accessLog === 'off' ? null : await AccessLogFile.open(accessLog, log);
    try {
      return new Lane(options, loaded, opened.input, file);
    } catch (error) {
      await file?.close();
      if (!(error instanceof FilterError)) throw error;
      throw new InputError([{ path: 'filters.modules', message: error.message }]);
    }
  }

  private constructor(
    { config: { config }, log, arena, requests, handlers }: LaneOptions,
    { kernels, native, trimHeap }: LoadedKernels,
    input: ConstructorParameters<typeof Gateway>[1],
    accessLogFile: AccessLogFile | null,
  ) {
    const { clock, counters, stats } = this;
    const random = new SystemRandom();
    this.#log = log;
    this.#handlers = handlers;
    this.kernels = kernels;
    this.trimHeap = trimHeap;
    this.#accessLogFile = accessLogFile;
    const { accessLogSample: sampleRate } = config.telemetry;
    const { runtime: identity } = config;
    this.#accessLog =
      accessLogFile === null
        ? null
        : new AccessLog({ writer: accessLogFile, clock, random, counters, sampleRate, identity });
    this.telemetry = new ExchangeTelemetry({
      clock,
      counters,
      stats,
      log,
      accessLog: this.#accessLog,
    });
    const observer = {
      slowReaderClosed: () => this.#slowReaderClosed(),
      slowSenderClosed: () => this.#slowSenderClosed(),
      handlerFailed: (error: unknown) => this.#handlerFailed(error),
    };
    this.network = new NodeNetwork(config.listeners, observer, arena);
    const { network, telemetry } = this;
    const macs = native ? macsOf(kernels, requests ?? network.arena.bytes) : undefined;
    this.gateway = new Gateway(
      { clock, random, network, kernels, macs, counters, stats, observer: telemetry, handlers },
      input,
    );
  }

  /**
   * Makes `config` ready for use; nothing changes yet.
   *
   * @returns what to give to `gateway.use`, or everything that is wrong
   */
  async prepare(config: LaneConfig): Promise<PreparedConfig | readonly Problem[]> {
    const misplaced = localUpstreamProblems(config.config, this.#handlers);
    if (misplaced.length > 0) return misplaced;
    const opened = await openLaneConfig(config, this.kernels);
    if (!opened.ok) return opened.problems;
    try {
      return this.gateway.prepare(opened.input);
    } catch (error) {
      // A user's filter that does not compile.
      const message = error instanceof Error ? error.message : String(error);
      return [{ path: 'filters.modules', message }];
    }
  }

  /** Opens the access log anew, for rotation. */
  async reopenLogs(): Promise<void> {
    await this.#accessLogFile?.reopen();
  }

  /** Ends the gateway; its requests have ended, or are lost. */
  async close(): Promise<void> {
    this.gateway.close();
    await this.#accessLog?.drain();
    await this.#accessLogFile?.close();
  }

  #handlerFailed(error: unknown): void {
    this.counters.internalErrors++;
    this.#log.warnLimited('handler-failed', 'a connection was closed by an error of the gateway', {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  #slowSenderClosed(): void {
    const { keptBytes } = this.network.inputBudget;
    const message = 'closed the connection that held incomplete input for longest: memory is short';
    this.#log.warnLimited('slow-sender', message, { keptBytes });
  }

  #slowReaderClosed(): void {
    this.#log.warnLimited('slow-reader', 'closed a connection whose peer does not read');
  }
}

/** MACs of sessions in `requests` by the batch. */
function macsOf(kernels: CodecKernels, requests: Buffer): GatewayOptions['macs'] {
  return { batch: kernels.createMacBatch(STAGED_MAX), memory: kernels.bindMemory(requests) };
}

/** The native kernels where the configuration and the machine have them. */
function loadKernels(mode: NativeMode, log: Log): LoadedKernels {
  try {
    const loaded = loadNative(mode);
    const { kernels, native, reason } = loaded;
    log.debug(reason, { native, kernels: kernels.name });
    return loaded;
  } catch (error) {
    if (!(error instanceof NativeMissingError)) throw error;
    throw new InputError([{ path: 'runtime.native', message: error.message }]);
  }
}
