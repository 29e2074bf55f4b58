// Calls by HTTP: POST /mgw.htm with the operation type in a header, over sockets that are kept.

import type { Agent } from 'node:http';
import { mediaTypeName, parseMediaType } from '#core/codec/http1/media-type.ts';
import { exchangeHttp, HttpError } from './http-exchange.ts';
import type { HttpAnswer, HttpExchange } from './http-exchange.ts';
import { CallFailure, connectHint, reasonText } from './target.ts';
import type { CallConnection, CallRequest, CallResult, CallTarget } from './target.ts';

const { Agent: HttpAgent } = process.getBuiltinModule('node:http');

/** A call without --timeout-ms is given up after this. */
const CALL_TIMEOUT_MS = 10_000;
/** The gateway's own answer to a timeout (4001) may take this much longer than the call's time. */
const CALL_GRACE_MS = 1000;

/** Version of the MGS-style request. */
const REQUEST_VERSION = '2';

/** A gateway's HTTP port. */
export class HttpTarget implements CallTarget, CallConnection {
  readonly label: string;
  readonly #agent: Agent;
  readonly #exchange: HttpExchange;

  /** @param sockets that are open at once */
  constructor(url: URL, request: CallRequest, sockets: number) {
    this.label = `HTTP ${url.href}`;
    this.#agent = new HttpAgent({ keepAlive: true, maxSockets: sockets });
    this.#exchange = {
      url,
      method: 'POST',
      headers: headersOf(request),
      body: request.body,
      agent: this.#agent,
      timeoutMs: (request.timeoutMs ?? CALL_TIMEOUT_MS) + CALL_GRACE_MS,
    };
  }

  /** The sockets are shared: every connection is the target itself. */
  async connect(): Promise<CallConnection> {
    return this;
  }

  details(): readonly string[] {
    return [];
  }

  async call(): Promise<CallResult> {
    try {
      return resultOf(await exchangeHttp(this.#exchange));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const { code, cause } = error;
      const isConnect = code === 'HTTP_CONNECT';
      const text = isConnect
        ? `Cannot connect to ${this.label}: ${reasonText(cause)}`
        : error.message;
      throw new CallFailure(code, text, hintOf(error), error);
    }
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }
}

function headersOf(request: CallRequest): Readonly<Record<string, string>> {
  const { operationType, contentType, session, deviceId, headers } = request;
  const fields: Record<string, string> = {
    'operation-type': operationType,
    'content-type': mediaTypeName(contentType),
    version: REQUEST_VERSION,
  };
  if (session !== null) fields['mgw-session'] = session.toString('base64url');
  if (deviceId !== undefined) fields['did'] = deviceId;
  for (const [name, value] of headers) fields[name.toLowerCase()] = value;
  return fields;
}

function resultOf({ status, headers, body, ms }: HttpAnswer): CallResult {
  const byName = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  const code = Number(byName.get('result-status') ?? 0);
  const mediaType = Buffer.from(byName.get('content-type') ?? '', 'latin1');
  return {
    resultCode: Number.isInteger(code) ? code : 0,
    httpStatus: status,
    memo: decodeText(byName.get('memo') ?? ''),
    tips: decodeText(byName.get('tips') ?? ''),
    headers,
    contentType: parseMediaType(mediaType, 0, mediaType.length),
    body,
    ms,
  };
}

/** Memo and Tips are percent-encoded UTF-8; text that is not stays as it is. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hintOf(error: HttpError): string {
  switch (error.code) {
    case 'HTTP_TIMEOUT':
      return '--timeout-ms N waits longer.';
    case 'HTTP_PROTOCOL':
      return 'Is that an HTTP port? For the Mmtp port give --mmtp HOST:PORT.';
    case 'HTTP_CLOSED':
      return 'The gateway is being stopped, or that is no HTTP port.';
    case 'HTTP_CONNECT':
      return connectHint(error.cause, '--http URL');
  }
}
