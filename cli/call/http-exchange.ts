// One HTTP/1.1 request and its whole answer. Invariant: it settles once, by answer, error or time,
// and an answer never takes more memory than the limit.

import type { Agent, IncomingMessage, RequestOptions } from 'node:http';

/** PERF: an `import` of node:http takes ten times as long; see workers/admin/admin-server.ts. */
const { request: openRequest } = process.getBuiltinModule('node:http');

/** LIMIT: longest answer that is read, in bytes. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What is asked. */
export interface HttpExchange {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Keeps connections; undefined: one connection for this request. */
  readonly agent?: Agent | undefined;
  /** For everything together. */
  readonly timeoutMs: number;
}

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** From the open connection to the end of the answer. */
  readonly ms: number;
}

/** Why there is no answer. */
export type HttpErrorCode = 'HTTP_CONNECT' | 'HTTP_CLOSED' | 'HTTP_TIMEOUT' | 'HTTP_PROTOCOL';

/** A request without an answer. */
export class HttpError extends Error {
  readonly code: HttpErrorCode;

  constructor(code: HttpErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Sends a request and reads its answer.
 *
 * @throws HttpError when there is none
 */
export function exchangeHttp(exchange: HttpExchange): Promise<HttpAnswer> {
  const { url, method, headers, body, agent, timeoutMs } = exchange;
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const length = { 'content-length': String(body.length) };
  const options: RequestOptions = { method, headers: { ...headers, ...length } };
  options.agent = agent ?? false;
  const request = openRequest(url, options);
  let startedMs = performance.now();
  let isConnected = false;
  const timer = setTimeout(() => {
    request.destroy(timeoutError(timeoutMs, isConnected));
  }, timeoutMs);
  request.once('socket', (socket) => {
    isConnected = !socket.connecting;
    if (isConnected) return;
    socket.once('connect', () => {
      isConnected = true;
      startedMs = performance.now();
    });
  });
  request.once('error', (error) => {
    clearTimeout(timer);
    reject(httpError(error, isConnected));
  });
  request.once('response', (response) => {
    readAnswer(response, startedMs)
      .then(resolve, (error: unknown) => {
        request.destroy();
        reject(httpError(error, isConnected));
      })
      .finally(() => clearTimeout(timer));
  });
  request.end(body);
  return promise;
}

async function readAnswer(response: IncomingMessage, startedMs: number): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new HttpError('HTTP_PROTOCOL', `The answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  const { rawHeaders, statusCode = 0 } = response;
  const headers: (readonly [string, string])[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  }
  const ms = performance.now() - startedMs;
  return { status: statusCode, headers, body: Buffer.concat(chunks), ms };
}

function timeoutError(timeoutMs: number, isConnected: boolean): HttpError {
  if (isConnected) return new HttpError('HTTP_TIMEOUT', `No answer within ${timeoutMs} ms`);
  const text = `no connection within ${timeoutMs} ms`;
  return new HttpError('HTTP_CONNECT', text, new Error(text));
}

function httpError(error: unknown, isConnected: boolean): HttpError {
  if (error instanceof HttpError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (!isConnected) return new HttpError('HTTP_CONNECT', message, error);
  if (code.startsWith('HPE_')) {
    return new HttpError('HTTP_PROTOCOL', `The answer is not HTTP: ${message}`, error);
  }
  return new HttpError('HTTP_CLOSED', `The connection ended before the answer: ${message}`, error);
}
