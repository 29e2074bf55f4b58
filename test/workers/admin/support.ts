// An admin server over a source that the test writes, and a client that may send anything.

import { connect } from 'node:net';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AdminSource } from '#workers/admin/admin-source.ts';
import { AdminServer } from '#workers/admin/admin-server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A healthy process that remembers what it was told. */
export class FakeSource implements AdminSource {
  reasons: string[] = [];
  level = 'info';
  drains = 0;
  configs: [text: string, mediaType: string][] = [];
  failure: Error | null = null;

  health(): { healthy: boolean; reasons: string[] } {
    return { healthy: this.reasons.length === 0, reasons: this.reasons };
  }

  ready(): { ready: boolean; reasons: string[] } {
    return { ready: this.reasons.length === 0, reasons: this.reasons };
  }

  async stats(): Promise<object> {
    if (this.failure !== null) throw this.failure;
    return { requests: 5 };
  }

  async metricsText(): Promise<string> {
    return '# HELP a A\n# TYPE a gauge\na 1\n';
  }

  config(): object {
    return { revision: 7 };
  }

  async apis(): Promise<object> {
    return [{ operationType: 'demo.echo' }];
  }

  async clusters(): Promise<object> {
    return [{ name: 'app' }];
  }

  sessions(): object {
    return { keys: 1 };
  }

  async lanes(): Promise<object> {
    return { circular: 10n };
  }

  async putConfig(text: string, mediaType: string): ReturnType<AdminSource['putConfig']> {
    this.configs.push([text, mediaType]);
    if (!text.includes('bad'))
      return { ok: true, revision: 8, hash: 'abc', needsRestart: ['runtime.zone'] };
    return { ok: false, problems: [{ path: 'apis[0].group', message: 'no such group', line: 3 }] };
  }

  async drain(): Promise<void> {
    this.drains++;
    if (this.failure !== null) throw this.failure;
  }

  setLogLevel(level: string): boolean {
    if (level !== 'debug' && level !== 'info') return false;
    this.level = level;
    return true;
  }
}

/** A server with its source, and what its handlers threw. */
export class Harness {
  readonly source = new FakeSource();
  readonly errors: unknown[] = [];
  server!: AdminServer;

  async listen(access: { tokenFile: string } | 'open'): Promise<void> {
    this.server = await AdminServer.listen({
      host: '127.0.0.1',
      port: 0,
      access,
      source: this.source,
      onError: (error) => void this.errors.push(error),
    });
  }

  /** One request; the right token goes with it unless the headers say otherwise. */
  send(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: string | Buffer; bare?: boolean } = {},
  ): Promise<Answer> {
    const { port, token } = this.server;
    const own: Record<string, string> =
      token === null || options.bare === true ? {} : { authorization: `Bearer ${token.text}` };
    const headers = { ...own, ...options.headers };
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, method, path, headers, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode!, headers: response.headers, text });
          });
        },
      );
      request.on('error', reject);
      request.end(options.body);
    });
  }

  /** Sends bytes as they are and answers everything received until the server closes. */
  sendRaw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(this.server.port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    });
  }
}

/** Parsed JSON body of an answer. */
export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>;
}
