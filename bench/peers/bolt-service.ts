// HOT PATH. A Bolt service that answers every request at once with a body of a given size and the
// request's tag. Its own process: `node bench/peers/bolt-service.ts --format protobuf`. It costs
// far less than a SOFARPC server, so that the gateway is what a benchmark measures.

import { fileURLToPath } from 'node:url';
import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { appendHeartbeatAck, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { BOLT_V1, ClassName, Codec, CommandCode, Status } from '#core/codec/bolt/types.ts';
import { CommandType } from '#core/codec/bolt/types.ts';
import { announceReady } from '../rig/announce.ts';
import { readOwnFlags, SERVICE_FLAGS, serviceMessage } from './peer-flags.ts';
import { BACKLOG, createPeerNetwork, HIGH_WATERMARK_BYTES, HOST } from './peer-network.ts';
import { TAG_BYTES, type TaggedMessage } from './tagged-message.ts';

const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** What all connections answer with. */
class BoltAnswers {
  readonly message: TaggedMessage;
  readonly success: ResponseTemplate;
  readonly failure: ResponseTemplate;

  constructor(message: TaggedMessage, codec: number) {
    const options = { form: BOLT_V1, codec, className: ClassName.response, headers: [] };
    this.message = message;
    this.success = new ResponseTemplate(options, Status.success);
    this.failure = new ResponseTemplate(options, Status.codecException);
  }
}

/** One connection of a gateway. */
class BoltServiceConnection implements TransportHandler {
  readonly #transport: Transport;
  readonly #answers: BoltAnswers;
  readonly #frame = new BoltFrame();

  constructor(transport: Transport, answers: BoltAnswers) {
    this.#transport = transport;
    this.#answers = answers;
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const frame = this.#frame;
    let at = start;
    while (at < end) {
      const status = peekBolt(bytes, at, end, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok || frame.version !== 1) {
        this.#transport.destroy();
        return end - start;
      }
      this.#answer(bytes);
      at += frame.frameBytes;
    }
    if (at > start) this.#transport.flushSoon();
    return at - start;
  }

  onWritable(): void {}

  onEnd(): void {
    this.#transport.end(0);
  }

  onClose(): void {}

  #answer(bytes: Buffer): void {
    const { type, command, requestId, contentOffset, contentLength } = this.#frame;
    const { out } = this.#transport;
    if (type !== CommandType.request) return;
    if (command === CommandCode.heartbeat) {
      appendHeartbeatAck(out, BOLT_V1, requestId);
      return;
    }
    const { message, success, failure } = this.#answers;
    const { tagOffset } = message;
    if (contentLength < tagOffset + TAG_BYTES) {
      failure.append(out, requestId, bytes, contentOffset, 0);
      return;
    }
    const body = message.bytes;
    const tagAt = contentOffset + tagOffset;
    for (let i = 0; i < TAG_BYTES; i++) body[tagOffset + i] = bytes[tagAt + i]!;
    success.append(out, requestId, body, 0, body.length);
  }
}

async function main(): Promise<void> {
  const flags = readOwnFlags(SERVICE_FLAGS);
  const codec = flags.format === 'protobuf' ? Codec.protobuf : Codec.json;
  const answers = new BoltAnswers(serviceMessage(flags), codec);
  const listener = await createPeerNetwork().listen(
    { host: HOST, port: flags.port },
    { highWatermarkBytes: HIGH_WATERMARK_BYTES, backlog: BACKLOG },
    (transport) => new BoltServiceConnection(transport, answers),
  );
  announceReady('bench-bolt', { service: listener.port });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
