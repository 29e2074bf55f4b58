// What the admin API says about a running gateway: reads the acceptor, changes it only by its
// verbs.

import { EventLoopWatch } from '#core/telemetry/event-loop.ts';
import { ApiMetrics } from '#core/telemetry/api-metrics.ts';
import {
  CounterMetrics,
  counterValues,
  DOWNSTREAM_FAMILIES,
  GATEWAY_FAMILIES,
} from '#core/telemetry/counter-metrics.ts';
import type { GatewayIdentity } from '#core/telemetry/identity.ts';
import { ProcessMetrics, processSummary } from '#core/telemetry/process-metrics.ts';
import { renderMetrics } from '#core/telemetry/prometheus.ts';
import { changesNeedingRestart } from '#config/explain.ts';
import { snapshotFromText } from '#config/load.ts';
import { maskSecrets } from '#config/mask.ts';
import type { Problem } from '#config/problem.ts';
import type { Acceptor } from '../acceptor.ts';
import type { AdminSource, ConfigMediaType, PutConfigResult } from './admin-source.ts';

/** {@link AdminSource} of a gateway process. */
export class AcceptorSource implements AdminSource {
  readonly #acceptor: Acceptor;
  readonly #loop: EventLoopWatch;
  readonly #sources;
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
    this.#sources = [
      new CounterMetrics(acceptor.counters),
      new ApiMetrics(acceptor.stats),
      this.#loop,
      new ProcessMetrics({ version, role, identity }),
    ];
  }

  health(): ReturnType<AdminSource['health']> {
    return { healthy: true, reasons: [] };
  }

  ready(): ReturnType<AdminSource['ready']> {
    return this.#acceptor.isDraining
      ? { ready: false, reasons: ['draining'] }
      : { ready: true, reasons: [] };
  }

  stats(): object {
    const { counters, stats, snapshot } = this.#acceptor;
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

  metricsText(): string {
    return renderMetrics(this.#sources);
  }

  config(): object {
    const { config, revision, hash, warnings } = this.#acceptor.snapshot;
    return { revision, hash, warnings, config: maskSecrets(config) };
  }

  apis(): object {
    const { snapshot, stats } = this.#acceptor;
    const byName = new Map(stats.summaries().map((summary) => [summary.operationType, summary]));
    return snapshot.apis.map(({ operationType, group, enabled, upstream, timeoutMs, session }) => {
      const figures = byName.get(operationType) ?? null;
      return { operationType, group, enabled, upstream, timeoutMs, session, figures };
    });
  }

  clusters(): object {
    return this.#acceptor.gateway.clusters();
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

  lanes(): object {
    const { gateway, counters } = this.#acceptor;
    return [
      {
        lane: 0,
        thread: 'acceptor',
        revision: gateway.revision,
        openExchanges: gateway.driver.openCount,
        exchangesCompleted: counters.exchangesCompleted,
        connections: this.#acceptor.connections(),
      },
    ];
  }

  async putConfig(text: string, mediaType: ConfigMediaType): Promise<PutConfigResult> {
    const acceptor = this.#acceptor;
    const name = mediaType === 'application/json' ? 'PUT /config (JSON)' : 'PUT /config (YAML)';
    const checked = await snapshotFromText(text, acceptor.base, name);
    const before = acceptor.snapshot.config;
    const stale = checked.ok ? staleRevision(before.revision, checked.snapshot.revision) : null;
    if (stale !== null) return { ok: false, problems: [stale] };
    const result = await acceptor.apply(checked);
    if (!result.ok) return { ok: false, problems: result.problems };
    const { revision, hash, config } = result.snapshot;
    for (const path of changesNeedingRestart(before, config)) {
      acceptor.log.warn('setting takes effect only after a restart', { path });
    }
    return { ok: true, revision, hash };
  }

  drain(): Promise<void> {
    return this.#acceptor.drain();
  }

  setLogLevel(level: string): boolean {
    return this.#acceptor.log.setLevel(level);
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
