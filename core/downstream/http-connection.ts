// HOT PATH. One HTTP/1.1 client connection: requests one after the other, pipelined input waits.
//
//   head ─┬─ whole request there ────────────────────▶ answering ─▶ head | closing
//         ├─ Content-Length, body arriving ─▶ body ──────┘
//         └─ chunked body ──────────────────▶ chunked ───┘
//   an answer that comes before its request's body ─▶ discarding ─▶ head | closing
//
// While a body of known length arrives, its bytes stay with the transport and head offsets are
// rebased; a chunked body is gathered, bounded, in memory of its own.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { TimerNode } from '#core/base/timer-wheel.ts';
import { BodyKind, requestBodyKind, requestBytes } from '#core/codec/http1/body-framing.ts';
import { appendContinue } from '#core/codec/http1/encoder.ts';
import { parseRequestHead } from '#core/codec/http1/head-parser.ts';
import { statusOfReason } from '#core/codec/http1/malformed-reason.ts';
import { HttpHead, type HttpLimits } from '#core/codec/http1/types.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { connectionGone } from './connection-gone.ts';
import type { DownstreamConnection, DownstreamExchange } from './contract.ts';
import { Refusal, refusalOf } from './http-admission.ts';
import { CHUNKED_LENGTH, DISCARD_BYTES_MAX, HttpBodyReader } from './http-body.ts';
import { httpLimits } from './http-limits.ts';
import { fillRequest } from './http-request.ts';
import { HttpResponder } from './http-responder.ts';
import type { ListenerContext } from './listener.ts';

const State = { head: 0, body: 1, chunked: 2, answering: 3, discarding: 4, closing: 5 } as const;
type State = (typeof State)[keyof typeof State];

/** Time for the last bytes to reach a client whose connection ends. Ms. */
const LINGER_MS = 2000;
/** How long an idle connection is kept when the gateway drains. Ms. */
const DRAIN_IDLE_MS = 500;
/** LIMIT: pipelined input kept while a request is answered; beyond it reading stops. Bytes. */
const PIPELINED_BYTES_MAX = 64 * 1024;

export class HttpConnection extends TimerNode implements TransportHandler, DownstreamConnection {
  readonly protocol = DownstreamProtocol.http1;
  readonly channel: number;
  readonly clientIp: string;
  readonly #context: ListenerContext;
  readonly #transport: Transport;
  readonly #isTrusted: boolean;
  readonly #head = new HttpHead();
  readonly #limits: HttpLimits;
  readonly #responder: HttpResponder;
  #state: State = State.head;
  #exchange: DownstreamExchange | null = null;
  /** Made for the first body in pieces: most connections never see one. */
  #body: HttpBodyReader | null = null;
  #isDraining = false;
  #isBraked = false;
  /** Some bytes of the next request are there. */
  #isHeadOpen = false;
  /** `handler.begin` is running: the head's bytes are consumed when it returns. */
  #isBeginning = false;

  constructor(transport: Transport, context: ListenerContext, isTrusted: boolean) {
    super();
    this.#transport = transport;
    this.#context = context;
    this.#isTrusted = isTrusted;
    this.channel = context.channel;
    this.clientIp = transport.remoteAddress;
    const { settings, idleTimers, clock, counters } = context;
    this.#responder = new HttpResponder(transport, counters.http, clock);
    this.#limits = httpLimits(settings);
    idleTimers.arm(this, clock.nowMs() + settings.headerTimeoutMs);
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const { handler, counters } = this.#context;
    handler.batchStarted();
    let at = start;
    while (at < end) {
      const used = this.#consume(bytes, at, end);
      if (used < 0) break;
      at += used;
    }
    counters.http.bytesIn += at - start;
    this.#brakeOrNot(end - at);
    return at - start;
  }

  onWritable(): void {
    if (this.#responder.isStalled && this.#exchange !== null) {
      this.#responder.isStalled = false;
      this.#context.handler.streamWritable(this.#exchange);
    }
    this.#brakeOrNot(this.#transport.unconsumedBytes);
  }

