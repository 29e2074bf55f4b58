// REQUEST as clients write it: once with all fields given, or from a template whose bytes are
// copied for every call (load generators).
// Invariant: encoding appends one whole frame or nothing. Values are written as they are given;
// tests use that to write wrong ones.

import { OutBuffer } from '#core/base/out-buffer.ts';
import type { DynamicTableEncoder } from './dynamic-table.ts';
import { beginFrame, finishFrame, writeU32 } from './frame-writer.ts';
import { appendTextHeader } from './header-field.ts';
import { appendBytesTlv, appendNumberTlv, appendTextTlv, appendTlvHead } from './tlv.ts';
import { Channel, Field, FrameFlag, FrameType } from './types.ts';

/** What one REQUEST says; a field that is left out is not written. */
export interface RequestFields {
  readonly streamId: number;
  readonly operationType: string;
  /** Raw session bytes. */
  readonly session?: Buffer | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Time left for this call, ms. */
  readonly timeoutMs?: number | undefined;
  /** 8 to 16 bytes; sets CAN_RESEND. */
  readonly requestId?: Buffer | undefined;
  readonly body?: Uint8Array | undefined;
  readonly contentType?: number | undefined;
  /** {@link FrameFlag} bits besides CAN_RESEND. */
  readonly flags?: number | undefined;
  /** Default RPC. */
  readonly channel?: number | undefined;
  readonly appId?: string | undefined;
  readonly workspaceId?: string | undefined;
  readonly deviceId?: string | undefined;
  /** Ms since the epoch. */
  readonly timestampMs?: number | undefined;
  readonly sign?: Buffer | undefined;
  readonly signType?: number | undefined;
  /** 25 bytes: trace id, span id, flags. */
  readonly trace?: Buffer | undefined;
  /** 4 or 16 bytes; believed from access layers only. */
  readonly clientIp?: Buffer | undefined;
  /** 0..9999; believed from access layers only. */
  readonly bucket?: number | undefined;
  readonly attempt?: number | undefined;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Appends one REQUEST.
 *
 * @param table shortens the fields that tend to come again; null writes all in full
 * @returns bytes of the frame; 0 when the meta exceeds 65,535 bytes: nothing was written. A table
 *   may have remembered fields of a frame taken back so: do not use it any more
 */
export function encodeRequest(
  out: OutBuffer,
  fields: RequestFields,
  table: DynamicTableEncoder | null = null,
): number {
  const flags = (fields.flags ?? 0) | (fields.requestId === undefined ? 0 : FrameFlag.canResend);
  const channel = fields.channel ?? Channel.rpc;
  const start = beginFrame(out, FrameType.request, flags, fields.streamId, channel);
  appendRepeating(out, Field.operationType, fields.operationType, table);
  appendRepeating(out, Field.appId, fields.appId, table);
  appendRepeating(out, Field.workspaceId, fields.workspaceId, table);
  appendRepeating(out, Field.deviceId, fields.deviceId, table);
  appendOptional(out, Field.session, fields.session);
  appendOptional(out, Field.sign, fields.sign);
  appendOptional(out, Field.trace, fields.trace);
  appendOptional(out, Field.clientIp, fields.clientIp);
  appendOptional(out, Field.requestId, fields.requestId);
  if (fields.timestampMs !== undefined) {
    appendTlvHead(out, Field.timestamp, 8);
    const at = out.reserve(8);
    writeU32(out.bytes, at, Math.floor(fields.timestampMs / 0x1_0000_0000));
    writeU32(out.bytes, at + 4, fields.timestampMs >>> 0);
  }
  appendNumber(out, Field.signType, fields.signType, 1);
  appendNumber(out, Field.timeoutMs, fields.timeoutMs, 4);
  appendNumber(out, Field.bucket, fields.bucket, 2);
  appendNumber(out, Field.attempt, fields.attempt, 1);
  appendNumber(out, Field.contentType, fields.contentType, 1);
  for (const [name, value] of fields.headers ?? []) {
    const at = out.length;
    appendTextHeader(out, name, value);
    table?.shorten(out, at);
  }
  const body = fields.body ?? NO_BYTES;
  return finishFrame(out, start, body, 0, body.length);
}

function appendRepeating(
  out: OutBuffer,
  field: number,
  text: string | undefined,
  table: DynamicTableEncoder | null,
): void {
  if (text === undefined) return;
  const at = out.length;
  appendTextTlv(out, field, text);
  table?.shorten(out, at);
}

function appendOptional(out: OutBuffer, field: number, value: Buffer | undefined): void {
  if (value !== undefined) appendBytesTlv(out, field, value, 0, value.length);
}

function appendNumber(
  out: OutBuffer,
  field: number,
  value: number | undefined,
  size: number,
): void {
  if (value !== undefined) appendNumberTlv(out, field, value, size);
}

/** A REQUEST encoded once and repeated with other stream ids and, if wanted, other sessions. */
export class RequestTemplate {
  readonly #frame: Buffer;
  /** Where the session bytes are within the frame; -1 without session. */
  readonly #sessionAt: number;
  readonly #sessionBytes: number;

  /** @throws RangeError when the fields do not fit a frame */
  constructor(fields: Omit<RequestFields, 'streamId'>) {
    const out = new OutBuffer();
    if (encodeRequest(out, { ...fields, streamId: 1 }) === 0) {
      throw new RangeError('The request fields take more than 65,535 bytes');
    }
    this.#frame = Buffer.from(out.take());
    this.#sessionBytes = fields.session?.length ?? 0;
    this.#sessionAt = fields.session === undefined ? -1 : sessionOffset(fields);
  }

  /** Bytes of each frame. */
  get frameBytes(): number {
    return this.#frame.length;
  }

  /** Appends the request on stream `streamId`; returns where its frame starts in `out`. */
  append(out: OutBuffer, streamId: number): number {
    const start = out.length;
    out.append(this.#frame, 0, this.#frame.length);
    writeU32(out.bytes, start + 4, streamId);
    return start;
  }

  /**
   * As {@link append}, with `session` in place of the template's.
   *
   * @throws RangeError when its length differs from the template's session
   */
  appendWithSession(out: OutBuffer, streamId: number, session: Buffer): number {
    if (session.length !== this.#sessionBytes || this.#sessionAt < 0) {
      throw new RangeError(
        `Session has ${session.length} bytes, the template's has ${this.#sessionBytes}`,
      );
    }
    const start = this.append(out, streamId);
    out.bytes.set(session, start + this.#sessionAt);
    return start;
  }
}

/** The session is the last field of a frame that ends with it: encode up to there and subtract. */
function sessionOffset(fields: Omit<RequestFields, 'streamId'>): number {
  const { operationType, appId, workspaceId, deviceId, session } = fields;
  const out = new OutBuffer();
  const head = { streamId: 1, operationType, appId, workspaceId, deviceId, session };
  return encodeRequest(out, head) - (session?.length ?? 0);
}
