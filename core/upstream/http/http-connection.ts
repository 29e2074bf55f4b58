// HOT PATH. One HTTP/1.1 connection to a service, carrying one call at a time.
//
//   connecting ─▶ idle ─send─▶ head ─┬─ whole answer in one read ─▶ idle
//                   ▲                ├─▶ collecting (body gathered, bounded) ─▶ idle
//                   └────────────────┴─▶ streaming (body passed on in pieces) ─▶ idle
//   any state ─close─▶ closed; a connection that cannot be reused is closed instead of going idle
//
// An answer is streamed when the call accepts it and its body is not there yet as a whole.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { TimerNode } from '#core/base/timer-wheel.ts';
import { BodyKind, responseBodyKind } from '#core/codec/http1/body-framing.ts';
import { ChunkedDecoder } from '#core/codec/http1/chunked.ts';
import { keepAliveTimeoutMs } from '#core/codec/http1/connection-tokens.ts';
import { parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { HeaderId } from '#core/codec/http1/known-headers.ts';
import { parseMediaType } from '#core/codec/http1/media-type.ts';
import { HttpHead, type HttpLimits } from '#core/codec/http1/types.ts';
import { ContentType, HEADER_WORDS } from '#core/codec/message.ts';
import type { UpstreamCall } from '../contract.ts';
import type { HttpHost, HttpPool } from './http-pool.ts';
import type { HttpTarget } from './http-target.ts';
import { httpOutcome } from './status.ts';

/** Where the connection stands; see the drawing above. */
const Phase = { connecting: 0, idle: 1, head: 2, collecting: 3, streaming: 4, closed: 5 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

/** Margin by which we close an idle connection before the service does. Ms. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** LIMIT: head of an answer. Services are trusted more than clients, but not without bound. */
const HEAD_BYTES_MAX = 64 * 1024;
const HEADERS_MAX = 256;
const CHUNK_LINE_BYTES_MAX = 4096;
const TRAILER_BYTES_MAX = 16 * 1024;

const SWITCHING_PROTOCOLS = 101;
const FIRST_FINAL_STATUS = 200;

export class HttpConnection extends TimerNode implements TransportHandler {
  readonly host: HttpHost;
  readonly #pool: HttpPool;
  readonly #transport: Transport;
  readonly #head = new HttpHead();
  readonly #limits: HttpLimits;
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
    this.#limits = {
      headBytesMax: HEAD_BYTES_MAX,
      headersMax: HEADERS_MAX,
      bodyBytesMax: Number.MAX_SAFE_INTEGER,
      chunkLineBytesMax: CHUNK_LINE_BYTES_MAX,
      trailerBytesMax: TRAILER_BYTES_MAX,
    };
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

  destroy(): void {
    this.#transport.destroy();
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const { environment, settings } = this.#pool;
    environment.observer.batchStarted();
    let at = start;
    while (at < end || this.#phase === Phase.streaming) {
      const used = this.#consume(bytes, at, end);
      if (used < 0) break;
      at += used;
    }
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
    if (this.#call === null && this.#phase !== Phase.idle) return end > start ? end - start : -1;
    switch (this.#phase) {
      case Phase.head:
        return this.#consumeHead(bytes, start, end);
      case Phase.collecting:
        return this.#consumeCollected(bytes, start, end);
      case Phase.streaming:
        return this.#consumeStreamed(bytes, start, end);
      default:
        // Bytes nobody asked for: the service and we disagree about where answers end.
        this.#pool.settings.counters.protocolErrors++;
        this.destroy();
        return end > start ? end - start : -1;
    }
  }

  #consumeHead(bytes: Buffer, start: number, end: number): number {
    const head = this.#head;
    const status = parseResponseHead(bytes, start, end, head, this.#limits);
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
    if (this.#kind === BodyKind.none || this.#isWhole(bodyStart, end)) {
      const length = this.#bytesLeft;
      if (length > this.#pool.settings.responseBytesMax) return this.#fail(Errors.upstreamTooLarge);
      this.#fillHead(bytes);
      this.#answer(bytes, bodyStart, length);
      return headBytes + length;
    }
    return this.#startPieces(bytes, headBytes);
  }

  #isWhole(bodyStart: number, end: number): boolean {
    return this.#kind === BodyKind.length && this.#bytesLeft <= end - bodyStart;
  }

  /** The body is not there as a whole: pass it on in pieces, or gather it. */
  #startPieces(bytes: Buffer, headBytes: number): number {
    const { settings, environment } = this.#pool;
    const call = this.#call!;
    if (this.#kind === BodyKind.chunked) {
      this.#chunked ??= new ChunkedDecoder(this.#limits);
      this.#chunked.reset();
    }
    this.#fillHead(bytes);
    if (call.acceptsStream) {
      this.#phase = Phase.streaming;
      call.response.streamBytes = this.#kind === BodyKind.length ? this.#bytesLeft : -1;
      if (!environment.observer.streamStarted(call)) {
        // Either the call was cancelled, which closes this connection, or it is held back.
        if (this.#call === call) this.#hold();
      }
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
      used = this.#kind === BodyKind.length ? Math.min(end - start, this.#bytesLeft) : end - start;
      body.append(bytes, start, used);
      this.#bytesLeft -= used;
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
      if (start === end) return -1;
      if (chunked.next(bytes, start, end) > DecodeStatus.needMore) {
        return this.#fail(Errors.upstreamProtocol);
      }
      offset = chunked.dataOffset;
      length = chunked.dataLength;
      used = chunked.consumed;
    } else {
      length =
        this.#kind === BodyKind.length ? Math.min(end - start, this.#bytesLeft) : end - start;
      if (length === 0) return -1;
      this.#bytesLeft -= length;
      used = length;
    }
    const call = this.#call!;
    const { observer } = this.#pool.environment;
    if (length > 0 && !observer.streamed(call, bytes, offset, length)) this.#hold();
    if (this.#call === call && this.#isBodyDone()) this.#streamEnded(null);
    return used;
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

  /** Takes status, headers and content type of the answer over. */
  #fillHead(bytes: Buffer): void {
    const head = this.#head;
    const call = this.#call!;
    const { response } = call;
    response.httpStatus = head.status;
    response.headerSource = bytes;
    response.headers.copyFrom(head.headers);
    const index = head.known[HeaderId.contentType]!;
    if (index < 0) {
      response.contentType = ContentType.bytes;
    } else {
      const { words } = head.headers;
      const at = index * HEADER_WORDS;
      response.contentType = parseMediaType(bytes, words[at + 2]!, words[at + 3]!);
    }
    const error = httpOutcome(head.status);
    if (error === null) response.resultCode = ResultCode.success;
    else call.refuse(error);
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
    this.#offer();
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
    this.#offer();
  }

  /** The answer is through: idle again, or never again. */
  #settle(): void {
    const isReusable = this.#head.keepAlive && this.#kind !== BodyKind.untilClose;
    this.#phase = Phase.idle;
    if (!isReusable || this.#idleMs === 0) this.destroy();
  }

  /** Offers the connection to the pool, after the answer was passed on. */
  #offer(): void {
    const isReusable = this.#head.keepAlive && this.#kind !== BodyKind.untilClose;
    if (!isReusable || this.#idleMs === 0) return;
    if (this.#phase !== Phase.idle) return;
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
