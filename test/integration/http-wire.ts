// An HTTP/1.1 client for tests that sees bytes: requests are written as they are given, answers are
// taken apart by a parser of its own that refuses what RFC 9112 does not allow.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Signal, within } from './wait.ts';

/** One answer. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Head as it arrived. */
  readonly head: string;
}

/** The value of the first header named `name`, or undefined. */
export function headerOf(answer: WireAnswer, name: string): string | undefined {
  const lower = name.toLowerCase();
  return answer.headers.find(([key]) => key.toLowerCase() === lower)?.[1];
}

/** Result code of an answer. */
export function codeOf(answer: WireAnswer): number {
  return Number(headerOf(answer, 'result-status'));
}

/** A request to `/mgw.htm` as bytes. */
export function callBytes(
  operationType: string,
  body = '',
  headers: readonly string[] = [],
  method = 'POST',
): string {
  const lines = [
    `${method} /mgw.htm HTTP/1.1`,
    'Host: gateway.test',
    `Operation-Type: ${operationType}`,
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** One connection to an HTTP listener. */
export class HttpWire {
  readonly socket: Socket;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  readonly #events = new Signal();

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (part: Buffer) => {
      this.#bytes = this.#bytes.length === 0 ? part : Buffer.concat([this.#bytes, part]);
      this.#events.fire();
    });
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.#hasEnded = true;
      this.#events.fire();
    });
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#hasEnded = true;
        this.#events.fire();
        resolve();
      }),
    );
  }

  /** Bytes that arrived and belong to no answer taken so far. */
  get unread(): Buffer {
    return this.#bytes;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Writes a request and takes its answer. */
  call(bytes: string | Uint8Array, isHead = false): Promise<WireAnswer> {
    this.write(bytes);
    return this.answer(isHead);
  }

  /** Takes the next answer; rejects when the connection ends first. 1xx are answers too. */
  answer(isHead = false): Promise<WireAnswer> {
    return within(this.#answer(isHead), 'an answer');
  }

  async #answer(isHead: boolean): Promise<WireAnswer> {
    let headEnd: number;
    while ((headEnd = this.#bytes.indexOf('\r\n\r\n')) < 0) await this.#more('a head');
    const head = this.#take(headEnd + 4).toString('latin1');
    const { status, headers } = parseHead(head);
    const answer = { status, headers, head };
    const length = values(headers, 'content-length');
    const coding = values(headers, 'transfer-encoding');
    assert.ok(length.length + coding.length <= 1, `answer is framed twice: ${head}`);
    if (isHead || status < 200 || status === 204 || status === 304) {
      return { ...answer, body: Buffer.alloc(0) };
    }
    if (coding.length > 0) return { ...answer, body: await this.#chunks() };
    if (length.length > 0) {
      assert.match(length[0]!, /^\d+$/);
      return { ...answer, body: await this.#exactly(Number(length[0])) };
    }
    while (!this.#hasEnded) await this.#events.next();
    return { ...answer, body: this.#take(this.#bytes.length) };
  }

  async #chunks(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      let lineEnd: number;
      while ((lineEnd = this.#bytes.indexOf('\r\n')) < 0) await this.#more('a chunk line');
      const line = this.#take(lineEnd + 2).toString('latin1', 0, lineEnd);
      assert.match(line, /^[0-9a-fA-F]+$/);
      const size = Number.parseInt(line, 16);
      parts.push(await this.#exactly(size));
      assert.equal((await this.#exactly(2)).toString(), '\r\n');
      if (size === 0) return Buffer.concat(parts);
    }
  }

  async #exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#bytes.length === 0) await this.#more(`${missing} of ${length} bytes`);
      const part = this.#take(Math.min(missing, this.#bytes.length));
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  #take(length: number): Buffer {
    const part = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return part;
  }

  async #more(what: string): Promise<void> {
    const before = this.#bytes.length;
    while (this.#bytes.length === before) {
      if (this.#hasEnded) throw new Error(`the connection ended before ${what}`);
      await this.#events.next();
    }
  }

  /** Resolves when the gateway has closed its side. */
  ended(what = 'end of the connection'): Promise<void> {
    return within(this.#ended(), what);
  }

  async #ended(): Promise<void> {
    while (!this.#hasEnded) await this.#events.next();
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

function values(headers: WireAnswer['headers'], name: string): string[] {
  return headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

function parseHead(head: string): Pick<WireAnswer, 'status' | 'headers'> {
  const [statusLine, ...lines] = head.slice(0, -4).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(statusLine!);
  assert.ok(status, `no status line: ${statusLine}`);
  const headers = lines.map((line) => {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$/.exec(line);
    assert.ok(field, `no header: ${line}`);
    return [field[1]!, field[2]!] as const;
  });
  return { status: Number(status[1]), headers };
}

/** Opens a connection and waits until it is there. */
export async function openWire(port: number): Promise<HttpWire> {
  const wire = new HttpWire(port);
  await within(once(wire.socket, 'connect'), 'a connection');
  return wire;
}

/** One request on a connection of its own. */
export async function callOnce(port: number, bytes: string | Uint8Array): Promise<WireAnswer> {
  const wire = new HttpWire(port);
  try {
    return await wire.call(bytes);
  } finally {
    await wire.close();
  }
}
