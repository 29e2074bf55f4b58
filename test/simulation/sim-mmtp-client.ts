// An Mmtp client of a simulation: one connection at a time with many streams, a dynamic table, a
// bound session now and then, and requests that it takes back.

import assert from 'node:assert/strict';
import { DecodeStatus } from '#core/base/decode-status.ts';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { decompressBody } from '#core/codec/mmtp/body.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import { encodeCancel, encodeInit } from '#core/codec/mmtp/control.ts';
import { DynamicTable, DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameFlag, FrameType, MetaStatus, TABLE_SIZE_DEFAULT } from '#core/codec/mmtp/types.ts';
import { mint } from '#test/core/codec/session/reference.ts';
import type { SimCall, SimCalls } from './sim-calls.ts';
import type { SimNetwork } from './sim-network.ts';

/** Largest pause between bursts. Ms. */
const PAUSE_MS_MAX = 150;

/** Most requests in a burst. */
const BURST_MAX = 6;

const FRAME_BYTES_MAX = 1 << 20;
const CONNECT = { highWatermarkBytes: 1 << 20, connectTimeoutMs: 1000 };

const frame = new MmtpFrame();
const response = new ResponseMessage();

/** One client that makes `count` calls. */
export class SimMmtpClient implements TransportHandler {
  readonly #network: SimNetwork;
  readonly #port: number;
  readonly #calls: SimCalls;
  #left: number;
  #transport: Transport | null = null;
  #table = new DynamicTable(TABLE_SIZE_DEFAULT);
  #encoder = new DynamicTableEncoder(TABLE_SIZE_DEFAULT);
  readonly #streams = new Map<number, SimCall>();
  /** Taken back: an answer that was on its way is no fault. */
  readonly #cancelled = new Set<number>();
  #nextStream = 1;
  #hasQuit = false;

  constructor(network: SimNetwork, port: number, calls: SimCalls, count: number) {
    this.#network = network;
    this.#port = port;
    this.#calls = calls;
    this.#left = count;
    this.#connect();
  }

  get isDone(): boolean {
    return this.#left === 0 && this.#streams.size === 0;
  }

  onBytes(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const status = peekFrame(bytes, at, end, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) break;
      assert.equal(status, DecodeStatus.ok, 'the gateway sent something that is no frame');
      at = frame.bodyEnd;
      assert.notEqual(frame.type, FrameType.goaway, 'the gateway says that we broke the protocol');
      if (frame.type === FrameType.response) this.#answered(bytes);
    }
    return at - start;
  }

  onWritable(): void {}

  onEnd(): void {
    this.#transport?.destroy();
  }

  onClose(error: string): void {
    if (!this.#hasQuit && this.#streams.size > 0) {
      assert.fail(`${this.#streams.size} calls were not answered: closed with "${error}"`);
    }
    for (const call of this.#streams.values()) call.abandoned('abandoned');
    this.#streams.clear();
    this.#transport = null;
    this.#connect();
  }

  /** Goes away, whatever is open. */
  quit(): void {
    if (this.#transport === null || this.#streams.size === 0) return;
    this.#hasQuit = true;
    this.#transport.destroy();
  }

  #connect(): void {
    if (this.#left === 0) return;
    this.#hasQuit = false;
    this.#table = new DynamicTable(TABLE_SIZE_DEFAULT);
    this.#encoder = new DynamicTableEncoder(TABLE_SIZE_DEFAULT);
    this.#cancelled.clear();
    this.#nextStream = 1;
    const address = { host: 'gateway', port: this.#port };
    this.#network.connect(address, CONNECT, this, (transport) => {
      this.#transport = transport;
      encodeInit(transport.out, {
        appId: 'sim',
        workspaceId: '',
        deviceId: 'phone',
        dictIds: [],
        maxFrameBytes: 0,
        tableSize: TABLE_SIZE_DEFAULT,
      });
      transport.flushSoon();
      this.#pause();
    });
  }

  #pause(): void {
    const transport = this.#transport;
    this.#network.later(this.#network.random.below(PAUSE_MS_MAX), () => {
      if (this.#transport === transport && transport !== null) this.#burst(transport);
    });
  }

  #burst(transport: Transport): void {
    const { random } = this.#network;
    if (this.#left === 0) {
      if (this.#streams.size === 0) transport.destroy();
      else this.#pause();
      return;
    }
    const count = Math.min(this.#left, random.between(1, BURST_MAX));
    for (let i = 0; i < count; i++) this.#send(transport);
    if (random.chance(0.4)) this.#cancelOne(transport);
    transport.flushSoon();
    this.#pause();
  }

  #send(transport: Transport): void {
    const call = this.#calls.create();
    this.#left--;
    const streamId = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(streamId, call);
    const { operation, body, uid } = call;
    const written = encodeRequest(
      transport.out,
      {
        streamId,
        operationType: operation.name,
        appId: 'sim',
        contentType: 2,
        session: operation.isUser ? mint({ uid }) : undefined,
        body: Buffer.from(body, 'latin1'),
      },
      this.#encoder,
    );
    assert.ok(written > 0);
  }

  #cancelOne(transport: Transport): void {
    const [open] = this.#streams;
    if (open === undefined) return;
    const [streamId, call] = open;
    this.#streams.delete(streamId);
    this.#cancelled.add(streamId);
    call.abandoned('abandoned');
    encodeCancel(transport.out, streamId);
  }

  #answered(bytes: Buffer): void {
    const { streamId, flags } = frame;
    const status = decodeResponse(bytes, frame, this.#table, response, 100);
    assert.equal(status, MetaStatus.ok);
    if (this.#cancelled.delete(streamId)) return;
    const call = this.#streams.get(streamId);
    assert.ok(call !== undefined, `an answer to stream ${streamId}, which is not open`);
    this.#streams.delete(streamId);
    const { bodySource, bodyOffset, bodyLength, resultCode } = response;
    let body = bodySource.subarray(bodyOffset, bodyOffset + bodyLength);
    if ((flags & FrameFlag.compressed) !== 0) {
      const plain = decompressBody(bodySource, bodyOffset, bodyLength, FRAME_BYTES_MAX, null);
      assert.ok(typeof plain !== 'string');
      body = plain;
    }
    call.answered(resultCode, body.toString('latin1'));
  }
}
