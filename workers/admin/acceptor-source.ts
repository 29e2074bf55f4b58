// What the admin API says about a running gateway: reads the acceptor, changes it only by its
// verbs.

import { EventLoopWatch } from '#core/telemetry/event-loop.ts';
import type { ClusterStatus } from '#core/clusters.ts';
import { ApiMetrics } from '#core/telemetry/api-metrics.ts';
import {
  CounterMetrics,
  counterValues,
  DOWNSTREAM_FAMILIES,
  GATEWAY_FAMILIES,
} from '#core/telemetry/counter-metrics.ts';
import type { GatewayIdentity } from '#core/telemetry/identity.ts';
import { LaneMetrics, type LaneFigures } from '#core/telemetry/lane-metrics.ts';
import { ProcessMetrics, processSummary } from '#core/telemetry/process-metrics.ts';
import { renderMetrics } from '#core/telemetry/prometheus.ts';
import { snapshotFromText } from '#config/load.ts';
import { maskSecrets } from '#config/mask.ts';
import type { Problem } from '#config/problem.ts';
import type { Acceptor } from '../acceptor.ts';
import type { LaneStatus } from '../lanes/lane-pool.ts';
import { applyConfig, needsRestart } from './apply-config.ts';
import type { AdminSource, ConfigMediaType, PutConfigResult } from './admin-source.ts';

interface LaneView extends LaneFigures {
  readonly thread: 'acceptor' | 'pool';
  /** Client connections by listener: the acceptor has them all. */
  readonly connections?: Readonly<Record<string, number>>;
  readonly clusters: readonly ClusterStatus[];
}

/** {@link AdminSource} of a gateway process. */
export class AcceptorSource implements AdminSource {
  readonly #acceptor: Acceptor;
  readonly #loop: EventLoopWatch;
  #putting: Promise<unknown> = Promise.resolve();
  readonly #process: ProcessMetrics;
  readonly #version: string;
  readonly #role: string;
  /** As the process started: these settings do not change while it runs. */
  readonly #identity: GatewayIdentity;

  constructor(acceptor: Acceptor, version: string, role: string) {
    const identity: GatewayIdentity = acceptor.snapshot.config.runtime;
    this.#identity = identity;
    this.#acceptor = acceptor;
    this.#version = version;
    this.#role = role;
    this.#loop = new EventLoopWatch(acceptor.clock);
    this.#loop.start();
    this.#process = new ProcessMetrics({ version, role, identity });
  }

  health(): ReturnType<AdminSource['health']> {
    return { healthy: true, reasons: [] };
  }

  ready(): ReturnType<AdminSource['ready']> {
    return this.#acceptor.isDraining
      ? { ready: false, reasons: ['draining'] }
      : { ready: true, reasons: [] };
  }

  async stats(): Promise<object> {
    const { counters, stats } = await this.#acceptor.totals();
    const { snapshot } = this.#acceptor;
    const { generation, zone, app } = this.#identity;
    return {
      role: this.#role,
      generation,
      zone,
      app,
      version: this.#version,
      revision: snapshot.revision,
      hash: snapshot.hash,
      kernels: this.#acceptor.kernelsName,
      process: processSummary(),
      eventLoop: this.#loop.window,
      gateway: counterValues(counters, GATEWAY_FAMILIES),
      mmtp: counterValues(counters.mmtp, DOWNSTREAM_FAMILIES),
      http: counterValues(counters.http, DOWNSTREAM_FAMILIES),
      apis: stats.summaries(),
    };
  }

