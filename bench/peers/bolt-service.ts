// HOT PATH. A Bolt service that answers every request at once with a body of a given size and the
// request's tag. Its own process: `node bench/peers/bolt-service.ts --format protobuf`. It costs
// far less than a SOFARPC server, so that the gateway is what a benchmark measures. With
// `--handler account` it reads the user and works before it answers, as the headline's services do.

import { fileURLToPath } from 'node:url';
import { defineFlags } from '#config/flags.ts';
import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { appendHeartbeatAck, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { findHeaderValue, HeaderValue } from '#core/codec/bolt/header-map.ts';
import { BOLT_V1, ClassName, Codec, CommandCode, Status } from '#core/codec/bolt/types.ts';
import { CommandType } from '#core/codec/bolt/types.ts';
import { announceReady } from '../rig/announce.ts';
import { AccountHandler } from './account-handler.ts';
import { CalibratedWork } from './calibrated-work.ts';
import { readOwnFlags, SERVICE_FLAGS, serviceMessage, WORK_FLAG } from './peer-flags.ts';
import { BACKLOG, createPeerNetwork, HIGH_WATERMARK_BYTES, HOST } from './peer-network.ts';
import { TAG_BYTES, type TaggedMessage } from './tagged-message.ts';

const FRAME_BYTES_MAX = 16 * 1024 * 1024;

const FLAGS = defineFlags([
  ...SERVICE_FLAGS,
  WORK_FLAG,
  {
    name: 'handler',
    type: 'string',
    description: 'What is done for a request: the tag alone, or user and work too.',
    choices: ['tag', 'account'],
    default: 'tag',
  },
]);

const UID_KEY = Buffer.from('mgw-uid', 'latin1');
const uidValue = new HeaderValue();

/** What all connections answer with. */
class BoltAnswers {
  readonly message: TaggedMessage;
  /** Null: requests are answered without looking at them. */
  readonly account: AccountHandler | null;
  readonly success: ResponseTemplate;
  readonly failure: ResponseTemplate;

  constructor(message: TaggedMessage, codec: number, account: AccountHandler | null) {
    this.account = account;
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
    const { message, success, failure, account } = this.#answers;
    if (account !== null) {
      const answer = account.answer(bytes, contentOffset, contentLength, this.#uidIn(bytes));
      if (answer === null) failure.append(out, requestId, bytes, contentOffset, 0);
      else success.append(out, requestId, answer, 0, answer.length);
      return;
    }
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

  /** User id that the gateway vouches for; empty without one. */
  #uidIn(bytes: Buffer): string {
    const { headerOffset, headerLength } = this.#frame;
    if (!findHeaderValue(bytes, headerOffset, headerLength, UID_KEY, uidValue)) return '';
    return bytes.latin1Slice(uidValue.offset, uidValue.offset + uidValue.length);
  }
}

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const codec = flags.format === 'protobuf' ? Codec.protobuf : Codec.json;
  const message = serviceMessage(flags);
  const work = new CalibratedWork(flags['work-turns']);
  if (flags['work-turns'] > 0) work.warmUp();
  const account = flags.handler === 'account' ? new AccountHandler(message, work) : null;
  const answers = new BoltAnswers(message, codec, account);
  const listener = await createPeerNetwork().listen(
    { host: HOST, port: flags.port },
    { highWatermarkBytes: HIGH_WATERMARK_BYTES, backlog: BACKLOG },
    (transport) => new BoltServiceConnection(transport, answers),
  );
  announceReady('bench-bolt', { service: listener.port });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