  /** Who closes its side while an answer is due has gone, as far as HTTP clients are concerned. */
  onEnd(): void {
    if (this.#exchange !== null) this.#transport.destroy();
    else this.#close();
  }

  onClose(error: string): void {
    const { idleTimers, handler, counters } = this.#context;
    this.#state = State.closing;
    idleTimers.disarm(this);
    this.#body?.release();
    const open = this.#exchange === null ? [] : [this.#exchange];
    this.#exchange = null;
    connectionGone(error, open, handler, counters.http);
    handler.closed(this);
    this.#context.closed(this);
  }

  /** A head, a body or the next request did not come in time. */
  onDeadline(): void {
    const { http } = this.#context.counters;
    if (this.#state === State.body || this.#state === State.chunked) {
      http.bodyTimeouts++;
      this.#refuseAndClose(Errors.bodyTimeout);
    } else if (this.#state === State.head && this.#isHeadOpen) {
      http.headerTimeouts++;
      this.#refuseBare(Refusal.timeout);
    } else {
      if (this.#state === State.head) http.idleTimeouts++;
      this.#close();
    }
  }

  reply(exchange: DownstreamExchange): void {
    const keepAlive = this.#mayKeepAlive();
    this.#responder.whole(exchange, this.#head, keepAlive);
    this.#answered(keepAlive);
  }

  replyHead(exchange: DownstreamExchange): void {
    const keepAlive = this.#responder.start(exchange, this.#head, this.#mayKeepAlive());
    if (!keepAlive) this.#head.keepAlive = false;
  }

  replyBody(_exchange: DownstreamExchange, bytes: Buffer, offset: number, length: number): boolean {
    return this.#responder.piece(bytes, offset, length);
  }

  replyEnd(_exchange: DownstreamExchange, isComplete: boolean): void {
    if (!isComplete) {
      // A body that broke off must not look complete: no last chunk, no next answer.
      this.#exchange = null;
      this.#transport.destroy();
      return;
    }
    this.#responder.end();
    this.#answered(this.#mayKeepAlive());
  }

  pauseReading(): void {
    this.#context.counters.http.readPauses++;
    this.#transport.pauseReading();
  }

  resumeReading(): void {
    this.#transport.resumeReading();
  }

  /**
   * The next answer is the last one. An idle connection stays for a moment: a request may be on its
   * way that the client sent before it could know.
   */
  drain(): void {
    this.#isDraining = true;
    if (this.#state !== State.head || this.#isHeadOpen) return;
    const { idleTimers, clock } = this.#context;
    idleTimers.arm(this, clock.nowMs() + DRAIN_IDLE_MS);
  }

  destroy(): void {
    this.#transport.destroy();
  }

  /** Deals with the next part of the input. Returns bytes used, or -1 to wait for more. */
  #consume(bytes: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case State.head:
        return this.#consumeHead(bytes, start, end);
      case State.body:
        return this.#consumeBody(bytes, start, end);
      case State.chunked:
        return this.#consumeChunked(bytes, start, end);
      case State.discarding:
        return this.#discard(bytes, start, end);
      case State.answering:
        return -1;
      default:
        return end - start;
    }
  }

  #consumeHead(bytes: Buffer, start: number, end: number): number {
    const head = this.#head;
    const { handler, settings, idleTimers } = this.#context;
    if (!handler.canTake) {
      handler.awaitRoom(this);
      return -1;
    }
    const status = parseRequestHead(bytes, start, end, head, this.#limits);
    if (status === DecodeStatus.needMore) {
      if (!this.#isHeadOpen) {
        this.#isHeadOpen = true;
        idleTimers.arm(this, handler.nowMs + settings.headerTimeoutMs);
      }
      return -1;
    }
    if (status !== DecodeStatus.ok) return this.#refuseHead(statusOfReason(head.malformedReason));
    this.#isHeadOpen = false;
    const refusal = refusalOf(head, this.#limits);
    if (refusal !== Refusal.none) return this.#refuseHead(refusal);
    const wholeBytes = requestBytes(head);
    // Whether a body is asked for must be known at once, which it is on this thread only.
    const exchange = handler.open(this, 0, head.expectContinue ? Infinity : wholeBytes, false);
    if (exchange === null) return this.#refuseHead(Refusal.tooManyRequests);
    this.#context.counters.http.requestsIn++;
    this.#exchange = exchange;
    const error = fillRequest(exchange.request, bytes, head, this.#isTrusted, this.clientIp);
    if (error !== null) return this.#refuseAndClose(error);
    if (wholeBytes > end - start) return this.#startBody(exchange);
    this.#complete(exchange, bytes, start + head.headBytes, wholeBytes - head.headBytes);
    return wholeBytes;
  }

  /** The body is not there yet: early filters run, then it is awaited. */
  #startBody(exchange: DownstreamExchange): number {
    const { handler, settings, idleTimers } = this.#context;
    const head = this.#head;
    const { headBytes } = head;
    idleTimers.arm(this, handler.nowMs + settings.bodyTimeoutMs);
    const isChunked = requestBodyKind(head) === BodyKind.chunked;
    this.#state = isChunked ? State.chunked : State.body;
    if (isChunked) {
      this.#body ??= new HttpBodyReader(this.#limits, this.#transport);
      this.#body.startChunked();
      exchange.request.retain();
    }
    this.#isBeginning = true;
    handler.begin(exchange);
    this.#isBeginning = false;
    if (this.#exchange !== exchange) return headBytes; // Answered: the body is discarded.
    if (head.expectContinue) {
      appendContinue(this.#transport.out);
      this.#transport.flushSoon();
    }
    return isChunked ? headBytes : -1;
  }

  #consumeBody(bytes: Buffer, start: number, end: number): number {
    const head = this.#head;
    const { headBytes, contentLength } = head;
    if (end - start < headBytes + contentLength) return -1;
    const exchange = this.#exchange!;
    const { request } = exchange;
    const delta = start - head.base;
    head.rebase(start);
    if (!exchange.isRetained) {
      request.source = bytes;
      request.shift(delta);
    }
    this.#complete(exchange, bytes, start + headBytes, contentLength);
    return headBytes + contentLength;
  }

  #consumeChunked(bytes: Buffer, start: number, end: number): number {
    const body = this.#body!;
    const used = body.gather(bytes, start, end);
    if (body.error !== null) {
      this.#refuseAndClose(body.error);
    } else if (body.isDone) {
      const gathered = body.take();
      this.#complete(this.#exchange!, gathered, 0, gathered.length);
    }
    return used;
  }

  #complete(exchange: DownstreamExchange, bytes: Buffer, offset: number, length: number): void {
    const { handler, idleTimers } = this.#context;
    exchange.request.setBody(bytes, offset, length);
    this.#state = State.answering;
    idleTimers.disarm(this);
    handler.complete(exchange);
  }

  /** Reads over what is left of a body whose answer has been given. */
  #discard(bytes: Buffer, start: number, end: number): number {
    const body = this.#body!;
    const used = body.discard(bytes, start, end);
    if (body.error !== null) this.#close();
    else if (body.isDone) this.#nextRequest();
    return used;
  }

