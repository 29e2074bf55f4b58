// HOT PATH. One connection of the Mmtp generator. Closed loop: each answer is followed by the next
// request at once. Open loop: requests come by `send` when they are due. Every answer is checked:
// its stream is open, its result is 1000, its body belongs to the request.

import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { decodeInitAck, encodeInit, encodePing } from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameType, HEADERS_MAX_DEFAULT, MetaStatus } from '#core/codec/mmtp/types.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import type { TaggedMessage } from '../peers/tagged-message.ts';
import { OpenStreams } from './open-streams.ts';
import type { RequestFrames } from './request-frames.ts';
import type { Tally } from './tally.ts';

const FRAME_BYTES_MAX = 1024 * 1024;

/** What the connections of a generator share. */
export interface LoadShared {
  readonly frames: RequestFrames;
  readonly expected: TaggedMessage;
  readonly tally: Tally;
  /** An answer is followed by the next request. */
  readonly isClosedLoop: boolean;
  /** INIT was accepted. */
  readonly onReady: () => void;
}

/** One generator connection. */
export class LoadConnection implements TransportHandler {
  readonly streams: OpenStreams;
  /** False: no further request follows an answer. */
  isSending = true;
  readonly #shared: LoadShared;
  readonly #frame = new MmtpFrame();
  readonly #table = new DynamicTable(0);
  readonly #response = new ResponseMessage();
  #transport: Transport | null = null;
  #isEnding = false;
  #tag: number;

  /**
   * @param number of the connection, 0..4095: part of every tag
   * @param streamsMax requests open at the same time
   */
  constructor(shared: LoadShared, number: number, streamsMax: number) {
    this.#shared = shared;
    this.streams = new OpenStreams(streamsMax);
    this.#tag = number << 20;
  }

  /** The socket is open: says INIT. */
  opened(transport: Transport): void {
    this.#transport = transport;
    const names = { appId: 'bench', workspaceId: 'default', deviceId: '' };
    encodeInit(transport.out, { ...names, dictIds: [], maxFrameBytes: 0, tableSize: 0 });
    transport.flushSoon();
  }

  /** Fills the connection with requests, each due now. */
  fill(nowMs: number): void {
    for (let i = this.streams.count; i < this.streams.streamsMax; i++) this.send(nowMs);
  }

  /** Sends one request that was due at `dueMs`; the caller has checked that a stream is free. */
  send(dueMs: number): void {
    const transport = this.#transport!;
    this.#tag = (this.#tag + 1) >>> 0;
    const streamId = this.streams.open(dueMs, this.#tag);
    this.#shared.frames.append(transport.out, streamId, this.#tag);
    transport.flushSoon();
  }

  /** Ends the connection; that it closes is no problem then. */
  end(): void {
    this.#isEnding = true;
    this.#transport?.destroy();
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    const nowMs = performance.now();
    const frame = this.#frame;
    let at = start;
    while (at < end) {
      const status = peekFrame(bytes, at, end, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok) {
        this.#shared.tally.complain('malformed frame');
        this.#transport?.destroy();
        return end - start;
      }
      if (frame.type === FrameType.response) this.#takeResponse(bytes, nowMs);
      else this.#takeOther(bytes);
      at += frame.frameBytes;
    }
    return at - start;
  }

  onWritable(): void {}

  onEnd(): void {
    this.#transport?.destroy();
  }

  onClose(error: string): void {
    if (!this.#isEnding) this.#shared.tally.complain(`connection closed ${error}`.trim());
  }

  #takeResponse(bytes: Buffer, nowMs: number): void {
    const { tally, expected, isClosedLoop } = this.#shared;
    const { streams } = this;
    if (!streams.tryTake(this.#frame.streamId)) {
      tally.complain('answer without a request');
      return;
    }
    const { dueMs, tag } = streams;
    const response = this.#response;
    const status = decodeResponse(bytes, this.#frame, this.#table, response, HEADERS_MAX_DEFAULT);
    const { bodyOffset, bodyLength } = response;
    if (status !== MetaStatus.ok) tally.complain('malformed answer');
    else if (response.resultCode !== ResultCode.success) {
      tally.complain(`result ${response.resultCode}`);
    } else if (!expected.equals(bytes, bodyOffset, bodyLength, tag)) tally.complain('wrong body');
    else tally.answered(dueMs, nowMs);
    if (isClosedLoop && this.isSending) this.send(nowMs);
  }

  /** Frames that are no answers. Cold path. */
  #takeOther(bytes: Buffer): void {
    const frame = this.#frame;
    const { tally, onReady } = this.#shared;
    if (frame.type === FrameType.initAck) {
      const ack = decodeInitAck(bytes, frame, this.#table);
      const code = typeof ack === 'object' ? ack.resultCode : 0;
      if (code === ResultCode.success) onReady();
      else tally.complain(`INIT refused with ${code}`);
    } else if (frame.type === FrameType.ping) {
      const { out } = this.#transport!;
      const length = frame.bodyEnd - frame.bodyOffset;
      encodePing(out, FrameType.pong, bytes, frame.bodyOffset, length);
      this.#transport!.flushSoon();
    } else if (frame.type === FrameType.goaway) tally.complain('GOAWAY');
  }
}
