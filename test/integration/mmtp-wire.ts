// An Mmtp client for tests that sees frames: whatever bytes a test wants are written, and frames
// are handed out as they come. The promise client of cli/client is used where only answers matter.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { encodeRequest, type RequestFields } from '#core/codec/mmtp/client-request.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameType, MetaStatus } from '#core/codec/mmtp/types.ts';
import { Signal, within } from './wait.ts';

const FRAME_BYTES_MAX = 16 * 1024 * 1024;
const HEADERS_MAX = 100;

/** One frame with bytes of its own. */
export interface WireFrame {
  readonly type: number;
  readonly streamId: number;
  readonly bytes: Buffer;
  readonly frame: MmtpFrame;
}

/** A RESPONSE as plain data. */
export interface WireResponse {
  readonly streamId: number;
  readonly code: number;
  readonly body: Buffer;
}

/** What `encode` writes. */
export function frameBytes(encode: (out: OutBuffer) => void): Buffer {
  const out = new OutBuffer();
  encode(out);
  return Buffer.from(out.take());
}

export const INIT = frameBytes((out) =>
  control.encodeInit(out, {
    appId: '',
    workspaceId: '',
    deviceId: '',
    dictIds: [],
    maxFrameBytes: 0,
    tableSize: 128,
  }),
);

/** A REQUEST as bytes. */
export function requestBytes(
  streamId: number,
  operationType: string,
  body = '',
  fields: Partial<RequestFields> = {},
): Buffer {
  return frameBytes((out) => {
    const rest = { body: Buffer.from(body), ...fields, streamId, operationType };
    assert.ok(encodeRequest(out, rest) > 0);
  });
}

/** One connection to an Mmtp listener. */
export class MmtpWire {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #table = new DynamicTable(128);
  #bytes: Buffer = Buffer.alloc(0);
  readonly #frames: WireFrame[] = [];
  #hasEnded = false;
  readonly #events = new Signal();

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (part: Buffer) => this.#received(part));
    this.socket.on('error', () => {});
    this.socket.on('end', () => this.#end());
    this.closed = new Promise((resolve) =>
      this.socket.once('close', () => {
        this.#end();
        resolve();
      }),
    );
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  write(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The next frame; rejects when the connection ends first. */
  next(): Promise<WireFrame> {
    return within(this.#next(), 'a frame');
  }

  /** The next frame, which must be of `type`. */
  async expect(type: number): Promise<WireFrame> {
    const frame = await this.next();
    assert.equal(frame.type, type, `frame of type ${frame.type} instead of ${type}`);
    return frame;
  }

  /** The next frame, which must be a RESPONSE. */
  async response(): Promise<WireResponse> {
    const { bytes, frame, streamId } = await this.expect(FrameType.response);
    const message = new ResponseMessage();
    const status = decodeResponse(bytes, frame, this.#table, message, HEADERS_MAX);
    assert.equal(status, MetaStatus.ok);
    const body = bytes.subarray(frame.bodyOffset, frame.bodyEnd);
    return { streamId, code: message.resultCode, body };
  }

  /** The next frame, which must be GOAWAY. */
  async goaway(): Promise<control.Goaway> {
    const { bytes, frame } = await this.expect(FrameType.goaway);
    const goaway = control.decodeGoaway(bytes, frame, this.#table);
    assert.ok(typeof goaway === 'object');
    return goaway;
  }

  /** The next frame, which must be INIT_ACK. */
  async initAck(): Promise<control.InitAck> {
    const { bytes, frame } = await this.expect(FrameType.initAck);
    const ack = control.decodeInitAck(bytes, frame, this.#table);
    assert.ok(typeof ack === 'object');
    return ack;
  }

  /** The next frame, which must be BIND_ACK; answers its result code. */
  async bindAck(): Promise<number> {
    const { bytes, frame } = await this.expect(FrameType.bindAck);
    const ack = control.decodeResultStatus(bytes, frame, this.#table);
    assert.ok(typeof ack === 'object');
    return ack.resultCode;
  }

  /** Resolves when the gateway has closed its side and every frame was taken. */
  ended(): Promise<void> {
    return within(this.#ended(), 'end of the connection');
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  async #ended(): Promise<void> {
    while (!this.#hasEnded) await this.#events.next();
    assert.deepEqual(
      this.#frames.map(({ type }) => type),
      [],
      'frames nobody expected',
    );
  }

  async #next(): Promise<WireFrame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#hasEnded) throw new Error('the connection ended before a frame');
      await this.#events.next();
    }
  }

  #end(): void {
    this.#hasEnded = true;
    this.#events.fire();
  }

  #received(part: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? part : Buffer.concat([this.#bytes, part]);
    for (;;) {
      const frame = new MmtpFrame();
      const status = peekFrame(this.#bytes, 0, this.#bytes.length, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok) {
        this.socket.destroy(new Error(`no Mmtp: ${this.#bytes.subarray(0, 32).toString('hex')}`));
        break;
      }
      const bytes = this.#bytes.subarray(0, frame.frameBytes);
      this.#frames.push({ type: frame.type, streamId: frame.streamId, bytes, frame });
      this.#bytes = this.#bytes.subarray(frame.frameBytes);
    }
    this.#events.fire();
  }
}

/** Opens a connection and exchanges INIT. */
export async function openMmtp(port: number, init = INIT): Promise<MmtpWire> {
  const wire = new MmtpWire(port);
  wire.write(init);
  await wire.initAck();
  return wire;
}