  async metricsText(): Promise<string> {
    const { counters, stats } = await this.#acceptor.totals();
    const lanes = new LaneMetrics(await this.#lanes());
    return renderMetrics([
      new CounterMetrics(counters),
      new ApiMetrics(stats),
      lanes,
      this.#loop,
      this.#process,
    ]);
  }

  config(): object {
    const { config, revision, hash, warnings } = this.#acceptor.snapshot;
    const waiting = needsRestart(this.#acceptor);
    return { revision, hash, warnings, needsRestart: waiting, config: maskSecrets(config) };
  }

  async apis(): Promise<object> {
    const { snapshot } = this.#acceptor;
    const { stats } = await this.#acceptor.totals();
    const byName = new Map(stats.summaries().map((summary) => [summary.operationType, summary]));
    return snapshot.apis.map(({ operationType, group, enabled, upstream, timeoutMs, session }) => {
      const figures = byName.get(operationType) ?? null;
      return { operationType, group, enabled, upstream, timeoutMs, session, figures };
    });
  }

  /** Upstreams, with the hosts as each lane sees them. */
  async clusters(): Promise<object> {
    const lanes = await this.#lanes();
    return lanes.flatMap(({ lane, clusters }) => clusters.map((cluster) => ({ lane, ...cluster })));
  }

  sessions(): object {
    const { sessions } = this.#acceptor.snapshot.config;
    const { keysFile, accept, cacheEntries, skewSeconds, revocations } = sessions;
    const revoked = {
      sids: revocations.sids.length,
      users: revocations.users.length,
      channels: revocations.issuedBefore,
    };
    return { keysFile: keysFile ?? null, accept, cacheEntries, skewSeconds, revocations: revoked };
  }

  async lanes(): Promise<object> {
    const lanes = await this.#lanes();
    // What upstreams look like has a path of its own.
    return lanes.map((lane) => ({ ...lane, clusters: undefined }));
  }

  /** One after the other: each is compared with the revision that the one before left. */
  putConfig(text: string, mediaType: ConfigMediaType): Promise<PutConfigResult> {
    const put = this.#putting.then(() => this.#putConfig(text, mediaType));
    this.#putting = put.catch(() => {});
    return put;
  }

  async #putConfig(text: string, mediaType: ConfigMediaType): Promise<PutConfigResult> {
    const acceptor = this.#acceptor;
    const name = mediaType === 'application/json' ? 'PUT /config (JSON)' : 'PUT /config (YAML)';
    const checked = await snapshotFromText(text, acceptor.base, name);
    const before = acceptor.snapshot.config;
    const stale = checked.ok ? staleRevision(before.revision, checked.snapshot.revision) : null;
    if (stale !== null) return { ok: false, problems: [stale] };
    const result = await applyConfig(acceptor, checked);
    if (!result.ok) return { ok: false, problems: result.problems };
    const { revision, hash } = result.snapshot;
    return { ok: true, revision, hash, needsRestart: needsRestart(acceptor) };
  }

  async #lanes(): Promise<LaneView[]> {
    const { gateway, counters, pool } = this.#acceptor;
    const own: LaneView = {
      lane: 0,
      thread: 'acceptor',
      connections: this.#acceptor.connections(),
      isServing: true,
      starts: 1,
      revision: gateway.revision,
      openExchanges: gateway.driver.openCount,
      exchangesCompleted: counters.exchangesCompleted,
      utilization: this.#loop.window.utilization,
      unreadWords: 0,
      bells: 0,
      clusters: gateway.clusters(),
    };
    const others = (await pool?.status()) ?? [];
    return [own, ...others.map(viewOf)];
  }

  drain(): Promise<void> {
    return this.#acceptor.drain();
  }

  setLogLevel(level: string): boolean {
    return this.#acceptor.setLogLevel(level);
  }
}

/**
 * A configuration that was overtaken by a later one must not come back by a late push. Revision 0
 * stands for a configuration without numbers.
 */
function staleRevision(current: number, offered: number): Problem | null {
  if (offered === 0 || offered >= current) return null;
  const message =
    `Is ${offered}, and revision ${current} is in force; ` +
    'send an older configuration again under a higher revision';
  return { path: 'revision', message };
}

function viewOf({ lane, isServing, starts, unreadWords, bells, report }: LaneStatus): LaneView {
  return {
    lane,
    thread: 'pool',
    isServing,
    starts,
    revision: report?.revision ?? 0,
    openExchanges: report?.openExchanges ?? 0,
    exchangesCompleted: report?.counters.own['exchangesCompleted'] ?? 0,
    utilization: report?.utilization ?? 0,
    unreadWords,
    bells,
    clusters: report?.clusters ?? [],
  };
}
