// HOT PATH. One HTTP/1.1 connection to a service, carrying one call at a time.
//
//   connecting ─▶ idle ─send─▶ head ─┬─ whole answer in one read ─▶ settled
//                   ▲                ├─▶ collecting (body gathered, bounded) ─▶ settled
//                   │                └─▶ streaming (body passed on in pieces) ─▶ settled
//                   └── the read held nothing beyond the answer ──────────────────┘
//   any state ─close─▶ closed; a connection that cannot be reused is closed instead of going idle
//
// An answer is streamed when the call accepts it and its body is not there yet as a whole.
// Invariant: no call is sent while input is unread: it would be taken for the call's answer.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { TimerNode } from '#core/base/timer-wheel.ts';
import { BodyKind, responseBodyKind } from '#core/codec/http1/body-framing.ts';
import { ChunkedDecoder } from '#core/codec/http1/chunked.ts';
import { keepAliveTimeoutMs } from '#core/codec/http1/connection-tokens.ts';
import { parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { HttpHead, type HttpLimits } from '#core/codec/http1/types.ts';
import type { UpstreamCall } from '../contract.ts';
import { fillAnswerHead } from './answer-head.ts';
import type { HttpHost, HttpPool } from './http-pool.ts';
import type { HttpTarget } from './http-target.ts';

/** Where the connection stands; see the drawing above. */
const Phase = {
  connecting: 0,
  idle: 1,
  settled: 2,
  head: 3,
  collecting: 4,
  streaming: 5,
  closed: 6,
} as const;
type Phase = (typeof Phase)[keyof typeof Phase];

/** Margin by which we close an idle connection before the service does. Ms. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** LIMIT: shape of an answer. Services are trusted more than clients, but not without bound. */
const LIMITS: HttpLimits = {
  headBytesMax: 64 * 1024,
  headersMax: 256,
  bodyBytesMax: Number.MAX_SAFE_INTEGER,
  chunkLineBytesMax: 4096,
  trailerBytesMax: 16 * 1024,
};

const SWITCHING_PROTOCOLS = 101;
const FIRST_FINAL_STATUS = 200;

export class HttpConnection extends TimerNode implements TransportHandler {
  readonly host: HttpHost;
  readonly #pool: HttpPool;
  readonly #transport: Transport;
  readonly #head = new HttpHead();
  #chunked: ChunkedDecoder | null = null;
  /** Body gathered of an answer in pieces; null unless collecting. */
  #body: OutBuffer | null = null;
  #phase: Phase = Phase.connecting;
  #call: UpstreamCall | null = null;
  #kind: BodyKind = BodyKind.none;
  /** Body bytes that are still to come, for `BodyKind.length`. */
  #bytesLeft = 0;
  #isHeld = false;
  #idleMs: number;

  constructor(pool: HttpPool, host: HttpHost) {
    super();
    const { settings, environment } = pool;
    this.#pool = pool;
    this.host = host;
    this.#idleMs = settings.idleTimeoutMs;
    settings.counters.connects++;
    this.#transport = environment.network.connect(host.slot.address, settings, this, () => {
      if (this.#phase !== Phase.connecting) return;
      this.#phase = Phase.idle;
      this.#armIdle();
      pool.opened(this);
    });
  }

  /** Writes `call`; the caller knows that the connection is idle. */
  send(call: UpstreamCall, target: HttpTarget): void {
    const { settings, environment } = this.#pool;
    environment.idleTimers.disarm(this);
    const { out } = this.#transport;
    const before = out.length;
    target.encode(out, call);
    settings.counters.requestsSent++;
    settings.counters.bytesOut += out.length - before;
    this.#phase = Phase.head;
    this.#call = call;
    this.#head.reset();
    call.link = this;
    call.isSent = true;
    this.#transport.flushSoon();
    if (this.#transport.isCongested) environment.observer.congested(call, this);
  }

  /** Gives the call up: its answer could not be told from the next one's: the connection goes. */
  cancel(): void {
    this.#forgetCall();
    this.destroy();
  }

  resumeStream(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#transport.resumeReading();
  }

  /** Closes at once. Until `onClose` has come, nobody finds the connection among the idle ones. */
  destroy(): void {
    this.#pool.withdraw(this);
    this.#transport.destroy();
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const { environment, settings } = this.#pool;
    environment.observer.batchStarted();
    let at = start;
    while (at < end) {
      const used = this.#consume(bytes, at, end);
      if (used < 0) break;
      at += used;
    }
    if (this.#phase === Phase.settled) this.#offer();
    settings.counters.bytesIn += at - start;
    return at - start;
  }

  onWritable(): void {
    this.#pool.environment.observer.relieved(this);
  }

  onEnd(): void {
    if (this.#call !== null && this.#kind === BodyKind.untilClose && this.#phase !== Phase.head) {
      this.#pool.environment.observer.batchStarted();
      this.#kind = BodyKind.none;
      if (this.#phase === Phase.streaming) this.#streamEnded(null);
      else this.#answerCollected();
    }
    this.destroy();
  }

  onClose(error: string): void {
    if (this.#phase === Phase.closed) return;
    const { environment, settings } = this.#pool;
    const wasOpen = this.#phase !== Phase.connecting;
    const wasStreaming = this.#phase === Phase.streaming;
    this.#phase = Phase.closed;
    environment.idleTimers.disarm(this);
    const call = this.#call;
    environment.observer.batchStarted();
    this.#pool.closed(this, error, wasOpen);
    environment.observer.relieved(this);
    if (call === null) return;
    settings.counters.resets++;
    this.#forgetCall();
    if (wasStreaming) environment.observer.streamEnded(call, Errors.upstreamReset);
    else environment.observer.failed(call, Errors.upstreamReset);
  }

  /** Idle for too long. */
  onDeadline(): void {
    if (this.#phase === Phase.idle) this.destroy();
  }

  /** Deals with the next part of the input. Returns bytes used, or -1 to wait for more. */
  #consume(bytes: Buffer, start: number, end: number): number {
    // The call was given up and the connection is closing: whatever still comes is dropped.
    if (this.#call === null && this.#phase >= Phase.head) return end - start;
    switch (this.#phase) {
      case Phase.head:
        return this.#consumeHead(bytes, start, end);
      case Phase.collecting:
        return this.#consumeCollected(bytes, start, end);
      case Phase.streaming:
        return this.#consumeStreamed(bytes, start, end);
      default:
        return this.#refuseUnasked(start, end);
    }
  }

  /** Bytes nobody asked for: the service and we disagree about where answers end. */
  #refuseUnasked(start: number, end: number): number {
    if (this.#phase === Phase.settled) this.#phase = Phase.idle;
    this.#pool.settings.counters.protocolErrors++;
    this.destroy();
    return end - start;
  }

  #consumeHead(bytes: Buffer, start: number, end: number): number {
    // The request has not left yet, so this is no answer to it. Closing tells the call.
    if (this.#transport.out.length > 0) return this.#refuseUnasked(start, end);
    const head = this.#head;
    const status = parseResponseHead(bytes, start, end, head, LIMITS);
    if (status === DecodeStatus.needMore) return -1;
    if (status !== DecodeStatus.ok || head.status === SWITCHING_PROTOCOLS) {
      return this.#fail(Errors.upstreamProtocol);
    }
    const { headBytes } = head;
    if (head.status < FIRST_FINAL_STATUS) {
      head.reset();
      return headBytes;
    }
    this.#kind = responseBodyKind(head, false);
    this.#bytesLeft = this.#kind === BodyKind.length ? head.contentLength : 0;
    const bodyStart = start + headBytes;
    const isWhole = this.#kind === BodyKind.length && this.#bytesLeft <= end - bodyStart;
    if (this.#kind === BodyKind.none || isWhole) {
      const length = this.#bytesLeft;
      if (length > this.#pool.settings.responseBytesMax) return this.#fail(Errors.upstreamTooLarge);
      this.#fillHead(bytes);
      this.#answer(bytes, bodyStart, length);
      return headBytes + length;
    }
    return this.#startPieces(bytes, headBytes);
  }

  /** The body is not there as a whole: pass it on in pieces, or gather it. */
  #startPieces(bytes: Buffer, headBytes: number): number {
    const { settings, environment } = this.#pool;
    const call = this.#call!;
    if (this.#kind === BodyKind.chunked) {
      this.#chunked ??= new ChunkedDecoder(LIMITS);
      this.#chunked.reset();
    }
    this.#fillHead(bytes);
    if (call.acceptsStream) {
      this.#phase = Phase.streaming;
      call.response.streamBytes = this.#kind === BodyKind.length ? this.#bytesLeft : -1;
      // Held back, unless the call was cancelled, which closes this connection.
      if (!environment.observer.streamStarted(call) && this.#call === call) this.#hold();
      return headBytes;
    }
    if (this.#bytesLeft > settings.responseBytesMax) return this.#fail(Errors.upstreamTooLarge);
    call.response.retain();
    this.#phase = Phase.collecting;
    this.#body = new OutBuffer();
    return headBytes;
  }

  #consumeCollected(bytes: Buffer, start: number, end: number): number {
    const body = this.#body!;
    let used: number;
    if (this.#kind === BodyKind.chunked) {
      const chunked = this.#chunked!;
      if (chunked.next(bytes, start, end) > DecodeStatus.needMore) {
        return this.#fail(Errors.upstreamProtocol);
      }
      body.append(bytes, chunked.dataOffset, chunked.dataLength);
      used = chunked.consumed;
    } else {
      used = this.#plainBytes(start, end);
      body.append(bytes, start, used);
    }
    if (body.length > this.#pool.settings.responseBytesMax) {
      return this.#fail(Errors.upstreamTooLarge);
    }
    if (this.#isBodyDone()) this.#answerCollected();
    return used;
  }

  #consumeStreamed(bytes: Buffer, start: number, end: number): number {
    if (this.#isHeld) return -1;
    let offset = start;
    let length: number;
    let used: number;
    if (this.#kind === BodyKind.chunked) {
      const chunked = this.#chunked!;
      if (chunked.next(bytes, start, end) > DecodeStatus.needMore) {
        return this.#fail(Errors.upstreamProtocol);
      }
      offset = chunked.dataOffset;
      length = chunked.dataLength;
      used = chunked.consumed;
    } else {
      used = length = this.#plainBytes(start, end);
    }
    const call = this.#call!;
    const { observer } = this.#pool.environment;
    if (length > 0 && !observer.streamed(call, bytes, offset, length)) this.#hold();
    if (this.#call === call && this.#isBodyDone()) this.#streamEnded(null);
    return used;
  }

  /** Bytes of a body that is not chunked, counted as taken. */
  #plainBytes(start: number, end: number): number {
    if (this.#kind !== BodyKind.length) return end - start;
    const length = Math.min(end - start, this.#bytesLeft);
    this.#bytesLeft -= length;
    return length;
  }

  #isBodyDone(): boolean {
    if (this.#kind === BodyKind.chunked) return this.#chunked!.isDone;
    return this.#kind === BodyKind.length && this.#bytesLeft === 0;
  }

  #hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#pool.settings.counters.readPauses++;
    this.#transport.pauseReading();
  }

  /** Takes the head of the answer over, and what it says about this connection. */
  #fillHead(bytes: Buffer): void {
    const head = this.#head;
    fillAnswerHead(this.#call!, bytes, head);
    const keepAliveMs = keepAliveTimeoutMs(bytes, head);
    if (keepAliveMs >= 0) {
      const bound = Math.max(0, keepAliveMs - KEEP_ALIVE_MARGIN_MS);
      this.#idleMs = Math.min(this.#pool.settings.idleTimeoutMs, bound);
    }
  }

  #answer(bytes: Buffer, offset: number, length: number): void {
    const call = this.#call!;
    this.#forgetCall();
    call.response.bodySource = bytes;
    call.response.bodyOffset = offset;
    call.response.bodyLength = length;
    this.#settle();
    this.#pool.environment.observer.answered(call);
  }

  #answerCollected(): void {
    const body = this.#body!.take();
    this.#body = null;
    this.#answer(body, 0, body.length);
  }

  #streamEnded(error: GatewayError | null): void {
    const call = this.#call!;
    this.#forgetCall();
    if (this.#isHeld) this.resumeStream();
    this.#settle();
    this.#pool.environment.observer.streamEnded(call, error);
  }

  /** The answer is through: soon idle again, or never again. */
  #settle(): void {
    const isReusable = this.#head.keepAlive && this.#kind !== BodyKind.untilClose;
    this.#phase = isReusable && this.#idleMs > 0 ? Phase.settled : Phase.idle;
    if (this.#phase === Phase.idle) this.destroy();
  }

  /** Offers the connection to the pool: the answer was passed on, and nothing is behind it. */
  #offer(): void {
    this.#phase = Phase.idle;
    this.#armIdle();
    this.#pool.available(this);
  }

  #armIdle(): void {
    const { idleTimers, clock } = this.#pool.environment;
    idleTimers.arm(this, clock.nowMs() + this.#idleMs);
  }

  #forgetCall(): void {
    if (this.#call === null) return;
    this.#call.link = null;
    this.#call = null;
    this.#body?.release();
    this.#body = null;
    this.#pool.settings.counters.requestsEnded++;
  }

  /** Ends call and connection. Returns -1: nothing more is consumed. */
  #fail(error: GatewayError): number {
    const { environment, settings } = this.#pool;
    settings.counters.protocolErrors++;
    const call = this.#call!;
    const wasStreaming = this.#phase === Phase.streaming;
    this.#forgetCall();
    this.destroy();
    if (wasStreaming) environment.observer.streamEnded(call, error);
    else environment.observer.failed(call, error);
    return -1;
  }
}