  #mayKeepAlive(): boolean {
    const { keepAlive } = this.#head;
    return keepAlive && !this.#isDraining && this.#state !== State.closing && !this.#leavesBody();
  }

  /** The answer comes before a body that is not worth reading over, or that may never be sent. */
  #leavesBody(): boolean {
    const { expectContinue, contentLength } = this.#head;
    if (this.#state === State.chunked) return expectContinue;
    return this.#state === State.body && (expectContinue || contentLength > DISCARD_BYTES_MAX);
  }

  /** The answer is written: what comes next on the connection. */
  #answered(keepAlive: boolean): void {
    this.#context.counters.http.responsesOut++;
    this.#exchange = null;
    this.#transport.flushSoon();
    if (!keepAlive) {
      this.#close();
      return;
    }
    switch (this.#state) {
      case State.body: {
        const { headBytes, contentLength } = this.#head;
        this.#discardFrom(this.#isBeginning ? contentLength : headBytes + contentLength);
        break;
      }
      case State.chunked:
        this.#discardFrom(CHUNKED_LENGTH);
        break;
      default:
        this.#nextRequest();
    }
  }

  #discardFrom(length: number): void {
    this.#state = State.discarding;
    this.#body ??= new HttpBodyReader(this.#limits, this.#transport);
    this.#body.startDiscard(length);
    if (!this.#isBeginning) this.#transport.reofferSoon();
  }

  #nextRequest(): void {
    const { idleTimers, handler, settings } = this.#context;
    this.#state = State.head;
    this.#isHeadOpen = false;
    this.#head.reset();
    if (this.#isDraining) {
      this.#close();
      return;
    }
    idleTimers.arm(this, handler.nowMs + settings.idleTimeoutMs);
    this.#brakeOrNot(0);
    if (this.#transport.unconsumedBytes > 0) this.#transport.reofferSoon();
  }

  /** Refuses a request that never became an exchange. */
  #refuseHead(status: number): number {
    const { counters } = this.#context;
    if (status === Refusal.tooManyRequests) counters.exchangesRefused++;
    else counters.http.connectionsMalformed++;
    this.#refuseBare(status);
    return -1;
  }

  #refuseBare(status: number): void {
    this.#responder.bare(status);
    this.#close();
  }

  /** Ends an exchange whose body broke a rule; nothing after it can be trusted. */
  #refuseAndClose(error: GatewayError): number {
    this.#head.keepAlive = false;
    this.#context.handler.refuse(this.#exchange!, error);
    return -1;
  }

  #close(): void {
    if (this.#state === State.closing) return;
    this.#state = State.closing;
    this.#body?.release();
    this.#context.idleTimers.disarm(this);
    this.#transport.end(LINGER_MS);
  }

  /** Stops reading while answers pile up or pipelined requests do; goes on when neither is true. */
  #brakeOrNot(waitingBytes: number): void {
    const isFull = this.#state === State.answering && waitingBytes > PIPELINED_BYTES_MAX;
    const mustBrake = isFull || this.#transport.isCongested;
    if (mustBrake === this.#isBraked) return;
    this.#isBraked = mustBrake;
    if (mustBrake) this.pauseReading();
    else this.resumeReading();
  }
}
