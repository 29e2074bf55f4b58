// The data plane of one thread, put together: exchanges, filters, routing and upstream pools. It
// takes requests from whoever owns the client sockets (`driver` is the downstream handler) and
// knows no listeners, threads or files, so that a lane on another thread is this class as it is.

import type { Clock, Random } from '#core/base/clock.ts';
import type { Network } from '#core/base/network.ts';
import { TimerWheel } from '#core/base/timer-wheel.ts';
import type { BoundMemory, Kernels, MacBatch } from '#core/codec/kernels.ts';
import { SessionCache } from '#core/codec/session/cache.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import type { KeyRing } from '#core/codec/session/keys.ts';
import { LegacyVerifier, looksLegacy } from '#core/codec/session/legacy.ts';
import { MacsAhead } from '#core/codec/session/macs-ahead.ts';
import type { RevocationTable } from '#core/codec/session/revocation.ts';
import { SessionStatus, SessionView } from '#core/codec/session/types.ts';
import { RetryBudget } from '#core/exchange/retry-budget.ts';
import type { ExchangeObserver } from '#core/exchange/contract.ts';
import { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import { inflateBody } from '#core/exchange/inflate-body.ts';
import type { FilterFactory } from '#core/pipeline/filter.ts';
import { ResendTable } from '#core/pipeline/filters/resend/resend-table.ts';
import type { SessionVerifiers } from '#core/pipeline/filters/session/filter.ts';
import { addAhead } from '#core/pipeline/filters/session/look-ahead.ts';
import { listFilters } from '#core/pipeline/registry.ts';
import type { Router } from '#core/routing/router.ts';
import type { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import type { GatewayCounters } from '#core/telemetry/counters.ts';
import type { LocalHandlers } from '#core/upstream/local/local-service.ts';
import type { ConfigSnapshot } from '#config/snapshot.ts';
import { Clusters, compileTarget, type ClusterSet, type ClusterStatus } from './clusters.ts';
import { compileRouter } from './compile-router.ts';
import { bucketAt, type LimitPlaces } from './limit-places.ts';

/** Resolution of request deadlines. Ms. */
const DEADLINE_TICK_MS = 5;

/** Resolution of idle times and heartbeats. Ms. */
const IDLE_TICK_MS = 250;

/** What a gateway is built on; nothing of it changes with the configuration. */
export interface GatewayOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly kernels: Kernels;
  /**
   * Where MACs are verified by the batch: of sessions in `memory`, which requests are read from.
   * Absent where that is not faster.
   */
  readonly macs?: { readonly batch: MacBatch; readonly memory: BoundMemory } | undefined;
  readonly counters: GatewayCounters;
  readonly stats: ApiStatsTable;
  readonly observer: ExchangeObserver;
  /** What upstreams of protocol `local` call; absent where there can be none. */
  readonly handlers?: LocalHandlers | undefined;
}

/** One configuration with what its process loaded for it. */
export interface GatewayInput {
  readonly snapshot: Pick<ConfigSnapshot, 'config' | 'apis'>;
  readonly keys: KeyRing;
  readonly revocations: RevocationTable;
  readonly limits: LimitPlaces;
  /** Filters loaded from `filters.modules`. */
  readonly customFilters: readonly FilterFactory[];
}

/** What one configuration becomes; made by {@link Gateway.prepare}. */
export interface PreparedConfig {
  readonly sessions: SessionVerifiers;
  readonly clusters: ClusterSet;
  readonly router: Router;
  readonly acceptsLegacy: boolean;
}

/** One thread's data plane. */
export class Gateway {
  readonly driver: ExchangeDriver;
  readonly idleTimers: TimerWheel;
  readonly #options: GatewayOptions;
  readonly #deadlines: TimerWheel;
  readonly #clusters: Clusters;
  readonly #resends = new ResendTable();
  readonly #bindView = new SessionView();
  readonly #macsAhead: MacsAhead | null;
  #sessions!: SessionVerifiers;
  /** Some API takes legacy sessions, so BIND does. */
  #acceptsLegacy = false;
  #router!: Router;

  constructor(options: GatewayOptions, input: GatewayInput) {
    const { clock, random, network, macs, kernels } = options;
    const { runtime, listeners } = input.snapshot.config;
    this.#options = options;
    const ahead = macs === undefined ? null : new MacsAhead(macs.batch, macs.memory);
    this.#macsAhead = ahead;
    this.#deadlines = new TimerWheel(clock, DEADLINE_TICK_MS);
    this.idleTimers = new TimerWheel(clock, IDLE_TICK_MS);
    this.driver = new ExchangeDriver({
      clock,
      deadlines: this.#deadlines,
      observer: options.observer,
      retryBudget: new RetryBudget(),
      checkSession: (session, channel, device) => this.#checkSession(session, channel, device),
      lookahead: ahead && {
        add: (exchange) => addAhead(this.#sessions.compact, exchange),
        verify: () => ahead.verify(),
        clear: () => ahead.clear(),
      },
      inflateBody: (request) => inflateBody(request, listeners.frameBytesMax, kernels),
      exchangesMax: runtime.exchangesMax,
    });
    const observer = this.driver;
    const environment = { clock, random, network, idleTimers: this.idleTimers, observer };
    this.#clusters = new Clusters(environment, options.counters, options.handlers);
    this.#use(this.prepare(input));
  }

  /** Configuration revision that new requests follow. */
  get revision(): number {
    return this.#router.revision;
  }

  /**
   * Makes everything that follows from one configuration, before anything of it is used.
   *
   * @throws Error for a user's filter that does not compile; nothing has changed then
   */
  prepare(input: GatewayInput): PreparedConfig {
    const { snapshot, limits, customFilters } = input;
    const { clock, random, stats } = this.#options;
    const sessions = this.#createVerifiers(input);
    const clusters = this.#clusters.prepare(snapshot.config);
    const factories = listFilters({
      clock,
      random,
      deadlines: this.#deadlines,
      batchMs: () => this.driver.nowMs,
      nowSeconds: () => this.driver.wallSeconds,
      sessions,
      resends: this.#resends,
      custom: customFilters,
    });
    const router = compileRouter({
      config: snapshot.config,
      apis: snapshot.apis,
      factories,
      bucketOf: (operationType, limit) => bucketAt(limits, operationType, limit),
      compileTarget: (api) => compileTarget(clusters, api),
      recorderOf: (operationType) => stats.acquire(operationType),
      unknownRecorder: stats.unknown,
    });
    const acceptsLegacy = snapshot.apis.some(({ accept }) => accept.includes('legacy'));
    return { sessions, clusters, router, acceptsLegacy };
  }

  /** Both in one: {@link Gateway.prepare} and {@link Gateway.use}. */
  apply(input: GatewayInput): void {
    this.use(this.prepare(input));
  }

  /** New requests follow `prepared` from now on; open ones end with what they started with. */
  use(prepared: PreparedConfig): void {
    this.#use(prepared);
    const names = new Set(this.#router.apis.map(({ operationType }) => operationType));
    this.#options.stats.prune((operationType) => names.has(operationType));
  }

  clusters(): readonly ClusterStatus[] {
    return this.#clusters.status();
  }

  /** Ends the pools and timers; the caller has drained the exchanges. */
  close(): void {
    this.#clusters.close();
    this.#deadlines.close();
    this.idleTimers.close();
  }

  #use({ sessions, clusters, router, acceptsLegacy }: PreparedConfig): void {
    this.#sessions = sessions;
    this.#acceptsLegacy = acceptsLegacy;
    this.#clusters.use(clusters);
    this.#router = router;
    this.driver.use(router);
  }

  #createVerifiers({ snapshot, keys, revocations }: GatewayInput): SessionVerifiers {
    const { kernels } = this.#options;
    const { cacheEntries, skewSeconds } = snapshot.config.sessions;
    const cache = cacheEntries > 0 ? new SessionCache(cacheEntries, keys) : null;
    const options = { kernels, keys, revocations, skewSeconds };
    return {
      compact: new SessionVerifier({ ...options, cache, ahead: this.#macsAhead }),
      legacy: new LegacyVerifier(options),
      issuer: new SessionIssuer(keys, kernels),
    };
  }

  #checkSession(session: Buffer, channel: number, device: Buffer): boolean {
    const nowSeconds = Math.floor(this.#options.clock.wallMs() / 1000);
    const { compact, legacy } = this.#sessions;
    const isLegacy = looksLegacy(session, 0, session.length);
    if (isLegacy && !this.#acceptsLegacy) return false;
    const status = (isLegacy ? legacy : compact).verify(
      session,
      0,
      session.length,
      channel,
      nowSeconds,
      device,
      0,
      device.length,
      this.#bindView,
    );
    return status === SessionStatus.ok;
  }
}
