// What a soak runs the gateway with: the APIs that its traffic calls, each there for one kind of
// trouble. Everything else has its default.

import { BOLT_TARGET } from '../rig/gateway-config.ts';

/** Operation types by what they are for. */
export const SoakOperation = {
  bolt: 'soak.bolt',
  http: 'soak.http',
  /** Answers so large that a client can read them slowly. */
  large: 'soak.large',
  /** The service never answers. */
  silent: 'soak.silent',
} as const;

/** Bytes of an answer of `soak.large`. */
export const LARGE_BYTES = 128 * 1024;

/** Calls of `soak.silent` end after this. Ms. */
export const SILENT_TIMEOUT_MS = 150;

/** Ports of the services. */
export interface SoakServices {
  readonly bolt: number;
  readonly http: number;
  readonly large: number;
  readonly silent: number;
}

/** The text of the configuration file. */
export function soakConfig(services: SoakServices): string {
  const http = (port: number) => ({ protocol: 'http', hosts: [`127.0.0.1:${port}`] });
  const path = { path: '/account/get', verb: 'POST' };
  return JSON.stringify({
    upstreams: {
      bolt: { protocol: 'bolt', hosts: [`127.0.0.1:${services.bolt}`] },
      http: http(services.http),
      large: http(services.large),
      silent: http(services.silent),
    },
    apis: [
      {
        operationType: SoakOperation.bolt,
        upstream: { name: 'bolt', ...BOLT_TARGET },
        session: 'required',
      },
      {
        operationType: SoakOperation.http,
        upstream: { name: 'http', ...path },
        session: 'required',
      },
      { operationType: SoakOperation.large, upstream: { name: 'large', ...path } },
      {
        operationType: SoakOperation.silent,
        upstream: { name: 'silent', ...path },
        timeoutMs: SILENT_TIMEOUT_MS,
      },
    ],
  });
}
