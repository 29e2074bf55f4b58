// The frames that manage a connection: INIT, INIT_ACK, BIND, BIND_ACK, UNBIND, PING, PONG, EVENT,
// GOAWAY, CANCEL. Cold path: a connection sees few of them, so plain objects and texts are used.
// Invariant: decoders answer an object, or a MetaStatus when the frame is malformed or wrong.
// What the frames make a connection do is left to downstream connections and clients.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import type { DynamicTable } from './dynamic-table.ts';
import type { MmtpFrame } from './frame.ts';
import { readU32 } from './frame.ts';
import { beginFrame, finishFrame } from './frame-writer.ts';
import { noteWrong, openMeta } from './meta.ts';
import { appendBytesTlv, appendNumberTlv, appendTextTlv, TlvReader, TlvStep } from './tlv.ts';
import { Channel, DEVICE_ID_BYTES_MAX, DICT_OFFERS_MAX, Field, FrameType } from './types.ts';
import { MetaStatus, PING_BODY_BYTES_MAX, SESSION_BYTES_MAX, TABLE_SIZE_DEFAULT } from './types.ts';

/** A decoder's answer when there is no message. */
export type MetaFailure = Exclude<MetaStatus, typeof MetaStatus.ok>;

/** What a client says about itself. */
export interface Init {
  readonly appId: string;
  readonly workspaceId: string;
  readonly deviceId: string;
  /** zstd dictionaries the client has; at most DICT_OFFERS_MAX. */
  readonly dictIds: readonly number[];
  /** Largest frame the client takes; 0: it did not say. */
  readonly maxFrameBytes: number;
  /** Entries of the client's decoding table. */
  readonly tableSize: number;
}

/** The server's answer to INIT. */
export interface InitAck {
  /** 1000: accepted. */
  readonly resultCode: number;
  /** 0: not said. */
  readonly maxStreams: number;
  readonly maxFrameBytes: number;
  readonly idleTimeoutS: number;
  /** How long a client should wait before it reconnects; 0: not said. */
  readonly reconnectAfterS: number;
  /** The dictionary for COMPRESSED bodies; 0: none. */
  readonly dictId: number;
  /** Entries of the server's decoding table. */
  readonly tableSize: number;
}

/** A notice of the server. */
export interface ServerEvent {
  /** One of EventKind, or a kind this version does not know. */
  readonly kind: number;
  /** For `restrict`: seconds during which calls should fail locally. */
  readonly delayS: number;
  /** Text for the user; may be empty. */
  readonly prompt: string;
}

/** The sender will open and accept no more streams. */
export interface Goaway {
  /** Streams above it were not processed and are safe to resend elsewhere. */
  readonly lastStream: number;
  /** Why: 1000 for a drain, 3002 for a malformed frame; 0: not said. */
  readonly resultCode: number;
  readonly reconnectAfterS: number;
}

const NO_BYTES = new Uint8Array(0);

