// HOT PATH. Writes the answers of one HTTP/1.1 connection, whole or in pieces.

import type { Clock } from '#core/base/clock.ts';
import type { Transport } from '#core/base/network.ts';
import { appendChunk, appendLastChunk } from '#core/codec/http1/encoder.ts';
import { HttpMethod, type HttpHead } from '#core/codec/http1/types.ts';
import type { DownstreamCounters } from '#core/telemetry/counters.ts';
import type { DownstreamExchange } from './contract.ts';
import { appendBareReply, appendReply, appendReplyHead, ConnectionLine } from './http-reply.ts';

/** A streamed answer stops at this many queued bytes until the client has taken them. */
const STREAM_WINDOW_BYTES = 256 * 1024;

export class HttpResponder {
  /** A streamed answer waits for the client. */
  isStalled = false;
  readonly #transport: Transport;
  readonly #counters: DownstreamCounters;
  readonly #clock: Clock;
  #isChunked = false;
  #isHead = false;

  constructor(transport: Transport, counters: DownstreamCounters, clock: Clock) {
    this.#transport = transport;
    this.#counters = counters;
    this.#clock = clock;
  }

  /** Writes a whole answer to the request with the head `head`. */
  whole(exchange: DownstreamExchange, head: HttpHead, keepAlive: boolean): void {
    const { out } = this.#transport;
    const before = out.length;
    const isHead = head.method === HttpMethod.head;
    appendReply(out, exchange, isHead, lineOf(head, keepAlive), this.#clock);
    this.#written(out.length - before);
  }

  /**
   * Writes the head of an answer in pieces.
   *
   * @returns whether the connection can be kept after it: HTTP/1.0 knows no chunks, so the end of
   *   a body of unknown length is the end of the connection
   */
  start(exchange: DownstreamExchange, head: HttpHead, mayKeepAlive: boolean): boolean {
    const { out } = this.#transport;
    const before = out.length;
    const isUnknown = exchange.response.streamBytes < 0;
    this.#isChunked = isUnknown && !head.isHttp10;
    this.#isHead = head.method === HttpMethod.head;
    this.isStalled = false;
    const keepAlive = mayKeepAlive && (!isUnknown || this.#isChunked);
    const line = lineOf(head, keepAlive);
    appendReplyHead(out, exchange, this.#isChunked, line, this.#clock);
    this.#written(out.length - before);
    return keepAlive;
  }

  /** Writes one piece. False: the client does not keep up, see {@link HttpResponder.isStalled}. */
  piece(bytes: Buffer, offset: number, length: number): boolean {
    if (this.#isHead) return true;
    const { out } = this.#transport;
    if (this.#isChunked) appendChunk(out, bytes, offset, length);
    else out.append(bytes, offset, length);
    this.#written(length);
    // Once stalled, always stalled until the client has taken what is queued: whoever was told to
    // wait hears of it then.
    if (this.#transport.queuedBytes > STREAM_WINDOW_BYTES) this.isStalled = true;
    return !this.isStalled;
  }

  /** Ends an answer in pieces. */
  end(): void {
    if (this.#isChunked && !this.#isHead) appendLastChunk(this.#transport.out);
    this.#transport.flushSoon();
  }

  /** Answers something that is no request; the connection ends after it. */
  bare(status: number): void {
    appendBareReply(this.#transport.out, status, this.#clock);
    this.#counters.responsesOut++;
    this.#transport.flushSoon();
  }

  #written(bytes: number): void {
    this.#counters.bytesOut += bytes;
    this.#transport.flushSoon();
  }
}

function lineOf({ isHttp10 }: HttpHead, keepAlive: boolean): Buffer {
  if (!keepAlive) return ConnectionLine.close;
  return isHttp10 ? ConnectionLine.keepAlive : ConnectionLine.none;
}
