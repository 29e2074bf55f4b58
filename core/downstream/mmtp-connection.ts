// HOT PATH. One Mmtp client connection: frames in, exchanges opened, answers out in any order.
//
//   awaitInit ─INIT─▶ open ─drain─▶ draining ─last answer─▶ closing
//       │               └─malformed frame─▶ broken ─last answer─▶ closing
//       └─anything else, or no INIT in time─▶ broken
//
// What a live connection needs to continue elsewhere is in plain fields: the unparsed bytes are the
// transport's, the rest is here. Wire format: docs/mmtp.md.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors } from '#core/base/errors.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { TimerNode } from '#core/base/timer-wheel.ts';
import { DownstreamProtocol, type ResponseMessage } from '#core/codec/message.ts';
import {
  decodeBind,
  decodeEmpty,
  decodeInit,
  decodeResultStatus,
  encodeBindAck,
  encodeGoaway,
  encodePing,
} from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { FrameFlag, FrameType, MetaStatus, TABLE_SIZE_DEFAULT } from '#core/codec/mmtp/types.ts';
import { connectionGone } from './connection-gone.ts';
import type { DownstreamConnection, DownstreamExchange } from './contract.ts';
import type { ListenerContext } from './listener.ts';
import { Finding, MmtpHearing } from './mmtp-hearing.ts';
import { appendInitAck, appendMmtpReply, bareResponse } from './mmtp-reply.ts';
import { fillFromConnection } from './mmtp-request.ts';
import { StreamTable } from './stream-table.ts';

const State = { awaitInit: 0, open: 1, draining: 2, broken: 3, closing: 4 } as const;
type State = (typeof State)[keyof typeof State];

/** Time for the last bytes to reach a client that was told to go. Ms. */
const LINGER_MS = 5000;

const EMPTY = Buffer.alloc(0);

/** One frame object serves all connections of the thread: decoding never nests. */
const frame = new MmtpFrame();

export class MmtpConnection extends TimerNode implements TransportHandler, DownstreamConnection {
  readonly protocol = DownstreamProtocol.mmtp;
  readonly channel: number;
  readonly clientIp: string;
  readonly #context: ListenerContext;
  readonly #transport: Transport;
  readonly #isTrusted: boolean;
  readonly #streams = new StreamTable<DownstreamExchange>();
  readonly #table = new DynamicTable(TABLE_SIZE_DEFAULT);
  #state: State = State.awaitInit;
  /** The session of BIND; empty: not bound. */
  #session: Buffer = EMPTY;
  /** The device of INIT; empty: not told. */
  #device: Buffer = EMPTY;
  /** Largest frame the client takes; 0: it did not say. */
  #clientFrameBytesMax = 0;
  /** Highest stream taken; ids need not rise. */
  #lastStreamId = 0;
  readonly #hearing: MmtpHearing;
  #isBraked = false;