/** Appends INIT. */
export function encodeInit(out: OutBuffer, init: Init): void {
  const start = beginFrame(out, FrameType.init, 0, 0, Channel.common);
  appendText(out, Field.appId, init.appId);
  appendText(out, Field.workspaceId, init.workspaceId);
  appendText(out, Field.deviceId, init.deviceId);
  for (const dictId of init.dictIds) appendNumberTlv(out, Field.dictId, dictId, 4);
  if (init.maxFrameBytes > 0) appendNumberTlv(out, Field.maxFrameBytes, init.maxFrameBytes, 4);
  appendNumberTlv(out, Field.tableSize, init.tableSize, 4);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Reads INIT; what it does not say has the defaults of docs/mmtp.md. */
export function decodeInit(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
): Init | MetaFailure {
  const dictIds: number[] = [];
  const fields = readFields(bytes, frame, table, (type, value) => {
    if (type === Field.dictId && dictIds.length < DICT_OFFERS_MAX) dictIds.push(value);
  });
  if (typeof fields === 'number') return fields;
  const deviceId = fields.text(Field.deviceId);
  if (Buffer.byteLength(deviceId) > DEVICE_ID_BYTES_MAX) return MetaStatus.malformed;
  return {
    appId: fields.text(Field.appId),
    workspaceId: fields.text(Field.workspaceId),
    deviceId,
    dictIds,
    maxFrameBytes: fields.number(Field.maxFrameBytes, 0),
    tableSize: fields.number(Field.tableSize, TABLE_SIZE_DEFAULT),
  };
}

/** Appends INIT_ACK; fields that are 0 are left out, except TABLE_SIZE. */
export function encodeInitAck(out: OutBuffer, ack: InitAck): void {
  const start = beginFrame(out, FrameType.initAck, 0, 0, Channel.common);
  appendNumberTlv(out, Field.resultStatus, ack.resultCode, 2);
  appendNonZero(out, Field.maxStreams, ack.maxStreams);
  appendNonZero(out, Field.maxFrameBytes, ack.maxFrameBytes);
  appendNonZero(out, Field.idleTimeoutS, ack.idleTimeoutS);
  appendNonZero(out, Field.reconnectAfterS, ack.reconnectAfterS);
  appendNonZero(out, Field.dictId, ack.dictId);
  appendNumberTlv(out, Field.tableSize, ack.tableSize, 4);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Reads INIT_ACK. */
export function decodeInitAck(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
): InitAck | MetaFailure {
  const fields = readFields(bytes, frame, table);
  if (typeof fields === 'number') return fields;
  return {
    resultCode: fields.number(Field.resultStatus, 0),
    maxStreams: fields.number(Field.maxStreams, 0),
    maxFrameBytes: fields.number(Field.maxFrameBytes, 0),
    idleTimeoutS: fields.number(Field.idleTimeoutS, 0),
    reconnectAfterS: fields.number(Field.reconnectAfterS, 0),
    dictId: fields.number(Field.dictId, 0),
    tableSize: fields.number(Field.tableSize, TABLE_SIZE_DEFAULT),
  };
}

/** Appends BIND with raw session bytes. */
export function encodeBind(out: OutBuffer, session: Uint8Array): void {
  const start = beginFrame(out, FrameType.bind, 0, 0, Channel.common);
  appendBytesTlv(out, Field.session, session, 0, session.length);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Reads BIND: the session bytes, copied, empty when the field is missing. */
export function decodeBind(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
): Buffer | MetaFailure {
  const fields = readFields(bytes, frame, table);
  return typeof fields === 'number' ? fields : fields.bytes(Field.session);
}

/** Appends BIND_ACK: 1000, or 2000 when the session is not valid. */
export function encodeBindAck(out: OutBuffer, resultCode: number): void {
  const start = beginFrame(out, FrameType.bindAck, 0, 0, Channel.common);
  appendNumberTlv(out, Field.resultStatus, resultCode, 2);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Reads RESULT_STATUS of BIND_ACK or PUSH_ACK; 0 when the field is missing. */
export function decodeResultStatus(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
): { readonly resultCode: number } | MetaFailure {
  const fields = readFields(bytes, frame, table);
  if (typeof fields === 'number') return fields;
  return { resultCode: fields.number(Field.resultStatus, 0) };
}

/** Appends UNBIND. */
export function encodeUnbind(out: OutBuffer): void {
  const start = beginFrame(out, FrameType.unbind, 0, 0, Channel.common);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Appends CANCEL for the request on `streamId`. */
export function encodeCancel(out: OutBuffer, streamId: number): void {
  const start = beginFrame(out, FrameType.cancel, 0, streamId, Channel.rpc);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Appends PING or PONG with `body[offset, offset + length)`, at most PING_BODY_BYTES_MAX bytes. */
export function encodePing(
  out: OutBuffer,
  type: typeof FrameType.ping | typeof FrameType.pong,
  body: Uint8Array = NO_BYTES,
  offset = 0,
  length = body.length,
): void {
  const start = beginFrame(out, type, 0, 0, Channel.common);
  finishFrame(out, start, body, offset, length);
}

/**
 * Checks a frame whose meta says nothing (UNBIND, PING, PONG, CANCEL): TLVs sound, DEFINEs applied,
 * the body of PING and PONG within its limit.
 */
export function decodeEmpty(bytes: Buffer, frame: MmtpFrame, table: DynamicTable): MetaStatus {
  const isPing = frame.type === FrameType.ping || frame.type === FrameType.pong;
  const isTooLong = isPing && frame.bodyEnd - frame.bodyOffset > PING_BODY_BYTES_MAX;
  if (isTooLong || openMeta(bytes, frame, table, reader) === null) return MetaStatus.malformed;
  return MetaStatus.ok;
}

/** Appends EVENT. */
export function encodeEvent(out: OutBuffer, event: ServerEvent): void {
  const start = beginFrame(out, FrameType.event, 0, 0, Channel.common);
  appendNumberTlv(out, Field.eventKind, event.kind, 1);
  appendNonZero(out, Field.eventDelayS, event.delayS);
  appendText(out, Field.prompt, event.prompt);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Reads EVENT. */
export function decodeEvent(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
): ServerEvent | MetaFailure {
  const fields = readFields(bytes, frame, table);
  if (typeof fields === 'number') return fields;
  return {
    kind: fields.number(Field.eventKind, 0),
    delayS: fields.number(Field.eventDelayS, 0),
    prompt: fields.text(Field.prompt),
  };
}

/** Appends GOAWAY. */
export function encodeGoaway(out: OutBuffer, goaway: Goaway): void {
  const start = beginFrame(out, FrameType.goaway, 0, 0, Channel.common);
  appendNumberTlv(out, Field.lastStream, goaway.lastStream, 4);
  if (goaway.resultCode > 0) appendNumberTlv(out, Field.resultStatus, goaway.resultCode, 2);
  appendNonZero(out, Field.reconnectAfterS, goaway.reconnectAfterS);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

/** Reads GOAWAY. */
export function decodeGoaway(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
): Goaway | MetaFailure {
  const fields = readFields(bytes, frame, table);
  if (typeof fields === 'number') return fields;
  return {
    lastStream: fields.number(Field.lastStream, 0),
    resultCode: fields.number(Field.resultStatus, 0),
    reconnectAfterS: fields.number(Field.reconnectAfterS, 0),
  };
}

/** Lengths of the number fields that control frames carry. */
const NUMBER_BYTES: ReadonlyMap<number, number> = new Map<number, number>([
  [Field.resultStatus, 2],
  [Field.dictId, 4],
  [Field.maxStreams, 4],
  [Field.maxFrameBytes, 4],
  [Field.idleTimeoutS, 4],
  [Field.reconnectAfterS, 4],
  [Field.lastStream, 4],
  [Field.eventKind, 1],
  [Field.eventDelayS, 4],
  [Field.tableSize, 4],
]);

/** The last value of every known field of one control frame. */
class ControlFields {
  readonly #numbers = new Map<number, number>();
  readonly #ranges = new Map<number, Buffer>();

  set(type: number, value: Buffer): void {
    this.#ranges.set(type, value);
  }

  setNumber(type: number, value: number): void {
    this.#numbers.set(type, value);
  }

  number(type: number, fallback: number): number {
    return this.#numbers.get(type) ?? fallback;
  }

  text(type: number): string {
    return this.#ranges.get(type)?.toString('utf8') ?? '';
  }

  bytes(type: number): Buffer {
    return Buffer.from(this.#ranges.get(type) ?? NO_BYTES);
  }
}

const reader = new TlvReader();

function readFields(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
  onNumber?: (type: number, value: number) => void,
): ControlFields | MetaFailure {
  const source = openMeta(bytes, frame, table, reader);
  if (source === null) return MetaStatus.malformed;
  const fields = new ControlFields();
  while (reader.next(source) === TlvStep.tlv) {
    const { type, valueOffset, valueLength } = reader;
    const size = NUMBER_BYTES.get(type);
    if (size === undefined) {
      fields.set(type, source.subarray(valueOffset, valueOffset + valueLength));
      if (type === Field.session && valueLength > SESSION_BYTES_MAX) noteWrong(frame, type);
    } else if (size === valueLength) {
      const value =
        size === 4 ? readU32(source, valueOffset) : source.readUIntBE(valueOffset, size);
      fields.setNumber(type, value);
      onNumber?.(type, value);
    } else {
      noteWrong(frame, type);
    }
  }
  return frame.wrongField === 0 ? fields : MetaStatus.fieldWrong;
}

function appendText(out: OutBuffer, field: number, text: string): void {
  if (text !== '') appendTextTlv(out, field, text);
}

function appendNonZero(out: OutBuffer, field: number, value: number): void {
  if (value !== 0) appendNumberTlv(out, field, value, 4);
}
