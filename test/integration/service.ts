// An HTTP service whose answers a test decides, with what it saw of every request.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request as the service saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  /** Name, value, name, value ... as they arrived. */
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers one request whose body has arrived. */
export type Answer = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void;

/** A service in this process. */
export class Service {
  readonly seen: Seen[] = [];
  /** Connections open now. */
  readonly sockets = new Set<Socket>();
  /** Connections accepted so far. */
  connections = 0;
  answer: Answer;
  readonly #server: Server;

  constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('error', () => {});
      response.on('error', () => {});
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const { method = '', url = '', rawHeaders, headers } = request;
        const body = Buffer.concat(parts).toString('utf8');
        const seen = { method, url, rawHeaders, headers, body };
        this.seen.push(seen);
        this.answer(seen, response, request);
      });
    });
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `HOST:PORT` for a configuration. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The last request that arrived. */
  get last(): Seen {
    return this.seen.at(-1)!;
  }

  async listen(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Answers the body that came, as JSON. */
export const echo: Answer = (seen, response) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(seen.body);
};

/** Starts a service. */
export function startService(answer: Answer = echo): Promise<Service> {
  return new Service(answer).listen();
}
