// HOT PATH. The context of one request: one fixed-shape object that every room works on, taken from
// a pool and given back. Filters talk to each other only through its fields. The state machine that
// moves it is core/exchange.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { TimerNode } from '#core/base/timer-wheel.ts';
import { DownstreamProtocol, RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import { SessionView } from '#core/codec/session/types.ts';
import type { Api } from './api.ts';

/** Where an exchange stands. `core/exchange/exchange-driver.ts` draws the transitions. */
export const ExchangeState = {
  free: 0,
  requestHead: 1,
  awaitingBody: 2,
  requestBody: 3,
  routed: 4,
  upstream: 5,
  responseHead: 6,
  responseBody: 7,
  streaming: 8,
  done: 9,
} as const;
export type ExchangeState = (typeof ExchangeState)[keyof typeof ExchangeState];

/** Where the answer goes: a downstream connection as filters and the driver see it. */
export interface ReplyTarget {
  /** `DownstreamProtocol` number. */
  readonly protocol: number;
  /** Session channel of the listener: 1 wireless, 2 PC. */
  readonly channel: number;
  reply(exchange: Exchange): void;
  replyHead(exchange: Exchange): void;
  /** False when the connection is congested: no more before the driver's `streamWritable`. */
  replyBody(exchange: Exchange, bytes: Buffer, offset: number, length: number): boolean;
  /** @param isComplete false when the body broke off: the client must be able to tell */
  replyEnd(exchange: Exchange, isComplete: boolean): void;
  pauseReading(): void;
  resumeReading(): void;
}

/** What resumes a paused exchange; the driver implements it. */
export interface ExchangeResumer {
  /**
   * Ends the pause of `exchange`.
   *
   * @param serial the exchange's `serial` when the filter paused it; a stale one is ignored, so a
   *   late callback cannot touch the next request in the same object
   * @param status `FilterStatus.continue` or `FilterStatus.reply`
   */
  resume(exchange: Exchange, serial: number, status: number): void;
}

/** One request and its answer. */
export class Exchange extends TimerNode {
  /** Index in the lane's pool, 0-based; stable for the object's life. */
  readonly slot: number;
  /** Names a pause of a request: changes with every use of the object and every pause that ends. */
  serial = 0;
  readonly resumer: ExchangeResumer;
  state: ExchangeState = ExchangeState.free;
  /** Index of the filter that is running or that paused, in the chain of the phase. */
  filterIndex = 0;
  isPaused = false;
  /** The whole body of the request is in `request`. */
  isBodyComplete = false;
  /** The request's bytes were copied out of the read buffer. */
  isRetained = false;
  api: Api | null = null;
  /** Null once the answer was handed over. */
  downstream: ReplyTarget | null = null;
  /** `DownstreamProtocol` of the client; stays when `downstream` is gone. */
  protocol = 0;
  streamId = 0;
  readonly request = new RequestMessage();
  readonly response = new ResponseMessage();
  readonly session = new SessionView();
  /** `session` holds a validated session. */
  hasSession = false;
  /** `SessionStatus` of the last check; -1 when none was made. */
  sessionStatus = -1;
  /** Why the request did not end with 1000; null as long as nothing went wrong. */
  error: GatewayError | null = null;
  /** Times on the monotonic clock, ms; 0 while not reached. */
  startedMs = 0;
  /** The whole request was there: the time of the call begins. */
  receivedMs = 0;
  /** Handed to the upstream. */
  sentMs = 0;
  /** The service's answer, or the reason for none, was there. */
  answeredMs = 0;
  /** The answer was handed to the client's connection. */
  repliedMs = 0;
  deadlineMs = 0;
  /** Body bytes of the request and of the answer, for the logs. */
  requestBytes = 0;
  responseBytes = 0;
  /** Span id of the hop to the service: 8 bytes. */
  readonly spanId = Buffer.alloc(8);
  /** Times the request was sent upstream. */
  attempts = 0;
  /** The upstream connection that carries it and the id it has there; null and 0 otherwise. */
  link: object | null = null;
  linkId = 0;
  /** Every byte of the request was handed to the upstream's socket. */
  isSent = false;
  /** Neighbours in the list of the link or of the waiting line. The upstream owns them. */
  linkPrev: Exchange | null = null;
  linkNext: Exchange | null = null;
  /** State of filters that need one per request: index reserved when the chain is compiled. */
  readonly filterState: unknown[] = [];
  readonly #onDeadline: (exchange: Exchange) => void;

  constructor(slot: number, resumer: ExchangeResumer, onDeadline: (exchange: Exchange) => void) {
    super();
    this.slot = slot;
    this.resumer = resumer;
    this.#onDeadline = onDeadline;
  }

  /** The answer may be passed on in pieces: HTTP client, and no filter wants the whole body. */
  get acceptsStream(): boolean {
    return (
      this.protocol === DownstreamProtocol.http1 &&
      this.api!.chain.responseBody.filters.length === 0
    );
  }

  onDeadline(): void {
    this.#onDeadline(this);
  }

  /**
   * Answers the request from a filter: sets reason and result code. The filter then returns
   * `FilterStatus.reply`.
   */
  refuse(error: GatewayError): void {
    this.error = error;
    this.response.resultCode = error.resultCode;
  }

  /**
   * A filter decided the answer: without a code it is a success, and with another code than 1000
   * there is a reason for it. A kept answer that is given again has passed here before.
   */
  settleReply(): void {
    const { response } = this;
    if (response.resultCode === 0) response.resultCode = ResultCode.success;
    else if (response.resultCode !== ResultCode.success && !response.isFinal) {
      this.error ??= Errors.filterRefused;
    }
  }

  enter(state: ExchangeState): void {
    this.state = state;
    this.filterIndex = 0;
  }

  /** What the filter that paused still holds is stale from now on. */
  endPause(): void {
    this.isPaused = false;
    this.serial = (this.serial + 1) | 0;
  }

  /** Copies the request out of the read buffer, once. */
  retainRequest(): void {
    if (this.isRetained) return;
    this.isRetained = true;
    const { request, session } = this;
    request.retain();
    if (this.hasSession && !session.isLegacy) {
      session.rebase(request.sessionSource, request.sessionOffset);
    }
  }

  /** Ready for the next request; called when the object returns to the pool. */
  reset(): void {
    this.state = ExchangeState.free;
    this.filterIndex = 0;
    this.isPaused = false;
    this.isBodyComplete = false;
    this.isRetained = false;
    this.api = null;
    this.downstream = null;
    this.protocol = 0;
    this.streamId = 0;
    this.request.reset();
    this.response.reset();
    this.hasSession = false;
    this.sessionStatus = -1;
    this.error = null;
    this.startedMs = this.receivedMs = this.sentMs = 0;
    this.answeredMs = this.repliedMs = this.deadlineMs = 0;
    this.requestBytes = this.responseBytes = 0;
    this.attempts = 0;
    this.link = null;
    this.linkId = 0;
    this.isSent = false;
    this.linkPrev = this.linkNext = null;
    if (this.filterState.length > 0) this.filterState.length = 0;
  }
}
