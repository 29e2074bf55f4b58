// From a configuration snapshot to what requests run on: APIs with their targets and filter chains
// in a routing table. Cold path; everything it makes is immutable, except token buckets and
// counters, which belong to operation types and outlive snapshots.

import type { TokenBucket } from '#core/base/token-bucket.ts';
import type { Language } from '#core/base/result-codes.ts';
import {
  SessionPolicy,
  StatusMode,
  type Api,
  type ApiRecorder,
  type CompiledTarget,
  type HeaderRules,
  type LimitRule,
} from '#core/pipeline/api.ts';
import { compileChain } from '#core/pipeline/chain.ts';
import type { FilterFactory } from '#core/pipeline/filter.ts';
import { Router } from '#core/routing/router.ts';
import type { HeaderChange, ResolvedApi, ResolvedLimit } from '#config/resolve-api.ts';
import type { Frozen, GatewayConfig } from '#config/schema.ts';

export interface CompileOptions {
  readonly config: GatewayConfig;
  readonly apis: readonly Frozen<ResolvedApi>[];
  readonly factories: readonly FilterFactory[];
  readonly bucketOf: (operationType: string, limit: Frozen<ResolvedLimit>) => TokenBucket;
  readonly compileTarget: (api: Frozen<ResolvedApi>) => CompiledTarget | null;
  readonly recorderOf: (operationType: string) => ApiRecorder;
  readonly unknownRecorder: ApiRecorder;
}

const DEFAULT_OPERATION = '*';

const ALL_PROTOCOLS = 0b11;
const ALL_CHANNELS = 0b110;
const PROTOCOL_BITS = { mmtp: 0b01, http: 0b10 } as const;
const CHANNEL_BITS = { wireless: 0b010, pc: 0b100 } as const;
const NO_RULES: HeaderRules = { add: [], remove: [] };

/** Compiles the routing table of one snapshot. */
export function compileRouter(options: CompileOptions): Router {
  const { config, factories } = options;
  const compiled = options.apis.map((api) => compileApi(api, options));
  const unknown = unknownApi(config.runtime.language, options.unknownRecorder);
  return new Router({
    revision: config.revision,
    apis: compiled,
    unknownApi: { ...unknown, chain: compileChain(factories, unknown) },
  });
}

function compileApi(api: Frozen<ResolvedApi>, options: CompileOptions): Api {
  const target = options.compileTarget(api);
  const base: Omit<Api, 'chain'> = {
    operationType: api.operationType,
    group: api.group,
    isEnabled: api.enabled,
    isDefault: api.operationType === DEFAULT_OPERATION,
    isUnknown: false,
    timeoutMs: api.timeoutMs,
    sessionPolicy: SessionPolicy[api.session],
    acceptsCompact: api.accept.includes('compact'),
    acceptsLegacy: api.accept.includes('legacy'),
    protocols: api.protocols.reduce((bits, name) => bits | PROTOCOL_BITS[name], 0),
    channels: api.channels.reduce((bits, name) => bits | CHANNEL_BITS[name], 0),
    isIdempotent: api.idempotent,
    bodyRequired: api.bodyRequired,
    bodyIsJson: api.bodyType === 'json',
    bodyBytesMax: api.bodyBytesMax,
    statusMode: api.statusMode === 'http' ? StatusMode.http : StatusMode.code,
    language: api.language,
    isPathRouted: api.path !== '',
    limit: compileLimit(api.operationType, api.limit, options.bucketOf),
    requestHeaders: compileRules(api.requestHeaders),
    responseHeaders: compileRules(api.responseHeaders),
    target,
    recorder: options.recorderOf(api.operationType),
  };
  return { ...base, chain: compileChain(options.factories, base) };
}

/** Everything that is not there: the api filter answers 3000. */
function unknownApi(language: Language, recorder: ApiRecorder): Omit<Api, 'chain'> {
  return {
    operationType: '',
    group: '',
    isEnabled: false,
    isDefault: false,
    isUnknown: true,
    timeoutMs: 1000,
    sessionPolicy: SessionPolicy.none,
    acceptsCompact: false,
    acceptsLegacy: false,
    protocols: ALL_PROTOCOLS,
    channels: ALL_CHANNELS,
    isIdempotent: false,
    bodyRequired: false,
    bodyIsJson: false,
    bodyBytesMax: Number.MAX_SAFE_INTEGER,
    statusMode: StatusMode.code,
    language,
    isPathRouted: false,
    limit: null,
    requestHeaders: NO_RULES,
    responseHeaders: NO_RULES,
    target: null,
    recorder,
  };
}

function compileLimit(
  operationType: string,
  limit: Frozen<ResolvedLimit> | undefined,
  bucketOf: CompileOptions['bucketOf'],
): LimitRule | null {
  if (limit === undefined || limit.mode === 'closed') return null;
  const { result, tips, resultStatus } = limit.response;
  const hasAnswer = result !== undefined || tips !== undefined || resultStatus !== undefined;
  return {
    mode: limit.mode,
    bucket: bucketOf(operationType, limit),
    answer: hasAnswer
      ? {
          resultCode: resultStatus ?? LIMITED,
          tips: tips ?? '',
          body: result === undefined ? EMPTY : Buffer.from(resultText(result)),
        }
      : null,
  };
}

const LIMITED = 1002;
const EMPTY = Buffer.alloc(0);

function resultText(result: unknown): string {
  return typeof result === 'string' ? result : JSON.stringify(result);
}

function compileRules({ add, remove }: Frozen<HeaderChange>): HeaderRules {
  return { add: Object.entries(add), remove: remove.map((name) => name.toLowerCase()) };
}
