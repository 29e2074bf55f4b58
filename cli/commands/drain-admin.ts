// The admin API of a gateway as `mgw drain` uses it.

import { exchangeHttp, HttpError } from '../call/http-exchange.ts';
import type { HttpAnswer } from '../call/http-exchange.ts';

const REQUEST_TIMEOUT_MS = 2000;
const NO_BODY = Buffer.alloc(0);

const OK = 200;
const UNAVAILABLE = 503;

/** What a look at the gateway tells. */
export type AdminState =
  /** It drains. */
  | 'draining'
  /** Nobody listens there any more. */
  | 'gone'
  /** Somebody is ready there: a new process has taken the port. */
  | 'replaced'
  /** No answer this time. */
  | 'silent';

/** What is still to be done. */
export interface OpenWork {
  readonly requests: number;
  readonly connections: number;
}

/** One gateway's admin API. */
export class DrainApi {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param token null: none */
  constructor(base: URL, token: string | null) {
    this.#base = base;
    this.#headers = token === null ? {} : { authorization: `Bearer ${token}` };
  }

  /**
   * Asks the gateway to drain.
   *
   * @throws HttpError when there is no answer
   */
  requestDrain(): Promise<HttpAnswer> {
    return this.#send('POST', '/drain');
  }

  /** Looks whether it is still there. */
  async state(): Promise<AdminState> {
    try {
      const { status } = await this.#send('GET', '/readyz');
      if (status === OK) return 'replaced';
      return status === UNAVAILABLE ? 'draining' : 'silent';
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return error.code === 'HTTP_CONNECT' ? 'gone' : 'silent';
    }
  }

  /** Open requests and connections of all lanes; null when it does not tell. */
  async openWork(): Promise<OpenWork | null> {
    try {
      const { status, body } = await this.#send('GET', '/lanes');
      return status === OK ? sumOf(JSON.parse(body.toString())) : null;
    } catch {
      // Only the line of progress needs it; the state tells whether the gateway is there.
      return null;
    }
  }

  #send(method: string, path: string): Promise<HttpAnswer> {
    const url = new URL(path, this.#base);
    const headers = this.#headers;
    return exchangeHttp({ url, method, headers, body: NO_BODY, timeoutMs: REQUEST_TIMEOUT_MS });
  }
}

interface Lane {
  readonly openExchanges?: number;
  readonly connections?: Readonly<Record<string, number>>;
}

function sumOf(value: unknown): OpenWork | null {
  if (!Array.isArray(value)) return null;
  let requests = 0;
  let connections = 0;
  for (const lane of value as readonly Lane[]) {
    requests += lane.openExchanges ?? 0;
    for (const count of Object.values(lane.connections ?? {})) connections += count;
  }
  return { requests, connections };
}
