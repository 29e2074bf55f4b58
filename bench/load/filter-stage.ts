// HOT PATH. The data plane between codec and upstream in one process: decoded requests with real
// sessions go through the real driver, router, filters and telemetry, to a target that answers at
// the end of the batch, as a multiplexed connection does. Invariant: every reply is checked.

import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { HEADERS_MAX_DEFAULT, MetaStatus, STREAM_ID_MAX } from '#core/codec/mmtp/types.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SessionChannel } from '#core/codec/session/types.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import type { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import type { CompiledTarget } from '#core/pipeline/api.ts';
import type { Exchange, ReplyTarget } from '#core/pipeline/exchange.ts';
import { RESPONSE_BYTES } from '../peers/peer-flags.ts';
import { TaggedMessage } from '../peers/tagged-message.ts';
import type { RequestFrames } from './request-frames.ts';

/** Requests that one read of a client's socket brings: what 16 streams send at once. */
export const BATCH = 16;

const FRAME_BYTES_MAX = 1024 * 1024;

/** A service that answers all calls of a batch when the batch is over. */
export class BatchTarget implements CompiledTarget {
  readonly upstreamName = 'service';
  readonly #calls: Exchange[] = [];
  readonly #answer = new TaggedMessage('protobuf', RESPONSE_BYTES).bytes;

  send(exchange: Exchange): void {
    exchange.link = this;
    this.#calls.push(exchange);
  }

  cancel(): void {}

  resumeStream(): void {}

  /** Answers what was sent, in order. */
  answerAll(driver: ExchangeDriver): void {
    driver.batchStarted();
    const calls = this.#calls;
    for (let i = 0; i < calls.length; i++) {
      const exchange = calls[i]!;
      const { response } = exchange;
      exchange.link = null;
      response.resultCode = ResultCode.success;
      response.bodySource = this.#answer;
      response.bodyOffset = 0;
      response.bodyLength = this.#answer.length;
      driver.answered(exchange);
    }
    calls.length = 0;
  }
}

/** Says whether a reply is what it should be. @param index of the request's frame */
export type ReplyCheck = (exchange: Exchange, index: number) => boolean;

/** Sends requests through a driver and checks what comes back. */
export class FilterStage implements ReplyTarget {
  readonly protocol = DownstreamProtocol.mmtp;
  readonly channel = SessionChannel.wireless;
  readonly isCongested = false;
  requests = 0;
  /** Replies that were not what they should be. */
  wrong = 0;
  replies = 0;
  readonly #driver: ExchangeDriver;
  readonly #target: BatchTarget;
  readonly #check: ReplyCheck;
  readonly #bytes: Buffer;
  readonly #frames: readonly MmtpFrame[];
  readonly #table = new DynamicTable(0);
  #streamId = 1;
  #next = 0;

  /** @param count of distinct requests, one a session */
  constructor(
    driver: ExchangeDriver,
    target: BatchTarget,
    requests: RequestFrames,
    count: number,
    check: ReplyCheck,
  ) {
    const out = new OutBuffer();
    for (let i = 0; i < count; i++) requests.append(out, 2 * i + 1, i);
    this.#driver = driver;
    this.#target = target;
    this.#check = check;
    this.#bytes = Buffer.from(out.take());
    this.#frames = framesIn(this.#bytes);
  }

  /** Runs batches of requests from their decoding to their replies. */
  run(batches: number): void {
    const driver = this.#driver;
    for (let i = 0; i < batches; i++) {
      driver.batchStarted();
      for (let k = 0; k < BATCH; k++) this.#request();
      this.#target.answerAll(driver);
    }
  }

  reply(exchange: Exchange): void {
    this.replies++;
    // Replies come in the order of the requests: this one's frame is known by counting.
    const index = (this.replies - 1) % this.#frames.length;
    if (!this.#check(exchange, index)) this.wrong++;
  }

  /** Nothing is streamed here: an answer that is would be missed in the count of replies. */
  replyHead(): void {}

  replyBody(): boolean {
    return true;
  }

  replyEnd(): void {}

  pauseReading(): void {}

  resumeReading(): void {}

  #request(): void {
    const frame = this.#frames[this.#next]!;
    this.#next = this.#next + 1 === this.#frames.length ? 0 : this.#next + 1;
    this.#streamId = this.#streamId >= STREAM_ID_MAX ? 1 : this.#streamId + 2;
    this.requests++;
    const exchange = this.#driver.open(this, this.#streamId);
    if (exchange === null) {
      this.wrong++;
      return;
    }
    const { request } = exchange;
    const bytes = this.#bytes;
    const status = decodeRequest(bytes, frame, this.#table, request, HEADERS_MAX_DEFAULT, false);
    if (status !== MetaStatus.ok) this.wrong++;
    this.#driver.complete(exchange);
  }
}

function framesIn(bytes: Buffer): MmtpFrame[] {
  const frames: MmtpFrame[] = [];
  for (let at = 0; at < bytes.length; at += frames.at(-1)!.frameBytes) {
    const frame = new MmtpFrame();
    peekFrame(bytes, at, bytes.length, FRAME_BYTES_MAX, frame);
    frames.push(frame);
  }
  return frames;
}
