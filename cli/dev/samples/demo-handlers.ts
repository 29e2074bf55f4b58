// What the sample service does, whoever asks: as an HTTP service of its own behind a gateway, or
// with the gateway in its process. Request bodies are spliced into answers as text, never parsed
// and written again: 64-bit integers stay what they are.
//
//   demo.echo         -> {"echo": <request body>}
//   demo.account.get  -> {"uid": "<user of the session>", "shard": "<two digits>"}
//   demo.slow         -> {"ms": N} after N milliseconds; the body is {"ms": N}

import { setTimeout as delay } from 'node:timers/promises';

/** LIMIT: longest time `demo.slow` waits. */
const SLOW_MS_MAX = 30_000;

/** A request, however it came. */
export interface DemoRequest {
  readonly body: string;
  /** Empty without a session. */
  readonly uid: string;
  readonly shard: string;
}

/** Answers one request with JSON. @throws BadRequest when the body is not right */
export type DemoHandler = (request: DemoRequest) => string | Promise<string>;

/** A request that cannot be answered as it is. */
export class BadRequest extends Error {}

/** By operation type. */
export const DEMO_HANDLERS: Readonly<Record<string, DemoHandler>> = {
  'demo.echo': ({ body }) => `{"echo":${checkedJson(body)}}`,
  'demo.account.get': ({ uid, shard }) => JSON.stringify({ uid, shard: shard.padStart(2, '0') }),
  'demo.slow': ({ body }) => slow(body),
};

function checkedJson(body: string): string {
  if (body === '') return 'null';
  try {
    JSON.parse(body);
  } catch {
    throw new BadRequest('The request body is no JSON');
  }
  return body;
}

async function slow(body: string): Promise<string> {
  const parsed: unknown = JSON.parse(checkedJson(body));
  // Clients of this generation send their arguments as an array of one.
  const argument: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  const asked = (argument as { ms?: unknown } | null)?.ms;
  if (typeof asked !== 'number' || !(asked >= 0)) {
    throw new BadRequest('demo.slow needs {"ms": N} with N from 0');
  }
  const ms = Math.min(Math.floor(asked), SLOW_MS_MAX);
  await delay(ms);
  return JSON.stringify({ ms });
}
