// The upstream pools of one lane. They outlive configuration snapshots: a pool whose settings did
// not change is kept with its connections; a changed or removed one is closed once its requests
// have ended.

import type { TimerHandle } from '#core/base/clock.ts';
import type { HostAddress } from '#core/base/network.ts';
import { BOLT_V1, BOLT_V2, BOLT_V2_CRC, Codec, type BoltForm } from '#core/codec/bolt/types.ts';
import type { CompiledTarget } from '#core/pipeline/api.ts';
import type { GatewayCounters } from '#core/telemetry/counters.ts';
import { parseHostPort } from '#config/host-port.ts';
import type { ResolvedApi } from '#config/resolve-api.ts';
import type { Frozen, GatewayConfig, UpstreamConfig } from '#config/schema.ts';
import { BoltPool } from './upstream/bolt/bolt-pool.ts';
import { BoltTarget } from './upstream/bolt/bolt-target.ts';
import type { HostStatus, PoolSettings, UpstreamEnvironment } from './upstream/contract.ts';
import { HttpPool } from './upstream/http/http-pool.ts';
import { HttpTarget } from './upstream/http/http-target.ts';
import { LocalService, NO_HANDLERS, type LocalHandlers } from './upstream/local/local-service.ts';

/** How long requests that began before may take until they are sent to a replaced pool. Ms. */
const RETIRE_MS = 60_000;

/** Pause between two looks whether a replaced pool has ended what it has open. Ms. */
const LOOK_MS = 10_000;

/** State of one upstream for the admin API. */
export interface ClusterStatus {
  readonly name: string;
  readonly protocol: string;
  readonly hosts: readonly HostStatus[];
}

interface Cluster {
  readonly key: string;
  readonly config: Frozen<UpstreamConfig>;
  readonly pool: BoltPool | HttpPool | LocalService;
}

/** The pools of one configuration by upstream name. */
export type ClusterSet = ReadonlyMap<string, Cluster>;

/** The pools in use, and those whose requests are still ending. */
export class Clusters {
  readonly #environment: UpstreamEnvironment;
  readonly #counters: GatewayCounters;
  readonly #handlers: LocalHandlers;
  #clusters: ClusterSet = new Map();
  readonly #retired = new Map<Cluster['pool'], TimerHandle>();

  /** @param handlers what upstreams of protocol `local` call */
  constructor(
    environment: UpstreamEnvironment,
    counters: GatewayCounters,
    handlers: LocalHandlers = NO_HANDLERS,
  ) {
    this.#environment = environment;
    this.#counters = counters;
    this.#handlers = handlers;
  }

