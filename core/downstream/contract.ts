// What downstream connections need of the rest, and what they offer it. The exchange room
// implements DownstreamHandler; this room knows neither filters nor upstreams.

import type { GatewayError } from '#core/base/errors.ts';
import type { RequestMessage, ResponseMessage } from '#core/codec/message.ts';

/** One request as a connection sees it. The object belongs to the handler and is reused. */
export interface DownstreamExchange {
  readonly slot: number;
  readonly request: RequestMessage;
  readonly response: ResponseMessage;
  streamId: number;
  /** The request's metadata is in memory of its own, not in the read buffer. */
  readonly isRetained: boolean;
  readonly error: GatewayError | null;
  readonly startedMs: number;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly repliedMs: number;
  responseBytes: number;
  readonly api: DownstreamApi | null;
}

/** What a connection asks of an API: how to dress the answer. */
export interface DownstreamApi {
  readonly language: 'en' | 'zh';
  /** 1: HTTP statuses follow the result code; 0: gateway answers have status 200. */
  readonly statusMode: number;
}

/** Where requests go. */
export interface DownstreamHandler {
  /** Monotonic ms, read once per batch of received bytes. */
  readonly nowMs: number;
  /** Starts a batch: reads the clock once for all requests in it. */
  batchStarted(): void;
  /** False: no request can be taken. The connection stops before one and calls `awaitRoom`. */
  readonly canTake: boolean;
  /** Stops reading from `connection` until requests can be taken again. */
  awaitRoom(connection: DownstreamConnection): void;
  /**
   * Opens an exchange for a request on `connection`; the caller fills `request`.
   *
   * @param bytes length of the whole request as it lies in memory; Infinity: not known
   * @param mayRepeat the client may send the same request again, and wants it done once
   * @returns null when too many exchanges are open: answer 1002 without one
   */
  open(
    connection: DownstreamConnection,
    streamId: number,
    bytes: number,
    mayRepeat: boolean,
  ): DownstreamExchange | null;
  /** The metadata is in `request`; the body is still arriving. The answer may come at once. */
  begin(exchange: DownstreamExchange): void;
  /** The whole request is in `request`. Called once, with or without `begin` before. */
  complete(exchange: DownstreamExchange): void;
  /**
   * As `complete`, but it may wait for others of its batch until `runStaged`: `request` and what it
   * points to stay as they are until then.
   */
  stage(exchange: DownstreamExchange): void;
  runStaged(): void;
  /** Ends the exchange with `error` as its answer, for example a body that broke a rule. */
  refuse(exchange: DownstreamExchange, error: GatewayError): void;
  /** The client is gone or took the request back: cancels it; no reply follows. */
  abort(exchange: DownstreamExchange, error: GatewayError): void;
  /** The connection takes data again: the answer streamed for `exchange` goes on. */
  streamWritable(exchange: DownstreamExchange): void;
  /** `connection` is gone, and its exchanges have been aborted. */
  closed(connection: DownstreamConnection): void;
  /** Is `session` valid on `channel` for the device with the id `device`? For BIND. */
  checkSession(session: Buffer, channel: number, device: Buffer): boolean;
}

/** A client connection as the handler sees it. */
export interface DownstreamConnection {
  readonly protocol: number;
  readonly channel: number;
  /** Address of the peer as text. */
  readonly clientIp: string;
  reply(exchange: DownstreamExchange): void;
  replyHead(exchange: DownstreamExchange): void;
  replyBody(exchange: DownstreamExchange, bytes: Buffer, offset: number, length: number): boolean;
  replyEnd(exchange: DownstreamExchange, isComplete: boolean): void;
  pauseReading(): void;
  resumeReading(): void;
}

/** How a listener's connections end when the gateway drains. */
export interface DrainableConnection {
  /** Refuses new requests, finishes open ones, then closes. */
  drain(): void;
  destroy(): void;
}

/** Limits and times of downstream connections; from `listeners` of the configuration. */
export interface DownstreamSettings {
  readonly streamsMax: number;
  readonly frameBytesMax: number;
  readonly headerBytesMax: number;
  readonly headersMax: number;
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly mmtpIdleTimeoutMs: number;
  readonly initTimeoutMs: number;
}
