// The admin API as a table: what each path answers to each method. Handlers turn source data into
// an answer; they know nothing of sockets, tokens or limits.

import { METRICS_MEDIA_TYPE } from '#core/telemetry/prometheus.ts';
import type { AdminSource, ConfigMediaType } from './admin-source.ts';

/** What a handler gets. */
export interface AdminRequest {
  readonly body: string;
  /** Media type in lower case without parameters; '' when absent. */
  readonly mediaType: string;
  readonly query: URLSearchParams;
  /** For what goes wrong after the answer. */
  readonly onError: (error: unknown) => void;
}

/** What a handler answers: `body` is sent as JSON unless `text` is given. */
export interface AdminAnswer {
  readonly status: number;
  readonly body?: object;
  readonly text?: string;
  readonly mediaType?: string;
}

/** One method of one path. */
export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  /** What it does, for the list that unknown paths get. */
  readonly does: string;
  /** Needs no token: probes of an orchestrator have none. */
  readonly isPublic: boolean;
  readonly handle: (
    source: AdminSource,
    request: AdminRequest,
  ) => AdminAnswer | Promise<AdminAnswer>;
}

function read(
  path: string,
  does: string,
  handle: (source: AdminSource) => AdminAnswer | Promise<AdminAnswer>,
  isPublic = false,
): AdminRoute {
  return { method: 'GET', path, does, isPublic, handle };
}

function data(body: object): AdminAnswer {
  return { status: 200, body };
}

/** Every route. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  read('/healthz', 'is the process alive', health, true),
  read('/readyz', 'may traffic be sent here', ready, true),
  read('/metrics', 'metrics as Prometheus text', metrics),
  read('/stats', 'figures as JSON', async (source) => data(await source.stats())),
  read('/config', 'the configuration in force, secrets masked', (source) => data(source.config())),
  read('/apis', 'APIs with their figures', async (source) => data(await source.apis())),
  read('/clusters', 'upstreams, hosts and pools', async (source) => data(await source.clusters())),
  read('/sessions', 'session keys and checks', (source) => data(source.sessions())),
  read('/lanes', 'lanes and their load', async (source) => data(await source.lanes())),
  {
    method: 'PUT',
    path: '/config',
    does: 'validate a configuration (JSON or YAML) and apply it',
    isPublic: false,
    handle: putConfig,
  },
  {
    method: 'POST',
    path: '/drain',
    does: 'finish what is open, accept nothing new, exit',
    isPublic: false,
    handle: drain,
  },
  {
    method: 'POST',
    path: '/log-level',
    does: 'change the log level: {"level":"debug"} or ?level=debug',
    isPublic: false,
    handle: setLogLevel,
  },
];

function health(source: AdminSource): AdminAnswer {
  const { healthy, reasons } = source.health();
  if (healthy) return data({ status: 'ok' });
  return { status: 503, body: { status: 'unhealthy', reasons } };
}

function ready(source: AdminSource): AdminAnswer {
  const state = source.ready();
  if (state.ready) return data({ status: 'ready' });
  return { status: 503, body: { status: 'not ready', reasons: state.reasons } };
}

async function metrics(source: AdminSource): Promise<AdminAnswer> {
  return { status: 200, text: await source.metricsText(), mediaType: METRICS_MEDIA_TYPE };
}

const CONFIG_MEDIA_TYPES: ReadonlyMap<string, ConfigMediaType> = new Map([
  ['application/json', 'application/json'],
  ['application/yaml', 'application/yaml'],
  ['application/x-yaml', 'application/yaml'],
  ['text/yaml', 'application/yaml'],
]);

async function putConfig(source: AdminSource, request: AdminRequest): Promise<AdminAnswer> {
  const mediaType = CONFIG_MEDIA_TYPES.get(request.mediaType);
  if (mediaType === undefined) {
    const accepted = [...CONFIG_MEDIA_TYPES.keys()];
    const error = `Content-Type "${request.mediaType}" is no configuration`;
    return { status: 415, body: { error, accepted } };
  }
  if (request.body.trim() === '') {
    return { status: 400, body: { error: 'The request has no configuration in its body' } };
  }
  const result = await source.putConfig(request.body, mediaType);
  if (result.ok) {
    const { revision, hash, needsRestart } = result;
    return data({ revision, hash, needsRestart });
  }
  const error = 'The configuration was refused; the one in force stays';
  return { status: 422, body: { error, problems: result.problems } };
}

/** Draining may end the process, so the answer does not wait for it; `/readyz` shows it. */
function drain(source: AdminSource, request: AdminRequest): AdminAnswer {
  source.drain().catch(request.onError);
  return { status: 202, body: { draining: true } };
}

function setLogLevel(source: AdminSource, request: AdminRequest): AdminAnswer {
  const level = request.query.get('level') ?? levelInBody(request.body);
  if (level === null) {
    const error = 'The request names no level: send {"level":"debug"} or ?level=debug';
    return { status: 400, body: { error } };
  }
  if (source.setLogLevel(level)) return data({ level });
  return { status: 400, body: { error: `There is no log level "${level.slice(0, 40)}"` } };
}

function levelInBody(body: string): string | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('level' in value)) return null;
    return typeof value.level === 'string' ? value.level : null;
  } catch {
    return null;
  }
}
