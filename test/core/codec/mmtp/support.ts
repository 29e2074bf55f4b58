// Helpers of the Mmtp codec tests: hex dumps with legends, messages as plain data, decoders.

import assert from 'node:assert/strict';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestMessage } from '#core/codec/message.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { headerTexts } from '#core/codec/mmtp/push.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import type { MetaStatus } from '#core/codec/mmtp/types.ts';

export const FRAME_MAX = 1 << 20;

/** Bytes of a dump whose lines read `4d 01 05 00 | legend`. */
export function fromDump(dump: string): Buffer {
  const digits = dump.split('\n').map((line) => line.split('|')[0]!.replaceAll(/\s/g, ''));
  return Buffer.from(digits.join(''), 'hex');
}

/** What `encode` appends. */
export function encoded(encode: (out: OutBuffer) => void): Buffer {
  const out = new OutBuffer();
  encode(out);
  return Buffer.from(out.take());
}

/** Peeks the one complete frame that `bytes` are. */
export function peekWhole(bytes: Buffer, frame = new MmtpFrame()): MmtpFrame {
  assert.equal(peekFrame(bytes, 0, bytes.length, FRAME_MAX, frame), DecodeStatus.ok);
  assert.equal(frame.frameBytes, bytes.length);
  return frame;
}

/** A frame of `type` with raw meta bytes. */
export function rawFrame(type: number, streamId: number, meta: Buffer, body = ''): Buffer {
  const header = Buffer.from([0x4d, 1, type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(streamId, 4);
  header.writeUInt32BE(16 + meta.length + body.length, 8);
  header.writeUInt16BE(meta.length, 12);
  return Buffer.concat([header, meta, Buffer.from(body)]);
}

/** One TLV with type and value; lengths below 2^21. */
export function tlv(type: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(type), varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Meta of a REQUEST decoded, with what decoding said. */
export interface Decoded {
  readonly status: MetaStatus;
  readonly wrongField: number;
  readonly request: RequestMessage;
}

export function decodeMeta(
  meta: Buffer,
  options: { table?: DynamicTable; headersMax?: number; trusted?: boolean } = {},
): Decoded {
  const bytes = rawFrame(5, 1, meta);
  const frame = peekWhole(bytes);
  const request = new RequestMessage();
  const table = options.table ?? new DynamicTable(128);
  const { headersMax = 64, trusted = false } = options;
  const status = decodeRequest(bytes, frame, table, request, headersMax, trusted);
  return { status, wrongField: frame.wrongField, request };
}

/** A request as plain data, independent of where its bytes are. */
export function plainRequest(request: RequestMessage): Record<string, unknown> {
  const { source, sessionSource: session, bodySource: body } = request;
  const text = (at: number, length: number): string => source.utf8Slice(at, at + length);
  const hex = (from: Buffer, at: number, length: number): string =>
    from.subarray(at, at + length).toString('hex');
  return {
    operationType: text(request.operationOffset, request.operationLength),
    appId: text(request.appIdOffset, request.appIdLength),
    workspaceId: text(request.workspaceIdOffset, request.workspaceIdLength),
    deviceId: text(request.deviceIdOffset, request.deviceIdLength),
    session: hex(session, request.sessionOffset, request.sessionLength),
    sign: hex(source, request.signOffset, request.signLength),
    signType: request.signType,
    requestId: hex(source, request.requestIdOffset, request.requestIdLength),
    timestampMs: request.timestampMs,
    timeoutMs: request.timeoutMs,
    clientIp: request.clientIp,
    bucket: request.bucket,
    attempt: request.attempt,
    flags: request.flags,
    channel: request.channel,
    contentType: request.contentType,
    trace: request.hasTrace ? request.trace.toString('hex') : '',
    headers: headerTexts(request.headers, source),
    body: hex(body, request.bodyOffset, request.bodyLength),
  };
}
