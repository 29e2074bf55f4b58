// HOT PATH. One connection of the Mmtp generator: INIT first, then requests. An answer is right
// when its result is 1000 and its body belongs to the request.

import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport } from '#core/base/network.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { decodeInitAck, encodeInit, encodePing } from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameType, HEADERS_MAX_DEFAULT, MetaStatus } from '#core/codec/mmtp/types.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { FRAME_BYTES_MAX, LoadConnection } from './load-connection.ts';

/** One connection to a gateway's Mmtp port; ready once INIT was accepted. */
export class MmtpLoadConnection extends LoadConnection {
  readonly #frame = new MmtpFrame();
  readonly #table = new DynamicTable(0);
  readonly #response = new ResponseMessage();

  /** The socket is open: says INIT. */
  override opened(transport: Transport): void {
    super.opened(transport);
    const names = { appId: 'bench', workspaceId: 'default', deviceId: '' };
    encodeInit(transport.out, { ...names, dictIds: [], maxFrameBytes: 0, tableSize: 0 });
    transport.flushSoon();
  }

  override onBytes(bytes: Buffer, start: number, end: number): number {
    const nowMs = performance.now();
    const frame = this.#frame;
    let at = start;
    while (at < end) {
      const status = peekFrame(bytes, at, end, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok) {
        this.refuse();
        return end - start;
      }
      if (frame.type === FrameType.response) this.#takeResponse(bytes, nowMs);
      else this.#takeOther(bytes);
      at += frame.frameBytes;
    }
    return at - start;
  }

  #takeResponse(bytes: Buffer, nowMs: number): void {
    if (!this.tryTake(this.#frame.streamId)) return;
    const response = this.#response;
    const status = decodeResponse(bytes, this.#frame, this.#table, response, HEADERS_MAX_DEFAULT);
    const { bodyOffset, bodyLength, resultCode } = response;
    let problem = '';
    if (status !== MetaStatus.ok) problem = 'malformed answer';
    else if (resultCode !== ResultCode.success) problem = `result ${resultCode}`;
    this.settle(problem, bytes, bodyOffset, bodyLength, nowMs);
  }

  /** Frames that are no answers. Cold path. */
  #takeOther(bytes: Buffer): void {
    const frame = this.#frame;
    const { tally, onReady } = this.shared;
    if (frame.type === FrameType.initAck) {
      const ack = decodeInitAck(bytes, frame, this.#table);
      const code = typeof ack === 'object' ? ack.resultCode : 0;
      if (code === ResultCode.success) onReady();
      else tally.complain(`INIT refused with ${code}`);
    } else if (frame.type === FrameType.ping) {
      const { out } = this.transport!;
      const length = frame.bodyEnd - frame.bodyOffset;
      encodePing(out, FrameType.pong, bytes, frame.bodyOffset, length);
      this.transport!.flushSoon();
    } else if (frame.type === FrameType.goaway) tally.complain('GOAWAY');
  }
}
