// The sample HTTP service: its own process, so that `mgw dev` shows real hops. Request bodies are
// spliced into answers as text, never parsed and written again: 64-bit integers stay what they are.
//
//   POST /demo.echo         -> {"echo": <request body>}
//   POST /demo.account.get  -> {"uid": "<Mgw-Uid>", "shard": "<Mgw-Shard, two digits>"}
//   POST /demo.slow         -> {"ms": N} after N milliseconds; the body is {"ms": N}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { announceReady, endOnSignal, portFlag } from './sample-process.ts';

/** LIMIT: longest request body, in bytes. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** LIMIT: longest time `demo.slow` waits. */
const SLOW_MS_MAX = 30_000;

/** Longer than the gateway keeps idle connections: the gateway closes first and never races. */
const KEEP_ALIVE_MS = 60_000;

const HOST = '127.0.0.1';

/** Answers to one request; `body` is its text. */
type Handler = (request: IncomingMessage, body: string) => string | Promise<string>;

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['/demo.echo', (_request, body) => `{"echo":${checkedJson(body)}}`],
  ['/demo.account.get', (request) => account(request)],
  ['/demo.slow', (_request, body) => slow(body)],
]);

/** What a request gets when its body is no JSON. */
class BadRequest extends Error {}

function checkedJson(body: string): string {
  if (body === '') return 'null';
  try {
    JSON.parse(body);
  } catch {
    throw new BadRequest('The request body is no JSON');
  }
  return body;
}

function account(request: IncomingMessage): string {
  const uid = headerText(request, 'mgw-uid');
  const shard = headerText(request, 'mgw-shard').padStart(2, '0');
  return JSON.stringify({ uid, shard });
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

function headerText(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

/** The whole body as text, or null when it is longer than the limit. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function answer(response: ServerResponse, status: number, body: string): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': bytes.length,
  });
  response.end(bytes);
}

function answerError(response: ServerResponse, status: number, text: string): void {
  answer(response, status, JSON.stringify({ error: text }));
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0]!;
  const handler = HANDLERS.get(path);
  if (handler === undefined) {
    request.resume();
    answerError(response, 404, `This service has no ${path}`);
    return;
  }
  try {
    const body = await readBody(request);
    if (body === null) {
      response.setHeader('Connection', 'close');
      answerError(response, 413, `The request body is longer than ${BODY_BYTES_MAX} bytes`);
      return;
    }
    answer(response, 200, await handler(request, body));
  } catch (error) {
    if (request.destroyed && !request.complete) return;
    const isBad = error instanceof BadRequest;
    answerError(response, isBad ? 400 : 500, error instanceof Error ? error.message : 'failed');
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

const server = createServer((request, response) => void serve(request, response));
server.keepAliveTimeout = KEEP_ALIVE_MS;
endOnSignal(() => close(server));
announceReady('sample-http', { http: await listen(server, portFlag()) });
