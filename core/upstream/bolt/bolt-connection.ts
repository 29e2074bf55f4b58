// HOT PATH. One multiplexed Bolt connection to one host: many calls at once, answers by request id,
// heartbeats while it is silent. Its state is one of
//
//   connecting ──open──▶ ready ──takes nothing──▶ stalled
//        │                 │ ◀─────goes on───────── │
//        └──────close──────┴────▶ closed ◀──close───┘
//
// Invariant: every call in the table is answered, failed or cancelled exactly once.

import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { HostAddress, Transport, TransportHandler } from '#core/base/network.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { TimerNode } from '#core/base/timer-wheel.ts';
import { appendHeartbeat, appendHeartbeatAck, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { boltOutcome } from '#core/codec/bolt/outcome.ts';
import {
  ClassName,
  Codec,
  CommandCode,
  CommandType,
  Status,
  type BoltForm,
} from '#core/codec/bolt/types.ts';
import { ContentType } from '#core/codec/message.ts';
import { CallTable } from '../call-table.ts';
import type { PoolSettings, UpstreamCall, UpstreamEnvironment } from '../contract.ts';
import type { BoltTarget } from './bolt-target.ts';
import { StallWatch } from './stall-watch.ts';

/** Settings of a Bolt upstream. */
export interface BoltSettings extends PoolSettings {
  readonly connections: number;
  readonly form: BoltForm;
  readonly heartbeatMs: number;
  readonly heartbeatMissesMax: number;
  /** How long a peer may neither take nor answer anything while much is queued for it. Ms. */
  readonly stallMs: number;
}

/** What a connection tells its pool. */
export interface BoltConnectionOwner {
  opened(connection: BoltConnection): void;
  closed(connection: BoltConnection, error: string): void;
  /** The peer has sent a frame, the first since it was to prove itself. */
  proved(connection: BoltConnection): void;
  /** The peer does not answer heartbeats: the connection is about to be closed. */
  silent(connection: BoltConnection): void;
  /** The service takes data again. */
  writable(connection: BoltConnection): void;
  /** The service takes nothing: the connection is not ready any more. */
  stalled(connection: BoltConnection): void;
  /** The host goes on after a stall, of this connection or of another one. */
  wentOn(connection: BoltConnection): void;
}

/** How long the peer has for the answer to a heartbeat. Ms; what Java peers use. */
const HEARTBEAT_ANSWER_MS = 1000;

const EMPTY = Buffer.alloc(0);

/** One frame object serves all connections of the thread: decoding never nests. */
const frame = new BoltFrame();

export class BoltConnection extends TimerNode implements TransportHandler {
  readonly address: HostAddress;
  isReady = false;
  /** The connection was open once. */
  wasReady = false;
  /**
   * The peer has sent a frame: it is a Bolt server that works. The pool takes this back when the
   * host is in doubt.
   */
  hasProvenItself = false;
  /** When it was opened. Monotonic ms. */
  openedMs = 0;
  isClosed = false;
  /** The peer has not taken what is queued for too long. */
  isStalled = false;
  /** Its host had stalled before and has not gone on since: nobody waits for it again. */
  isSuspect = false;
  readonly #settings: BoltSettings;
  readonly #environment: UpstreamEnvironment;
  readonly #owner: BoltConnectionOwner;
  readonly #calls = new CallTable();
  readonly #transport: Transport;
  #heardMs = 0;
  #heartbeatsOpen = 0;
  #isAwaitingAck = false;
  /** Runs from the moment when much is queued until the peer has taken it. */
  readonly #watch: StallWatch;

  constructor(
    address: HostAddress,
    settings: BoltSettings,
    environment: UpstreamEnvironment,
    owner: BoltConnectionOwner,
  ) {
    super();
    this.address = address;
    this.#settings = settings;
    this.#environment = environment;
    this.#owner = owner;
    settings.counters.connects++;
    this.#transport = environment.network.connect(address, settings, this, () => this.#opened());
    this.#watch = new StallWatch(this.#transport, settings, environment, {
      stuck: () => this.#stall(),
      relieved: () => this.onWritable(),
    });
  }

  /** Calls that wait for their answer. */
  get openCount(): number {
    return this.#calls.count;
  }

  /** The service does not keep up: who can wait should. */
  get isFull(): boolean {
    return this.#transport.queuedBytes > this.#settings.highWatermarkBytes;
  }

  /** Writes `call`; the caller knows that the connection is ready. */
  send(call: UpstreamCall, target: BoltTarget): void {
    const { out } = this.#transport;
    const id = this.#calls.add(call);
    const timeoutMs = Math.max(1, Math.ceil(call.deadlineMs - this.#environment.observer.nowMs));
    const sizeBefore = out.length;
    const error = target.encode(out, id, timeoutMs, call);
    if (error !== null) {
      this.#calls.take(id);
      this.#environment.observer.failed(call, error);
      return;
    }
    const { counters } = this.#settings;
    counters.requestsSent++;
    counters.bytesOut += out.length - sizeBefore;
    call.link = this;
    call.isSent = true;
    this.#transport.flushSoon();
    if (this.#transport.isCongested) this.#congested(call);
  }

  /** Forgets `call`: a late answer is dropped. */
  cancel(call: UpstreamCall): void {
    if (this.#calls.take(call.linkId) !== null) this.#settings.counters.requestsEnded++;
    call.link = null;
  }

  /** Asks the peer now whether it is alive. */
  ask(): void {
    if (!this.#isAwaitingAck) this.#sendHeartbeat();
  }

  /** Ends the connection; calls on it fail. */
  destroy(): void {
    this.#transport.destroy();
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const { observer } = this.#environment;
    observer.batchStarted();
    this.#heardMs = observer.nowMs;
    this.#heartbeatsOpen = 0;
    let at = start;
    while (at < end && !this.isClosed) {
      const status = peekBolt(bytes, at, end, this.#settings.responseBytesMax, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok) {
        this.#settings.counters.protocolErrors++;
        const isTooLarge = status === DecodeStatus.tooLarge;
        this.#fail(isTooLarge ? Errors.upstreamTooLarge : Errors.upstreamProtocol);
        break;
      }
      at += frame.frameBytes;
      this.#received(bytes);
    }
    this.#settings.counters.bytesIn += at - start;
    return at - start;
  }

  onWritable(): void {
    this.#watch.stop();
    // Unless it was stuck: that the kernel takes data says nothing about the peer.
    if (this.isStalled) this.#goesOn();
    this.#environment.observer.relieved(this);
    this.#owner.writable(this);
  }

  onEnd(): void {
    this.#transport.destroy();
  }

  onClose(error: string): void {
    if (this.isClosed) return;
    const hadCalls = this.#calls.count > 0;
    this.isClosed = true;
    this.isReady = false;
    this.#environment.idleTimers.disarm(this);
    this.#watch.stop();
    if (this.wasReady) {
      this.#settings.counters.connectionsClosed++;
      if (hadCalls) this.#settings.counters.resets++;
    }
    this.#environment.observer.batchStarted();
    // The pool first: a failed call may be sent again at once, and not to this connection.
    this.#owner.closed(this, error);
    this.#failCalls(Errors.upstreamReset);
    this.#environment.observer.relieved(this);
  }

  /** Time to look whether the peer is alive. */
  onDeadline(): void {
    const { observer, idleTimers, clock } = this.#environment;
    const { heartbeatMs, heartbeatMissesMax, counters } = this.#settings;
    const nowMs = clock.nowMs();
    if (this.#isAwaitingAck) {
      this.#isAwaitingAck = false;
      if (this.#heartbeatsOpen > 0) {
        counters.heartbeatsMissed++;
        if (this.#heartbeatsOpen >= heartbeatMissesMax) {
          // The pool first: calls that fail may be sent again at once, and not to this host.
          this.isReady = false;
          this.#owner.silent(this);
          this.#fail(Errors.upstreamReset);
          return;
        }
      }
    }
    const silentMs = nowMs - this.#heardMs;
    if (silentMs < heartbeatMs && this.#heartbeatsOpen === 0) {
      idleTimers.arm(this, this.#heardMs + heartbeatMs);
      return;
    }
    observer.batchStarted();
    this.#sendHeartbeat();
  }

  #sendHeartbeat(): void {
    const { clock, idleTimers } = this.#environment;
    const { counters, form } = this.#settings;
    counters.heartbeatsSent++;
    this.#heartbeatsOpen++;
    this.#isAwaitingAck = true;
    appendHeartbeat(this.#transport.out, form, HEARTBEAT_ID, HEARTBEAT_ANSWER_MS);
    this.#transport.flushSoon();
    idleTimers.arm(this, clock.nowMs() + HEARTBEAT_ANSWER_MS);
  }

  #opened(): void {
    const { clock, idleTimers } = this.#environment;
    this.isReady = true;
    this.wasReady = true;
    this.#settings.counters.connectionsOpened++;
    this.#heardMs = this.openedMs = clock.nowMs();
    idleTimers.arm(this, this.#heardMs + this.#settings.heartbeatMs);
    this.#owner.opened(this);
  }

  /** One complete frame in `frame`. */
  #received(bytes: Buffer): void {
    if (!this.hasProvenItself) {
      this.hasProvenItself = true;
      this.#owner.proved(this);
    }
    // An answer to what it was sent, be it a heartbeat: the peer reads.
    if (this.isSuspect && frame.type === CommandType.response && !this.isStalled) {
      this.#owner.wentOn(this);
    }
    if (frame.command === CommandCode.heartbeat) {
      if (frame.type === CommandType.response) return;
      appendHeartbeatAck(this.#transport.out, this.#settings.form, frame.requestId);
      this.#transport.flushSoon();
      return;
    }
    if (frame.type !== CommandType.response) {
      this.#refuseServerRequest();
      return;
    }
    this.#watch.answers++;
    const { counters } = this.#settings;
    const call = this.#calls.take(frame.requestId >>> 0);
    if (call === null) {
      counters.lateResponses++;
      return;
    }
    counters.requestsEnded++;
    call.link = null;
    const { observer } = this.#environment;
    const error = boltOutcome(bytes, frame);
    if (error !== null) {
      observer.failed(call, error);
      return;
    }
    const { response } = call;
    response.resultCode = ResultCode.success;
    response.contentType = contentTypeOf(frame.codec);
    response.bodySource = bytes;
    response.bodyOffset = frame.contentOffset;
    response.bodyLength = frame.contentLength;
    observer.answered(call);
  }

  /** A server may call back on the connection (Bolt callbacks): there is no processor for that. */
  #refuseServerRequest(): void {
    if (frame.type === CommandType.oneway) return;
    const refusal = new ResponseTemplate(
      {
        form: this.#settings.form,
        codec: Codec.hessian,
        className: ClassName.serverException,
        headers: [],
      },
      Status.noProcessor,
    );
    refusal.append(this.#transport.out, frame.requestId, EMPTY, 0, 0);
    this.#transport.flushSoon();
  }

  /** Who feeds the connection stops, but not for ever: their other calls wait for that too. */
  #congested(call: UpstreamCall): void {
    // The transport is congested until all is taken, which may be long after there is room.
    if (!this.isFull) return;
    this.#watch.start();
    if (this.isSuspect) this.#stall();
    else this.#environment.observer.congested(call, this);
  }

  #stall(): void {
    if (this.isStalled || this.isClosed) return;
    this.isStalled = true;
    this.isReady = false;
    this.#settings.counters.stalls++;
    this.#environment.observer.relieved(this);
    this.#owner.stalled(this);
  }

  /** The peer has taken what was queued. */
  #goesOn(): void {
    this.isStalled = false;
    this.isReady = true;
    this.#owner.wentOn(this);
  }

  #fail(error: GatewayError): void {
    // Not for calls any more: one that fails may be sent again at once.
    this.isReady = false;
    this.#watch.stop();
    this.#failCalls(error);
    this.#transport.destroy();
  }

  #failCalls(error: GatewayError): void {
    const { observer } = this.#environment;
    const { counters } = this.#settings;
    for (const call of this.#calls.drain()) {
      counters.requestsEnded++;
      call.link = null;
      observer.failed(call, error);
    }
  }
}

/** Outside of what CallTable assigns to calls. */
const HEARTBEAT_ID = 0;

function contentTypeOf(codec: number): number {
  if (codec === Codec.protobuf) return ContentType.protobuf;
  return codec === Codec.json ? ContentType.json : ContentType.bytes;
}
