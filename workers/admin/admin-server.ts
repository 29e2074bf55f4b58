// The admin API's HTTP server, one a process: figures, probes, configuration, draining. It listens
// on loopback, answers JSON, and does what routes and source say.
// Invariants: nothing but the probes is answered without the token (unless opened on purpose),
// bodies are bounded, and no failure of a handler reaches the process.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bindErrorText } from '../bind-error.ts';
import { ADMIN_ROUTES, type AdminAnswer, type AdminRoute } from './admin-routes.ts';
import type { AdminSource } from './admin-source.ts';
import { AdminTokenFile } from './admin-token-file.ts';
import type { AdminToken } from './admin-token.ts';
import { refusalOf } from './request-guard.ts';

/** Settings of {@link AdminServer}. */
export interface AdminServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** File that has the token or gets one; `open`: no token is needed. */
  readonly access: { readonly tokenFile: string } | 'open';
  readonly source: AdminSource;
  /** Gets what handlers throw; the client gets a 500 without details. */
  readonly onError: (error: unknown) => void;
}

/** LIMIT: a configuration of 10,000 APIs has about 3 MB. */
export const ADMIN_BODY_BYTES_MAX = 4 * 1024 * 1024;

/** LIMIT: a handful of probes, scrapers and people. */
const CONNECTIONS_MAX = 64;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;

/**
 * PERF: an `import` of node:http reads all its exports, one of which loads the WebSocket client: it
 * takes 30 ms of the start where this takes 3.
 */
const { createServer } = process.getBuiltinModule('node:http');

/** The running admin API. */
export class AdminServer {
  readonly host: string;
  readonly port: number;
  /** File that holds the token; '' when none is needed. */
  readonly tokenFile: string;
  /** What clients must present; null: nothing. */
  readonly token: AdminToken | null;
  readonly #file: AdminTokenFile | null;
  readonly #server: Server;

  private constructor(host: string, server: Server, file: AdminTokenFile | null) {
    this.host = host;
    this.port = (server.address() as AddressInfo).port;
    this.token = file?.token ?? null;
    this.tokenFile = file?.path ?? '';
    this.#file = file;
    this.#server = server;
  }

  /**
   * Listens, then reads or makes the token file: of processes that start together, one that finds
   * the port taken must not have made, and remove, the file of the other. Rejects with a text for
   * people.
   */
  static async listen(options: AdminServerOptions): Promise<AdminServer> {
    const { access, host } = options;
    const opened = Promise.withResolvers<AdminToken | null>();
    const server = createServer((request, response) => {
      void opened.promise.then((token) => respond(options, token, request, response));
    });
    server.maxConnections = CONNECTIONS_MAX;
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    await bind(server, options);
    try {
      const file = access === 'open' ? null : await AdminTokenFile.open(access.tokenFile);
      opened.resolve(file?.token ?? null);
      return new AdminServer(host, server, file);
    } catch (error) {
      await end(server);
      throw error;
    }
  }

  /** Stops listening, ends all connections and removes the token file if it is ours. */
  async close(): Promise<void> {
    await end(this.#server);
    await this.#file?.close();
  }
}

function end(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}

function bind(server: Server, { host, port }: AdminServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(new Error(bindErrorText('admin', host, port, error), { cause: error }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

async function respond(
  options: AdminServerOptions,
  token: AdminToken | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: AdminAnswer;
  let text: string;
  try {
    answer = await answerTo(options, token, request, response);
    text = answerText(answer);
  } catch (error) {
    options.onError(error);
    answer = failure(500, 'The request failed inside the gateway; its log has the reason');
    text = answerText(answer);
  }
  if (!response.destroyed) send(request, response, answer, text);
}

async function answerTo(
  options: AdminServerOptions,
  token: AdminToken | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<AdminAnswer> {
  const refusal = refusalOf(request, options.host);
  if (refusal !== null) return failure(403, refusal);
  const target = request.url ?? '/';
  const queryAt = target.indexOf('?');
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const routes = ADMIN_ROUTES.filter((route) => route.path === path);
  if (routes.length === 0) return unknownPath(path);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes.find((candidate) => candidate.method === method);
  if (route === undefined) {
    const allowed = routes.flatMap((one) => (one.method === 'GET' ? ['GET', 'HEAD'] : one.method));
    response.setHeader('Allow', allowed.join(', '));
    return failure(405, `${path} takes ${allowed.join(', ')}`);
  }
  if (!mayUse(route, token, request)) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="mgw admin"');
    return failure(401, 'Send "Authorization: Bearer <token>" with the token of the token file');
  }
  const body = method === 'GET' ? '' : await readBody(request);
  if (typeof body !== 'string') return body;
  const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const query = new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt + 1));
  const { source, onError } = options;
  return route.handle(source, { body, mediaType, query, onError });
}

function mayUse(route: AdminRoute, token: AdminToken | null, request: IncomingMessage): boolean {
  return route.isPublic || token === null || token.isCarriedBy(request.headers.authorization);
}

/** The body as text, or the answer to a body that is too large or no text. */
async function readBody(request: IncomingMessage): Promise<string | AdminAnswer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return failure(415, `Content-Encoding "${encoding}" is not taken`);
  if (Number(request.headers['content-length'] ?? 0) > ADMIN_BODY_BYTES_MAX) return tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Leaving the loop must not destroy the stream: the socket still carries the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > ADMIN_BODY_BYTES_MAX) return tooLarge();
    }
  } catch {
    return failure(400, 'The body did not arrive');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    return failure(400, 'The body is not UTF-8 text');
  }
}

function tooLarge(): AdminAnswer {
  return failure(413, `The body is larger than ${ADMIN_BODY_BYTES_MAX} bytes`);
}

function failure(status: number, error: string): AdminAnswer {
  return { status, body: { error } };
}

function unknownPath(path: string): AdminAnswer {
  const paths = ADMIN_ROUTES.map((route) => `${route.method} ${route.path}: ${route.does}`);
  return { status: 404, body: { error: `There is no ${path.slice(0, 100)} here`, paths } };
}

function answerText(answer: AdminAnswer): string {
  return answer.text ?? `${JSON.stringify(answer.body ?? {}, null, 2)}\n`;
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: AdminAnswer,
  text: string,
): void {
  response.statusCode = answer.status;
  response.setHeader('Content-Type', answer.mediaType ?? 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  // A body that nobody read must not be taken for the next request, nor be read to its end.
  if (!request.complete) response.setHeader('Connection', 'close');
  response.end(text);
}
