// HOT PATH. What the connections of all generators have in common. Closed loop: each answer is
// followed by the next request at once. Open loop: requests come by `send` when they are due. Every
// answer is checked: its stream is open, and the protocol's own class finds nothing wrong with it.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import type { TaggedMessage } from '../peers/tagged-message.ts';
import { OpenStreams } from './open-streams.ts';
import type { Tally } from './tally.ts';

/** LIMIT: longest frame of an answer. Bytes. */
export const FRAME_BYTES_MAX = 1024 * 1024;

/** A tag is the number of its connection above this many bits of its request's number. */
const REQUEST_BITS = 20;

/** What the connections of a generator share. */
export interface LoadShared {
  readonly frames: {
    /** Appends the request with `tag` in its body on stream `streamId`. */
    append(out: OutBuffer, streamId: number, tag: number): void;
  };
  readonly expected: TaggedMessage;
  readonly tally: Tally;
  /** An answer is followed by the next request. */
  readonly isClosedLoop: boolean;
  /** Requests may be sent. */
  readonly onReady: () => void;
}

/** One generator connection. */
export abstract class LoadConnection implements TransportHandler {
  readonly streams: OpenStreams;
  /** False: no further request follows an answer. */
  isSending = true;
  protected readonly shared: LoadShared;
  protected transport: Transport | null = null;
  #isEnding = false;
  #tag: number;

  /**
   * @param number of the connection, 0..4095: part of every tag
   * @param streamsMax requests open at the same time
   */
  constructor(shared: LoadShared, number: number, streamsMax: number) {
    this.shared = shared;
    this.streams = new OpenStreams(streamsMax);
    this.#tag = number << REQUEST_BITS;
  }

  /** The socket is open. */
  opened(transport: Transport): void {
    this.transport = transport;
  }

  /** Fills the connection with requests, each due now. */
  fill(nowMs: number): void {
    for (let i = this.streams.count; i < this.streams.streamsMax; i++) this.send(nowMs);
  }

  /** Sends one request that was due at `dueMs`; the caller has checked that a stream is free. */
  send(dueMs: number): void {
    const transport = this.transport!;
    this.#tag = (this.#tag + 1) >>> 0;
    const streamId = this.streams.open(dueMs, this.#tag);
    this.shared.frames.append(transport.out, streamId, this.#tag);
    transport.flushSoon();
  }

  /** Ends the connection; that it closes is no problem then. */
  end(): void {
    this.#isEnding = true;
    this.transport?.destroy();
  }

  abstract onBytes(bytes: Buffer, start: number, end: number): number;

  onWritable(): void {}

  onEnd(): void {
    this.transport?.destroy();
  }

  onClose(error: string): void {
    if (!this.#isEnding) this.shared.tally.complain(`connection closed ${error}`.trim());
  }

  /** Takes the stream of an answer; false when nobody asked for it. */
  protected tryTake(streamId: number): boolean {
    if (this.streams.tryTake(streamId)) return true;
    this.shared.tally.complain('answer without a request');
    return false;
  }

  /**
   * Counts the answer on the stream that was taken last.
   *
   * @param problem what is wrong with it; '': its body is left to check
   */
  protected settle(
    problem: string,
    bytes: Buffer,
    bodyOffset: number,
    bodyLength: number,
    nowMs: number,
  ): void {
    const { tally, expected, isClosedLoop } = this.shared;
    const { dueMs, tag } = this.streams;
    if (problem !== '') tally.complain(problem);
    else if (!expected.equals(bytes, bodyOffset, bodyLength, tag)) tally.complain('wrong body');
    else tally.answered(dueMs, nowMs);
    if (isClosedLoop && this.isSending) this.send(nowMs);
  }

  /** Bytes that are no frame: the rest of the connection cannot be read. */
  protected refuse(): void {
    this.shared.tally.complain('malformed frame');
    this.transport?.destroy();
  }
}
