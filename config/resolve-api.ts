// What holds for one API once group and global settings are applied: API over group over the
// whole. Routing compiles its tables from this form and needs to know nothing of inheritance.

import type { ApiConfig, GatewayConfig, HeaderChanges, LimitConfig } from './schema.ts';

/** Operation type that stands for every one without an API of its own. */
export const ANY_OPERATION = '*';

/** Changes to the headers of a message: first remove, then set. */
export type HeaderChange = HeaderChanges['request'];

/** A limit with nothing left open. */
export interface ResolvedLimit {
  /** Requests per second, above 0. */
  readonly qps: number;
  /** Requests at once, at least 1. */
  readonly burst: number;
  readonly mode: LimitConfig['mode'];
  readonly response: NonNullable<LimitConfig['response']>;
}

/** An API with nothing left to inherit. */
export interface ResolvedApi {
  readonly operationType: string;
  /** Name of the group, or empty. */
  readonly group: string;
  readonly enabled: boolean;
  /** Name of an upstream that exists. */
  readonly upstream: string;
  /** Bolt; empty for HTTP. */
  readonly service: string;
  /** Bolt; empty for HTTP. */
  readonly method: string;
  readonly argTypes: readonly string[];
  /** HTTP request target; empty: a slash and the operation type of the request. */
  readonly path: string;
  readonly verb: NonNullable<ApiConfig['upstream']['verb']>;
  readonly codec: NonNullable<ApiConfig['upstream']['codec']>;
  readonly timeoutMs: number;
  readonly session: NonNullable<ApiConfig['session']>;
  readonly accept: NonNullable<ApiConfig['accept']>;
  readonly protocols: NonNullable<ApiConfig['protocols']>;
  readonly channels: NonNullable<ApiConfig['channels']>;
  /** Undefined when the API has no limit or it is switched off. */
  readonly limit: ResolvedLimit | undefined;
  readonly idempotent: boolean;
  readonly bodyRequired: boolean;
  readonly bodyType: 'json' | 'any';
  readonly bodyBytesMax: number;
  readonly requestHeaders: HeaderChange;
  readonly responseHeaders: HeaderChange;
  readonly statusMode: NonNullable<ApiConfig['statusMode']>;
  readonly language: GatewayConfig['runtime']['language'];
}

/** Applies group and global settings to every API of a checked configuration, in its order. */
export function resolveApis(config: GatewayConfig): readonly ResolvedApi[] {
  return config.apis.map((api) => resolveApi(config, api));
}

/** The upstream that an API goes to: its own word, its group's, or the only one there is. */
export function upstreamNameOf(config: GatewayConfig, api: ApiConfig): string | undefined {
  const named = api.upstream.name ?? groupOf(config, api)?.upstream;
  if (named !== undefined) return named;
  const names = Object.keys(config.upstreams);
  return names.length === 1 ? names[0] : undefined;
}

function groupOf(
  config: GatewayConfig,
  api: ApiConfig,
): GatewayConfig['groups'][string] | undefined {
  const name = api.group;
  if (name === undefined || !Object.hasOwn(config.groups, name)) return undefined;
  return config.groups[name];
}

function resolveApi(config: GatewayConfig, api: ApiConfig): ResolvedApi {
  const group = groupOf(config, api);
  const target = api.upstream;
  return {
    operationType: api.operationType,
    group: api.group ?? '',
    enabled: api.enabled,
    upstream: upstreamNameOf(config, api) ?? '',
    service: target.service ?? '',
    method: target.method ?? '',
    argTypes: target.argTypes ?? [],
    path: target.path ?? '',
    verb: target.verb ?? 'POST',
    codec: target.codec ?? 'protobuf',
    timeoutMs: api.timeoutMs ?? group?.timeoutMs ?? config.limits.timeoutMs,
    session: api.session ?? group?.session ?? config.sessions.rule,
    accept: api.accept ?? group?.accept ?? config.sessions.accept,
    protocols: api.protocols ?? group?.protocols ?? ['mmtp', 'http'],
    channels: api.channels ?? group?.channels ?? ['wireless', 'pc'],
    limit: resolveLimit(api.limit ?? group?.limit ?? config.limits.default),
    idempotent: api.idempotent,
    bodyRequired: api.body?.required ?? false,
    bodyType: api.body?.type ?? 'any',
    bodyBytesMax: api.body?.bytesMax ?? config.listeners.frameBytesMax,
    requestHeaders: joinChanges(group?.headers?.request, api.headers?.request),
    responseHeaders: joinChanges(group?.headers?.response, api.headers?.response),
    statusMode: api.statusMode ?? group?.statusMode ?? 'code',
    language: api.language ?? group?.language ?? config.runtime.language,
  };
}

function resolveLimit(limit: LimitConfig | undefined): ResolvedLimit | undefined {
  if (limit === undefined || limit.mode === 'closed') return undefined;
  const { qps, mode } = limit;
  return { qps, burst: limit.burst ?? Math.max(1, qps), mode, response: limit.response ?? {} };
}

const NO_CHANGE: HeaderChange = { add: {}, remove: [] };

/** Both changes; where both set a header, the API's value holds, whatever the case of its name. */
function joinChanges(group = NO_CHANGE, api = NO_CHANGE): HeaderChange {
  const own = new Set(Object.keys(api.add).map((name) => name.toLowerCase()));
  const inherited = Object.entries(group.add).filter(([name]) => !own.has(name.toLowerCase()));
  return {
    add: Object.fromEntries([...inherited, ...Object.entries(api.add)]),
    remove: [...new Set([...group.remove, ...api.remove])],
  };
}
