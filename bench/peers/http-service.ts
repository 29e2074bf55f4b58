// HOT PATH. An HTTP/1.1 keep-alive service that answers every request at once with a body of a
// given size and the request's tag. Its own process: `node bench/peers/http-service.ts --format
// json`. It takes bodies with Content-Length only, which is what gateways send.

import { fileURLToPath } from 'node:url';
import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { parseRequestHead } from '#core/codec/http1/head-parser.ts';
import { HttpHead, type HttpLimits } from '#core/codec/http1/types.ts';
import { announceReady } from '../rig/announce.ts';
import { readOwnFlags, SERVICE_FLAGS, serviceMessage } from './peer-flags.ts';
import { BACKLOG, createPeerNetwork, HIGH_WATERMARK_BYTES, HOST } from './peer-network.ts';
import { TAG_BYTES, type TaggedMessage } from './tagged-message.ts';

const LIMITS: HttpLimits = {
  headBytesMax: 32_768,
  headersMax: 128,
  bodyBytesMax: 16 * 1024 * 1024,
  chunkLineBytesMax: 1024,
  trailerBytesMax: 1024,
};

const BAD_REQUEST = Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n', 'latin1');

/** The answer of all requests; the tag is written over. */
class HttpAnswer {
  readonly bytes: Buffer;
  /** Where the tag is, in an answer and in the body of a request. */
  readonly tagAt: number;
  readonly tagOffset: number;

  constructor(message: TaggedMessage, mediaType: string) {
    const { length } = message.bytes;
    const lines = [
      'HTTP/1.1 200 OK',
      `Content-Type: ${mediaType}`,
      `Content-Length: ${length}`,
      '\r\n',
    ];
    const head = lines.join('\r\n');
    this.bytes = Buffer.concat([Buffer.from(head, 'latin1'), message.bytes]);
    this.tagOffset = message.tagOffset;
    this.tagAt = head.length + message.tagOffset;
  }
}

/** One connection of a gateway. */
class HttpServiceConnection implements TransportHandler {
  readonly #transport: Transport;
  readonly #answer: HttpAnswer;
  readonly #head = new HttpHead();

  constructor(transport: Transport, answer: HttpAnswer) {
    this.#transport = transport;
    this.#answer = answer;
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const head = this.#head;
    let at = start;
    while (at < end) {
      // Parsed from its start each time: a head that comes in pieces is rare here.
      head.reset();
      const status = parseRequestHead(bytes, at, end, head, LIMITS);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok || head.isChunked) {
        this.#transport.destroy();
        return end - start;
      }
      const bodyAt = at + head.headBytes;
      const bodyBytes = Math.max(0, head.contentLength);
      if (end - bodyAt < bodyBytes) break;
      this.#append(bytes, bodyAt, bodyBytes);
      at = bodyAt + bodyBytes;
    }
    if (at > start) this.#transport.flushSoon();
    return at - start;
  }

  onWritable(): void {}

  onEnd(): void {
    this.#transport.end(0);
  }

  onClose(): void {}

  #append(bytes: Buffer, bodyAt: number, bodyBytes: number): void {
    const { out } = this.#transport;
    const answer = this.#answer;
    if (bodyBytes < answer.tagOffset + TAG_BYTES) {
      out.append(BAD_REQUEST, 0, BAD_REQUEST.length);
      return;
    }
    const from = bodyAt + answer.tagOffset;
    for (let i = 0; i < TAG_BYTES; i++) answer.bytes[answer.tagAt + i] = bytes[from + i]!;
    out.append(answer.bytes, 0, answer.bytes.length);
  }
}

async function main(): Promise<void> {
  const flags = readOwnFlags(SERVICE_FLAGS);
  const mediaType = flags.format === 'json' ? 'application/json' : 'application/x-protobuf';
  const answer = new HttpAnswer(serviceMessage(flags), mediaType);
  const listener = await createPeerNetwork().listen(
    { host: HOST, port: flags.port },
    { highWatermarkBytes: HIGH_WATERMARK_BYTES, backlog: BACKLOG },
    (transport) => new HttpServiceConnection(transport, answer),
  );
  announceReady('bench-http', { service: listener.port });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