  constructor(transport: Transport, context: ListenerContext, isTrusted: boolean) {
    super();
    this.#transport = transport;
    this.#context = context;
    this.#isTrusted = isTrusted;
    this.channel = context.channel;
    this.clientIp = transport.remoteAddress;
    const { clock, settings } = context;
    const nowMs = clock.nowMs();
    this.#hearing = new MmtpHearing(settings, nowMs);
    context.idleTimers.arm(this, nowMs + settings.initTimeoutMs);
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const { handler } = this.#context;
    handler.batchStarted();
    try {
      return this.#takeFrames(bytes, start, end);
    } finally {
      // SAFETY: whatever happened, nothing may stay staged: `bytes` are another's after this.
      handler.runStaged();
      if (this.#transport.isCongested) this.#brake();
    }
  }

  #takeFrames(bytes: Buffer, start: number, end: number): number {
    const { handler, settings, counters } = this.#context;
    let at = start;
    let isPartial = false;
    while (at < end) {
      if (this.#state >= State.broken) return end - start;
      const status = peekFrame(bytes, at, end, settings.frameBytesMax, frame);
      isPartial = status === DecodeStatus.needMore;
      if (isPartial) break;
      if (status !== DecodeStatus.ok) {
        this.#break();
        return end - start;
      }
      if (frame.type === FrameType.request && !handler.canTake) {
        handler.awaitRoom(this);
        this.#hearing.heard(handler.nowMs);
        break;
      }
      at = frame.bodyEnd;
      counters.mmtpFramesIn++;
      this.#dispatch(bytes);
    }
    if (at > start) this.#hearing.heard(handler.nowMs);
    if (isPartial) this.#hearing.begun(handler.nowMs, frame.frameBytes);
    counters.mmtp.bytesIn += at - start;
    return at - start;
  }

  onWritable(): void {
    if (!this.#isBraked) return;
    this.#isBraked = false;
    this.resumeReading();
  }

  /** A client that closes its side has gone: nobody half-closes Mmtp. */
  onEnd(): void {
    this.destroy();
  }

  onClose(error: string): void {
    const context = this.#context;
    this.#state = State.closing;
    context.idleTimers.disarm(this);
    const open = this.#streams.values();
    this.#streams.clear();
    connectionGone(error, open, context.handler, context.counters.mmtp);
    context.handler.closed(this);
    context.closed(this);
  }

  /** Time for INIT is over, or a look at the client is due. */
  onDeadline(): void {
    const { counters, idleTimers, clock } = this.#context;
    if (this.#state === State.awaitInit) {
      counters.mmtp.initTimeouts++;
      this.#break();
      return;
    }
    const finding = this.#hearing.look(clock.nowMs(), this.#transport.isReadPaused);
    if (finding >= Finding.idle) {
      if (finding === Finding.late) counters.mmtp.bodyTimeouts++;
      else counters.mmtp.idleTimeouts++;
      this.#goaway(ResultCode.success);
      this.#close();
      return;
    }
    if (finding === Finding.ask) {
      encodePing(this.#transport.out, FrameType.ping);
      this.#transport.flushSoon();
    }
    idleTimers.arm(this, this.#hearing.nextLookMs);
  }

  reply(exchange: DownstreamExchange): void {
    this.#streams.delete(exchange.streamId);
    const { response, request, streamId } = exchange;
    if ((request.flags & FrameFlag.oneway) === 0) {
      this.#respond(streamId, response, exchange.api?.language ?? 'en');
    }
    if (this.#state >= State.draining && this.#streams.count === 0) this.#close();
  }

  /** Mmtp answers are whole frames: the driver does not stream to this protocol. */
  replyHead(): void {}
  replyEnd(): void {}
  replyBody(): boolean {
    return true;
  }

  pauseReading(): void {
    this.#context.counters.mmtp.readPauses++;
    this.#transport.pauseReading();
  }

  resumeReading(): void {
    this.#hearing.resumed(this.#context.clock.nowMs());
    this.#transport.resumeReading();
  }

  /** Tells the client to go; open requests are answered first. */
  drain(): void {
    if (this.#state >= State.draining) return;
    this.#state = State.draining;
    this.#goaway(ResultCode.success);
    if (this.#streams.count === 0) this.#close();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  #dispatch(bytes: Buffer): void {
    if (this.#state === State.awaitInit) {
      if (frame.type === FrameType.init) this.#init(bytes);
      else this.#break();
      return;
    }
    switch (frame.type) {
      case FrameType.request:
        this.#request(bytes);
        break;
      case FrameType.cancel:
        this.#cancel(bytes);
        break;
      case FrameType.ping:
        this.#ping(bytes);
        break;
      case FrameType.bind:
        this.#bind(bytes);
        break;
      case FrameType.unbind:
        this.#session = EMPTY;
        this.#settle(decodeEmpty(bytes, frame, this.#table));
        break;
      case FrameType.pong:
      case FrameType.goaway:
        this.#settle(decodeEmpty(bytes, frame, this.#table));
        break;
      case FrameType.pushAck:
        this.#settle(decodeResultStatus(bytes, frame, this.#table));
        break;
      case FrameType.init:
        this.#break();
        break;
      default:
        this.#context.counters.mmtpFramesUnknown++;
    }
  }

  #init(bytes: Buffer): void {
    const { handler, settings, idleTimers } = this.#context;
    const init = decodeInit(bytes, frame, this.#table);
    if (typeof init === 'number') {
      this.#break();
      return;
    }
    this.#state = State.open;
    if (init.deviceId !== '') this.#device = Buffer.from(init.deviceId);
    this.#clientFrameBytesMax = init.maxFrameBytes;
    appendInitAck(this.#transport.out, settings);
    this.#transport.flushSoon();
    this.#hearing.heard(handler.nowMs);
    this.#hearing.look(handler.nowMs, false);
    idleTimers.arm(this, this.#hearing.nextLookMs);
  }

  #request(bytes: Buffer): void {
    const { handler, settings, counters } = this.#context;
    const { streamId } = frame;
    if (this.#streams.get(streamId) !== null) {
      this.#break();
      return;
    }
    const isServed = this.#state === State.open && this.#streams.count < settings.streamsMax;
    const mayRepeat = (frame.flags & FrameFlag.canResend) !== 0;
    const exchange = isServed ? handler.open(this, streamId, frame.frameBytes, mayRepeat) : null;
    if (exchange === null) {
      this.#refuseUnopened(bytes);
      return;
    }
    counters.mmtp.requestsIn++;
    const { request } = exchange;
    const { headersMax } = settings;
    const status = decodeRequest(bytes, frame, this.#table, request, headersMax, this.#isTrusted);
    if (status === MetaStatus.malformed) {
      handler.abort(exchange, Errors.fieldMalformed);
      this.#break();
      return;
    }
    this.#lastStreamId = Math.max(this.#lastStreamId, streamId);
    this.#streams.add(streamId, exchange);
    fillFromConnection(request, this.clientIp, this.#session, this.#device);
    if (status === MetaStatus.fieldWrong) handler.refuse(exchange, Errors.fieldMalformed);
    // What a frame spelled with the table is good only until the next one.
    else if (request.source === bytes) handler.stage(exchange);
    else handler.complete(exchange);
  }

  /**
   * A request without an exchange. It is decoded all the same, because its DEFINEs count. While the
   * connection drains, streams above the last one get no answer: GOAWAY has told the client to
   * resend them elsewhere.
   */
  #refuseUnopened(bytes: Buffer): void {
    const { counters, scratch, settings } = this.#context;
    const { streamId } = frame;
    const { headersMax } = settings;
    const status = decodeRequest(bytes, frame, this.#table, scratch.request, headersMax, false);
    if (status === MetaStatus.malformed) {
      this.#break();
      return;
    }
    if (this.#state !== State.open && streamId > this.#lastStreamId) return;
    counters.exchangesRefused++;
    if ((frame.flags & FrameFlag.oneway) !== 0) return;
    this.#respond(streamId, bareResponse(ResultCode.limited), 'en');
  }

  #cancel(bytes: Buffer): void {
    if (decodeEmpty(bytes, frame, this.#table) !== MetaStatus.ok) {
      this.#break();
      return;
    }
    const exchange = this.#streams.get(frame.streamId);
    if (exchange === null) return;
    this.#streams.delete(frame.streamId);
    this.#context.counters.mmtp.requestsCancelled++;
    this.#context.handler.abort(exchange, Errors.clientCancelled);
    if (this.#state >= State.draining && this.#streams.count === 0) this.#close();
  }

  #ping(bytes: Buffer): void {
    if (decodeEmpty(bytes, frame, this.#table) !== MetaStatus.ok) {
      this.#break();
      return;
    }
    const { bodyOffset, bodyEnd } = frame;
    encodePing(this.#transport.out, FrameType.pong, bytes, bodyOffset, bodyEnd - bodyOffset);
    this.#transport.flushSoon();
  }

  #bind(bytes: Buffer): void {
    const session = decodeBind(bytes, frame, this.#table);
    if (session === MetaStatus.malformed) {
      this.#break();
      return;
    }
    const { handler } = this.#context;
    const isValid =
      typeof session === 'object' && handler.checkSession(session, this.channel, this.#device);
    this.#session = isValid ? session : EMPTY;
    encodeBindAck(this.#transport.out, isValid ? ResultCode.success : ResultCode.loginTimedOut);
    this.#transport.flushSoon();
  }

  /** Frames that need no action but must be sound. */
  #settle(decoded: unknown): void {
    if (decoded === MetaStatus.malformed) this.#break();
  }

  #respond(streamId: number, response: ResponseMessage, language: 'en' | 'zh'): void {
    const { counters } = this.#context;
    const { out } = this.#transport;
    const before = out.length;
    appendMmtpReply(out, streamId, response, language, this.#clientFrameBytesMax);
    counters.mmtp.bytesOut += out.length - before;
    counters.mmtp.responsesOut++;
    this.#transport.flushSoon();
  }

  #goaway(resultCode: number): void {
    this.#context.counters.mmtpGoawaysSent++;
    const goaway = { lastStream: this.#lastStreamId, resultCode, reconnectAfterS: 0 };
    encodeGoaway(this.#transport.out, goaway);
    this.#transport.flushSoon();
  }

  /** A frame broke the protocol: says so at once, answers what is open, closes. */
  #break(): void {
    if (this.#state >= State.broken) return;
    this.#state = State.broken;
    this.#hearing.heard(this.#context.handler.nowMs);
    this.#context.counters.mmtp.connectionsMalformed++;
    this.#goaway(ResultCode.requestMalformed);
    if (this.#streams.count === 0) this.#close();
  }

  #close(): void {
    if (this.#state === State.closing) return;
    this.#state = State.closing;
    this.#context.idleTimers.disarm(this);
    this.#transport.end(LINGER_MS);
  }

  #brake(): void {
    if (this.#isBraked) return;
    this.#isBraked = true;
    this.#context.counters.mmtp.readPauses++;
    this.#transport.pauseReading();
  }
}