  /**
   * Pools that match `config`: kept ones where nothing changed, else new ones, which open their
   * connections with their first requests. Nothing changes until {@link Clusters.use}.
   */
  prepare(config: GatewayConfig): ClusterSet {
    const next = new Map<string, Cluster>();
    const { highWatermarkBytes } = config.listeners;
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      const key = JSON.stringify([upstream, highWatermarkBytes]);
      const current = this.#clusters.get(name);
      const isSame = current?.key === key;
      const pool = isSame ? current.pool : this.#openPool(name, upstream, highWatermarkBytes);
      next.set(name, { key, config: upstream, pool });
    }
    return next;
  }

  /** Makes `next` the pools in use. Targets compiled before keep the pools that they have. */
  use(next: ClusterSet): void {
    const kept = new Set([...next.values()].map(({ pool }) => pool));
    // Prepared before the one between was in use: what that one retired serves again.
    for (const pool of kept) this.#callBack(pool);
    for (const { pool } of this.#clusters.values()) if (!kept.has(pool)) this.#retire(pool);
    this.#clusters = next;
  }

  status(): ClusterStatus[] {
    return [...this.#clusters].map(([name, { pool, config }]) => ({
      name,
      protocol: config.protocol,
      hosts: pool.status(),
    }));
  }

  close(): void {
    for (const { pool } of this.#clusters.values()) pool.close();
    this.#clusters = new Map();
    for (const [pool, timer] of this.#retired) {
      this.#environment.clock.clearTimer(timer);
      pool.close();
    }
    this.#retired.clear();
  }

  #retire(pool: Cluster['pool'], delayMs = RETIRE_MS): void {
    const timer = this.#environment.clock.setTimer(() => {
      this.#retired.delete(pool);
      if (pool.status().some(({ openRequests }) => openRequests > 0)) this.#retire(pool, LOOK_MS);
      else pool.close();
    }, delayMs);
    this.#retired.set(pool, timer);
  }

  #callBack(pool: Cluster['pool']): void {
    const timer = this.#retired.get(pool);
    if (timer === undefined) return;
    this.#environment.clock.clearTimer(timer);
    this.#retired.delete(pool);
  }

  #openPool(name: string, config: Frozen<UpstreamConfig>, highWatermarkBytes: number) {
    if (config.protocol === 'local') {
      const { responseBytesMax } = config;
      const settings = { name, responseBytesMax, counters: this.#counters.upstream(name) };
      return new LocalService(settings, this.#environment, this.#handlers);
    }
    const shared: PoolSettings = {
      name,
      hosts: (config.hosts ?? []).map(addressOf),
      balance: config.balance,
      waitersMax: config.waitersMax,
      waitMs: config.waitMs,
      connectTimeoutMs: config.connectTimeoutMs,
      reconnectMinMs: config.reconnectMinMs,
      reconnectMaxMs: config.reconnectMaxMs,
      responseBytesMax: config.responseBytesMax,
      highWatermarkBytes,
      counters: this.#counters.upstream(name),
    };
    if (config.protocol === 'http') {
      const { connectionsMax, idleTimeoutMs } = config;
      return new HttpPool({ ...shared, connectionsMax, idleTimeoutMs }, this.#environment);
    }
    const { connections, heartbeatMs, heartbeatMissesMax, stallMs } = config;
    const form = formOf(config);
    const times = { heartbeatMs, heartbeatMissesMax, stallMs };
    const settings = { ...shared, ...times, connections, form };
    return new BoltPool(settings, this.#environment);
  }
}

/** How requests of `api` leave; null when its upstream does not exist. */
export function compileTarget(
  clusters: ClusterSet,
  api: Frozen<ResolvedApi>,
): CompiledTarget | null {
  const cluster = clusters.get(api.upstream);
  if (cluster === undefined) return null;
  const { pool, config } = cluster;
  if (pool instanceof LocalService) return pool.target(api.operationType);
  return pool instanceof BoltPool ? boltTarget(pool, config, api) : httpTarget(pool, config, api);
}

/** The configuration was checked: every host parses. */
function addressOf(host: string): HostAddress {
  const address = parseHostPort(host);
  if (address === undefined) throw new Error(`Host "${host}" is not HOST:PORT`);
  return address;
}

function formOf({ boltVersion, boltCrc }: Frozen<UpstreamConfig>): BoltForm {
  if (boltVersion === 1) return BOLT_V1;
  return boltCrc ? BOLT_V2_CRC : BOLT_V2;
}

const BOLT_CODECS = { protobuf: Codec.protobuf, bytes: Codec.hessian, json: Codec.json } as const;

function boltTarget(
  pool: BoltPool,
  config: Frozen<UpstreamConfig>,
  api: Frozen<ResolvedApi>,
): BoltTarget {
  return new BoltTarget(pool, {
    operationType: api.operationType,
    service: api.service,
    method: api.method,
    codec: BOLT_CODECS[api.codec],
    form: formOf(config),
    addedHeaders: Object.entries(api.requestHeaders.add),
    // A client must not fill the header map at will: only names that the upstream asks for.
    forwardedHeaders: config.headersForward === '*' ? [] : lowerCase(config.headersForward),
  });
}

function httpTarget(
  pool: HttpPool,
  config: Frozen<UpstreamConfig>,
  api: Frozen<ResolvedApi>,
): HttpTarget {
  const isDefault = api.operationType === '*';
  const path = api.path === '' ? `/${api.operationType}` : api.path;
  return new HttpTarget(pool, {
    operationType: api.operationType,
    verb: api.verb,
    path: isDefault && api.path === '' ? null : path,
    authority: config.hosts![0]!,
    addedHeaders: Object.entries(api.requestHeaders.add),
    forwardedHeaders: config.headersForward === '*' ? null : lowerCase(config.headersForward),
  });
}

function lowerCase(names: readonly string[]): string[] {
  return names.map((name) => name.toLowerCase());
}
