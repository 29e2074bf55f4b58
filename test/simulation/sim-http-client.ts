// An HTTP/1.1 client of a simulation: one connection at a time, requests with bodies of both kinds,
// sometimes two at once, and a reader of answers that was written apart from the gateway's codec.

import assert from 'node:assert/strict';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { mint } from '#test/core/codec/session/reference.ts';
import type { SimCall, SimCalls } from './sim-calls.ts';
import type { SimNetwork } from './sim-network.ts';

/** Largest pause between requests. Ms. */
const PAUSE_MS_MAX = 200;

const CONNECT = { highWatermarkBytes: 1 << 20, connectTimeoutMs: 1000 };

/** One client that makes `count` calls. */
export class SimHttpClient implements TransportHandler {
  readonly #network: SimNetwork;
  readonly #port: number;
  readonly #calls: SimCalls;
  #left: number;
  #transport: Transport | null = null;
  #sent: SimCall[] = [];
  #text = '';
  /** We closed the connection on purpose. */
  #hasQuit = false;
  /** The gateway said that this answer is the last one. */
  #isLast = false;

  constructor(network: SimNetwork, port: number, calls: SimCalls, count: number) {
    this.#network = network;
    this.#port = port;
    this.#calls = calls;
    this.#left = count;
    this.#connect();
  }

  get isDone(): boolean {
    return this.#left === 0 && this.#sent.length === 0;
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    this.#text += bytes.latin1Slice(start, end);
    while (this.#tryAnswer(false));
    return end - start;
  }

  onWritable(): void {}

  onEnd(): void {
    while (this.#tryAnswer(true));
    this.#transport?.destroy();
  }

  onClose(error: string): void {
    const [first] = this.#sent;
    const hasBegun = this.#text !== '';
    // Nothing came and nothing was announced: the gateway must have had a reason. With pipelined
    // input that it had not read, its close looks like a reset (RFC 9112, section 9.6).
    if (first !== undefined && !this.#hasQuit && !hasBegun && !this.#isLast) {
      assert.ok(error === '' || error === 'ECONNRESET', error);
      this.#calls.closedSilently++;
    }
    for (const call of this.#sent) call.abandoned(this.#hasQuit ? 'abandoned' : 'broken');
    this.#sent = [];
    this.#transport = null;
    this.#connect();
  }

  /** Goes away, whatever is open. */
  quit(): void {
    if (this.#transport === null || this.#sent.length === 0) return;
    this.#hasQuit = true;
    this.#transport.destroy();
  }

  #connect(): void {
    if (this.#left === 0) return;
    this.#text = '';
    this.#hasQuit = false;
    this.#isLast = false;
    const address = { host: 'gateway', port: this.#port };
    this.#network.connect(address, CONNECT, this, (transport) => {
      this.#transport = transport;
      this.#pause();
    });
  }

  #pause(): void {
    const transport = this.#transport;
    this.#network.later(this.#network.random.below(PAUSE_MS_MAX), () => {
      if (this.#transport === transport && transport !== null) this.#send(transport);
    });
  }

  #send(transport: Transport): void {
    if (this.#sent.length > 0) return;
    if (this.#left === 0) {
      transport.destroy();
      return;
    }
    const { random } = this.#network;
    const count = Math.min(this.#left, random.chance(0.2) ? 3 : 1);
    for (let i = 0; i < count; i++) {
      const call = this.#calls.create();
      this.#left--;
      this.#sent.push(call);
      transport.out.appendLatin1(this.#requestOf(call));
    }
    transport.flushSoon();
  }

  #requestOf({ operation, body, uid }: SimCall): string {
    const { random } = this.#network;
    const lines = ['POST /mgw.htm HTTP/1.1', 'Host: gateway', `Operation-Type: ${operation.name}`];
    if (operation.isUser) {
      const session = mint({ uid }).toString('base64url');
      lines.push(
        random.chance(0.5) ? `Mgw-Session: ${session}` : `Cookie: a=b; MGW_SESSION=${session}`,
      );
    }
    if (random.chance(0.6)) {
      lines.push(`Content-Length: ${body.length}`);
      return `${lines.join('\r\n')}\r\n\r\n${body}`;
    }
    const half = random.below(body.length + 1);
    const chunks = [body.slice(0, half), body.slice(half)]
      .filter((part) => part !== '')
      .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
    lines.push('Transfer-Encoding: chunked');
    return `${lines.join('\r\n')}\r\n\r\n${chunks.join('')}0\r\n\r\n`;
  }

  /** Takes one whole answer off the text. */
  #tryAnswer(isEnd: boolean): boolean {
    const headEnd = this.#text.indexOf('\r\n\r\n');
    if (headEnd < 0) return false;
    const head = this.#text.slice(0, headEnd);
    const rest = this.#text.slice(headEnd + 4);
    if (/^HTTP\/1\.1 1\d\d/.test(head)) {
      this.#text = rest;
      return true;
    }
    const taken = bodyOf(head, rest, isEnd);
    if (taken === null) return false;
    const call = this.#sent.shift();
    assert.ok(call !== undefined, `an answer to nothing: ${head}`);
    this.#text = rest.slice(taken.used);
    this.#isLast ||= /^connection: close$/im.test(head);
    call.answered(Number(/^result-status: (\d+)$/im.exec(head)?.[1]), taken.body);
    if (this.#sent.length === 0) this.#pause();
    return true;
  }
}

/** The body behind `head` at the start of `rest`, or null when it is not there as a whole. */
function bodyOf(
  head: string,
  rest: string,
  isEnd: boolean,
): { readonly body: string; readonly used: number } | null {
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length !== undefined) {
    const bytes = Number(length);
    return rest.length < bytes ? null : { body: rest.slice(0, bytes), used: bytes };
  }
  if (!/^transfer-encoding: chunked$/im.test(head)) {
    return isEnd ? { body: rest, used: rest.length } : null;
  }
  let body = '';
  let at = 0;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(rest.slice(at, lineEnd), 16);
    const dataEnd = lineEnd + 2 + size;
    if (rest.length < dataEnd + 2) return null;
    assert.equal(rest.slice(dataEnd, dataEnd + 2), '\r\n', 'a chunk without an end');
    body += rest.slice(lineEnd + 2, dataEnd);
    at = dataEnd + 2;
    if (size === 0) return { body, used: at };
  }
}
