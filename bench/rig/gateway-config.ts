// The configuration that benchmarks run the gateway with: the full chain of filters, nothing
// switched off that is on by default. Invariant: only what a case is about differs between cases.

/** What stands behind the gateway. */
export type UpstreamKind = 'bolt' | 'http';

/** How requests of a case carry sessions: verified each time, from the cache, or not at all. */
export type SessionMode = 'cold' | 'cached' | 'none';

/** The one API of a benchmark. */
export const OPERATION = 'bench.account.get';

/** Environment variable that gives all gateways of a run a profile. */
export const PROFILE_VARIABLE = 'MGW_PROFILE';

/** Beyond what any machine reaches: the limit filter works and never refuses. */
export const LIMIT_QPS = 10_000_000;

/** What the API is at a Bolt service. */
export const BOLT_TARGET = {
  service: 'com.example.bench.AccountFacade:1.0',
  method: 'get',
  codec: 'protobuf',
} as const;

/** Sessions that the gateway remembers in cached cases; more than a generator has. */
export const CACHE_ENTRIES = 8192;

/** A gateway of one case. */
export interface GatewaySetup {
  readonly upstream: UpstreamKind;
  readonly session: SessionMode;
  /** One thread unless given. */
  readonly threads?: ThreadSetup;
}

/** Threads of a gateway, and where requests run. */
export interface ThreadSetup {
  /** Lanes beside the acceptor's own. */
  readonly workers: number;
  readonly placement: 'inline' | 'pool' | 'adaptive';
}

/** The text of the configuration file. */
export function gatewayConfig(setup: GatewaySetup, servicePort: number): string {
  const isBolt = setup.upstream === 'bolt';
  const target = isBolt ? BOLT_TARGET : { path: '/account/get', verb: 'POST' };
  return JSON.stringify({
    upstreams: { service: { protocol: setup.upstream, hosts: [`127.0.0.1:${servicePort}`] } },
    apis: [
      {
        operationType: OPERATION,
        upstream: { name: 'service', ...target },
        session: setup.session === 'none' ? 'none' : 'required',
        limit: { qps: LIMIT_QPS },
      },
    ],
    sessions: { cacheEntries: setup.session === 'cached' ? CACHE_ENTRIES : 0 },
  });
}
