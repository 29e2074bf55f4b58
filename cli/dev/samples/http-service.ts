// The sample HTTP service: its own process, so that `mgw dev` shows real hops. `POST /<operation>`
// is answered by that operation's handler; who the user is, the gateway says in headers.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BadRequest, DEMO_HANDLERS, type DemoHandler } from './demo-handlers.ts';
import { announceReady, endOnSignal, portFlag } from './sample-process.ts';

/** LIMIT: longest request body, in bytes. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** Longer than the gateway keeps idle connections: the gateway closes first and never races. */
const KEEP_ALIVE_MS = 60_000;

const HOST = '127.0.0.1';

const HANDLERS: ReadonlyMap<string, DemoHandler> = new Map(
  Object.entries(DEMO_HANDLERS).map(([operationType, handler]) => [`/${operationType}`, handler]),
);

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
    const uid = headerText(request, 'mgw-uid');
    const shard = headerText(request, 'mgw-shard');
    answer(response, 200, await handler({ body, uid, shard }));
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
