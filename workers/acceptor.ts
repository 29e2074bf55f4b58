// The composition root of a gateway process: the acceptor thread with its client sockets, lane 0,
// telemetry and the admin API. It owns no policy; everything it joins lives in its own room.

import { systemClock, type Clock, type TimerHandle } from '#core/base/clock.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SessionChannel } from '#core/codec/session/types.ts';
import type { DownstreamHandler } from '#core/downstream/contract.ts';
import { DownstreamListener } from '#core/downstream/listener.ts';
import type { Gateway, PreparedConfig } from '#core/gateway.ts';
import { LimitBook } from '#core/limit-places.ts';
import { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import type { LocalHandlers } from '#core/upstream/local/local-service.ts';
import type { GatewayConfig, ListenersConfig } from '#config/schema.ts';
import type { ConfigBase } from '#config/load.ts';
import type { Problem } from '#config/problem.ts';
import type { ConfigSnapshot, SnapshotResult } from '#config/snapshot.ts';
import { bindErrorText } from './bind-error.ts';
import { InputError, Lane } from './lane.ts';
import type { LanePool } from './lanes/lane-pool.ts';
import { loadLaneConfig, type LaneConfig } from './load-input.ts';
import { isLogLevel, type ProcessLog } from './log.ts';
import { untilRestart } from './until-restart.ts';
import { laneCount } from './worker-count.ts';

/** What a gateway process starts with. */
export interface AcceptorOptions {
  readonly snapshot: ConfigSnapshot;
  readonly base: ConfigBase;
  readonly log: ProcessLog;
  /** Directory that relative file names start from. */
  readonly cwd: string;
  /** What upstreams of protocol `local` call; absent where the gateway is no part of a service. */
  readonly handlers?: LocalHandlers;
}

/** How long clients have to close their connections once nothing is open on them. Ms. */
const DRAIN_GRACE_MS = 1000;

/** Longest delay that a timer takes. Ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Ports that are bound, by listener; a listener that is off is missing. */
export type BoundPorts = Readonly<Partial<Record<'http' | 'mmtp' | 'admin', number>>>;

/** A configuration that is ready to be used. */
interface Change {
  readonly config: LaneConfig;
  readonly prepared: PreparedConfig;
}

/** A running gateway. */
export class Acceptor {
  readonly clock: Clock = systemClock;
  readonly base: ConfigBase;
  readonly log: ProcessLog;
  /** What the process started with. */
  readonly startConfig: GatewayConfig;
  /** Called once when a drain begins, whoever asked for it. */
  onDrainStarted: (() => void) | null = null;
  /** The lane on this thread. */
  readonly lane: Lane;
  /** The lanes on other threads; null: there are none. */
  readonly pool: LanePool | null;
  readonly #book: LimitBook;
  readonly #listeners: ReadonlyMap<'http' | 'mmtp', DownstreamListener>;
  readonly #cwd: string;
  #snapshot: ConfigSnapshot;
  #applying: Promise<unknown> = Promise.resolve();
  #freshening: TimerHandle | null = null;
  #draining: Promise<void> | null = null;

  /** Loads what the configuration names; throws {@link InputError}. Nothing is bound yet. */
  static async create(options: AcceptorOptions): Promise<Acceptor> {
    const { snapshot, cwd, log, handlers } = options;
    const book = new LimitBook(() => systemClock.nowMs());
    const loaded = await loadLaneConfig(snapshot, cwd, book);
    if (!loaded.ok) throw new InputError(loaded.problems);
    const { workers, placement } = snapshot.config.runtime;
    // Handlers of the service are functions of this thread.
    const isOneThread = placement === 'inline' || handlers !== undefined;
    const count = isOneThread ? 0 : laneCount(workers);
    if (count === 0) {
      const lane = await Lane.open({ config: loaded.input, log, handlers });
      return new Acceptor(options, book, lane, null, lane.gateway.driver);
    }
    // Only a gateway with lanes pays for loading what they need.
    const { openLanes } = await import('./lanes/open-lanes.ts');
    const { lane, pool } = await openLanes(count, loaded.input, log);
    return new Acceptor(options, book, lane, pool, pool.dispatcher);
  }

  private constructor(
    options: AcceptorOptions,
    book: LimitBook,
    lane: Lane,
    pool: LanePool | null,
    handler: DownstreamHandler,
  ) {
    this.base = options.base;
    this.log = options.log;
    this.lane = lane;
    this.pool = pool;
    this.#cwd = options.cwd;
    this.#snapshot = options.snapshot;
    this.startConfig = options.snapshot.config;
    this.#book = book;
    this.#book.use();
    this.#freshenLater();
    this.#listeners = createListeners(this, handler, options.snapshot.config.listeners);
  }

  get gateway(): Gateway {
    return this.lane.gateway;
  }

  get counters(): GatewayCounters {
    return this.lane.counters;
  }

  get stats(): ApiStatsTable {
    return this.lane.stats;
  }

  get snapshot(): ConfigSnapshot {
    return this.#snapshot;
  }

  /** Name of the kernels in use: `typescript` or the native ones. */
  get kernelsName(): string {
    return this.lane.kernels.name;
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

  /** Requests that are open now, on all lanes. */
  get openCount(): number {
    return this.pool === null ? this.gateway.driver.openCount : this.pool.dispatcher.openCount;
  }

  /** What all lanes have counted. */
  async totals(): Promise<{ counters: GatewayCounters; stats: ApiStatsTable }> {
    const { lane, pool } = this;
    if (pool === null) return lane;
    const counters = new GatewayCounters();
    const stats = new ApiStatsTable();
    await pool.addTotals(counters, stats);
    counters.add(lane.counters.toData());
    stats.add(lane.stats.toData());
    return { counters, stats };
  }

  /** Binds the listeners; rejects with a text that names listener, port and fix. */
  async open(): Promise<BoundPorts> {
    const ports: Partial<Record<'http' | 'mmtp', number>> = {};
    const started = this.pool?.start();
    // Requests that only lanes may run wait for them; others are served by lane 0 meanwhile.
    if (this.snapshot.config.runtime.placement === 'pool') await started;
    for (const [name, listener] of this.#listeners) {
      try {
        await listener.open();
      } catch (error) {
        const { host, httpPort, mmtpPort } = this.snapshot.config.listeners;
        const port = name === 'http' ? httpPort : mmtpPort;
        throw new Error(bindErrorText(name, host, port, error), { cause: error });
      }
      ports[name] = listener.port;
    }
    return ports;
  }

  /** Applies a checked snapshot, after those that came before; a refused one changes nothing. */
  apply(result: SnapshotResult): Promise<SnapshotResult> {
    const applied = this.#applying.then(() => this.#apply(result));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  /** Changes the level of all threads. @returns false, and nothing changed, for an unknown name */
  setLogLevel(level: string): boolean {
    if (!isLogLevel(level)) return false;
    this.pool?.setLogLevel(level);
    return this.log.setLevel(level);
  }

  /** Opens the access log anew, for rotation. */
  async reopenLogs(): Promise<void> {
    this.pool?.reopenLogs();
    await this.lane.reopenLogs();
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
    if (this.#freshening !== null) this.clock.clearTimer(this.#freshening);
    await this.pool?.stop();
    await this.lane.close();
  }

  async #apply(result: SnapshotResult): Promise<SnapshotResult> {
    const change = result.ok ? await this.#prepare(result.snapshot) : result.problems;
    if (!result.ok || !('prepared' in change)) {
      this.counters.configsRefused++;
      return { ok: false, problems: change as readonly Problem[] };
    }
    // In one go: no request is read in between, so all lanes change at the same one.
    this.#book.use();
    this.#freshenLater();
    this.gateway.use(change.prepared);
    this.pool?.commit(change.config);
    this.#snapshot = result.snapshot;
    this.counters.configsApplied++;
    return result;
  }

  async #prepare(snapshot: ConfigSnapshot): Promise<Change | readonly Problem[]> {
    const loaded = await loadLaneConfig(snapshot, this.#cwd, this.#book);
    if (!loaded.ok) return loaded.problems;
    // A lane that is replaced later starts with what the others run with.
    const inForce = untilRestart(this.startConfig, loaded.input.config);
    const config = { ...loaded.input, config: inForce };
    const prepared = await this.lane.prepare(config);
    if (!('router' in prepared)) return prepared;
    const problems = (await this.pool?.prepare(config)) ?? [];
    return problems.length > 0 ? problems : { config, prepared };
  }

  /** Buckets that nobody takes from must be looked at now and then. */
  #freshenLater(): void {
    if (this.#freshening !== null) this.clock.clearTimer(this.#freshening);
    const { freshenMs } = this.#book;
    if (freshenMs === Infinity) return;
    // Timers are late on a busy thread: a quarter of the time leaves room for that.
    const delayMs = Math.min(freshenMs / 4, LONGEST_TIMER_MS);
    this.#freshening = this.clock.setTimer(() => {
      this.#book.freshen();
      this.#freshenLater();
    }, delayMs);
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
          if (this.openCount === 0) resolve();
        }, DRAIN_GRACE_MS);
      };
      const maybe = (): void => {
        if (this.openCount === 0) settle();
      };
      this.lane.telemetry.onIdle = maybe;
      if (this.pool !== null) this.pool.onIdle = maybe;
      maybe();
    });
  }
}

function createListeners(
  acceptor: Acceptor,
  handler: DownstreamHandler,
  config: ListenersConfig,
): ReadonlyMap<'http' | 'mmtp', DownstreamListener> {
  const listeners = new Map<'http' | 'mmtp', DownstreamListener>();
  const shared = {
    network: acceptor.lane.network,
    host: config.host,
    handler,
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
