// An HTTP/1.1 service of a simulation. It answers with what it got, in every form an answer may
// have, and now and then does what broken services do.

import type { Transport, TransportHandler } from '#core/base/network.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimRandom } from './sim-random.ts';

/** How often a service misbehaves: probabilities for each request. */
export interface Chaos {
  /** Never answers. */
  readonly silence: number;
  /** Closes or resets before, in or after the answer. */
  readonly breaks: number;
  /** Sends bytes that are no answer. */
  readonly garbage: number;
}

/** A service without faults. */
export const CALM: Chaos = { silence: 0, breaks: 0, garbage: 0 };

/** What the answer to a body is, so that a client can tell its own. */
export function echoOf(body: string): string {
  return `echo<${body}>`;
}

/** How a body names the user that its client is: services compare it with what they are told. */
export function bodyOfUser(uid: bigint, body: string): string {
  return `uid:${uid}|${body}`;
}

/** The answer to `body` for the user that the gateway names; '' when it names none. */
export function answerFor(body: string, uid: string): string {
  const claimed = /^uid:(\d+)\|/.exec(body)?.[1] ?? '';
  return claimed === uid ? echoOf(body) : `WRONG USER: ${uid}, not ${claimed}`;
}

/** Longest time to think. Ms. */
const THINK_MS_MAX = 40;

/** Time for a slow reader. Ms. */
const LINGER_MS = 60_000;

/** Starts a service on `port`. */
export function serveHttp(network: SimNetwork, port: number, chaos = CALM): SimHttpService {
  return new SimHttpService(network, port, chaos);
}

/** Serves on one port. */
export class SimHttpService {
  requests = 0;
  /** How often each body arrived. */
  readonly seen = new Map<string, number>();
  readonly network: SimNetwork;
  readonly random: SimRandom;
  chaos: Chaos;

  constructor(network: SimNetwork, port: number, chaos: Chaos) {
    this.network = network;
    this.random = network.random;
    this.chaos = chaos;
    network.serve(port, (transport) => new ServiceConnection(this, transport));
  }
}

const HEAD_END = '\r\n\r\n';

class ServiceConnection implements TransportHandler {
  readonly #service: SimHttpService;
  readonly #transport: Transport;
  #text = '';
  #isBusy = false;
  #isGone = false;

  constructor(service: SimHttpService, transport: Transport) {
    this.#service = service;
    this.#transport = transport;
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    this.#text += bytes.latin1Slice(start, end);
    this.#next();
    return end - start;
  }

  onWritable(): void {}

  onEnd(): void {
    this.#transport.destroy();
  }

  onClose(): void {
    this.#isGone = true;
  }

  #next(): void {
    if (this.#isBusy) return;
    const headEnd = this.#text.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#text.slice(0, headEnd);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    const bodyAt = headEnd + HEAD_END.length;
    if (this.#text.length < bodyAt + length) return;
    const body = this.#text.slice(bodyAt, bodyAt + length);
    this.#text = this.#text.slice(bodyAt + length);
    this.#isBusy = true;
    const { seen } = this.#service;
    this.#service.requests++;
    seen.set(body, (seen.get(body) ?? 0) + 1);
    const uid = /^mgw-uid: (\d+)$/im.exec(head)?.[1] ?? '';
    this.#answer(body, answerFor(body, uid));
  }

  #answer(body: string, answer: string): void {
    const { random, chaos, network } = this.#service;
    if (random.chance(chaos.silence)) return;
    if (random.chance(chaos.breaks)) {
      const part = echoOf(body).slice(0, -1);
      const half = `HTTP/1.1 200 OK\r\nContent-Length: ${part.length + 99}\r\n\r\n${part}`;
      const sent = random.pick(['', 'HTTP/1.1 2', 'HTTP/1.1 200 OK\r\nX: y\r\n', half]);
      network.later(random.below(THINK_MS_MAX), () => {
        this.#write(sent);
        network.later(random.below(THINK_MS_MAX), () => this.#transport.destroy());
      });
      return;
    }
    if (random.chance(chaos.garbage)) {
      network.later(random.below(THINK_MS_MAX), () => this.#write('GARBAGE\r\n\r\n'));
      return;
    }
    const isClosing = random.chance(0.2);
    const pieces = this.#pieces(answer, isClosing);
    this.#writeAll(pieces, isClosing);
  }

  /** The answer in one of its forms, in pieces that are written one after the other. */
  #pieces(answer: string, isClosing: boolean): string[] {
    const { random } = this.#service;
    const early = random.chance(0.1) ? 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' : '';
    const close = isClosing ? 'Connection: close\r\n' : '';
    const head = `${early}HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${close}`;
    const half = Math.floor(answer.length / 2);
    const halves = [answer.slice(0, half), answer.slice(half)].filter((part) => part !== '');
    if (isClosing && random.chance(0.5)) return [`${head}\r\n`, ...halves];
    if (random.chance(0.5)) {
      const chunks = halves.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
      return [`${head}Transfer-Encoding: chunked\r\n\r\n`, ...chunks, '0\r\n\r\n'];
    }
    return [`${head}Content-Length: ${answer.length}\r\n\r\n`, ...halves];
  }

  #writeAll(pieces: string[], isClosing: boolean): void {
    const { network, random } = this.#service;
    const piece = pieces.shift();
    if (piece === undefined) {
      this.#isBusy = false;
      if (isClosing) this.#transport.end(LINGER_MS);
      else this.#next();
      return;
    }
    network.later(random.chance(0.5) ? 0 : random.below(THINK_MS_MAX), () => {
      this.#write(piece);
      this.#writeAll(pieces, isClosing);
    });
  }

  #write(text: string): void {
    if (this.#isGone) return;
    this.#transport.out.appendLatin1(text);
    this.#transport.flushSoon();
  }
}
