// An API as core/compile-router makes it, with every field at its plainest, for tests and
// benchmarks that set the one or two fields they are about.

import { SessionPolicy, StatusMode, type Api } from '#core/pipeline/api.ts';
import { compileChain } from '#core/pipeline/chain.ts';
import type { FilterFactory } from '#core/pipeline/filter.ts';

/** Fields of an API without its chain. */
export type ApiBase = Omit<Api, 'chain'>;

/** An enabled API that takes everything from everyone. */
export function apiBase(overrides: Partial<ApiBase> = {}): ApiBase {
  return {
    operationType: 'test.call',
    group: '',
    isEnabled: true,
    isDefault: false,
    isUnknown: false,
    timeoutMs: 3000,
    sessionPolicy: SessionPolicy.none,
    acceptsCompact: true,
    acceptsLegacy: false,
    protocols: 0b11,
    channels: 0b110,
    isIdempotent: false,
    bodyRequired: false,
    bodyIsJson: false,
    bodyBytesMax: 1024,
    statusMode: StatusMode.code,
    language: 'en',
    isPathRouted: false,
    limit: null,
    requestHeaders: { add: [], remove: [] },
    responseHeaders: { add: [], remove: [] },
    target: null,
    recorder: { record: () => {} },
    ...overrides,
  };
}

/** An API with the chain that `factories` compile to. */
export function makeApi(
  overrides: Partial<ApiBase> = {},
  factories: readonly FilterFactory[] = [],
): Api {
  const base = apiBase(overrides);
  return { ...base, chain: compileChain(factories, base) };
}
