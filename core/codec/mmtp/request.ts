// HOT PATH. Reads the meta of a REQUEST into offsets, in one pass over its TLVs.
// Invariant: every DEFINE of the frame is applied to the table, whatever is wrong with the request,
// so a caller that refuses a REQUEST for another reason must decode it first all the same.
// What a missing field means is left to the pipeline (no operation type: 3000).

import { TRACE_BYTES } from '../message.ts';
import type { RequestMessage } from '../message.ts';
import { clientIpText } from './client-ip.ts';
import type { DynamicTable } from './dynamic-table.ts';
import type { MmtpFrame } from './frame.ts';
import { readU32 } from './frame.ts';
import { readHeader } from './header-field.ts';
import { noteWrong, statusOf } from './meta.ts';
import { readVarint, VARINT_SIZE_BITS, VARINT_SIZE_MASK } from './tlv.ts';
import { BUCKETS, DEVICE_ID_BYTES_MAX, Field, MetaStatus } from './types.ts';
import { OPERATION_TYPE_BYTES_MAX } from './types.ts';
import { REQUEST_ID_BYTES_MAX, REQUEST_ID_BYTES_MIN, SESSION_BYTES_MAX } from './types.ts';

/** Largest high word of a u64 that a number holds exactly (2^53). */
const SAFE_HIGH_WORD_MAX = 0x1f_ffff;

/**
 * Fills `request` from the REQUEST that {@link peekFrame} found in `bytes`.
 *
 * The message is reset first. Its `source` is `bytes`, or the expanded meta when the frame used
 * DEFINE or REF, which lasts until the next frame is decoded, with whatever table. The body stays
 * in `bytes`; a COMPRESSED one as it is.
 *
 * @param headersMax HEADER fields one request may have
 * @param isTrusted the peer is a configured access layer: CLIENT_IP and BUCKET are believed
 * @returns ok; malformed (GOAWAY 3002, close); fieldWrong (answer this request with 3002, details
 *   in `frame.wrongField`; the other fields are filled)
 */
export function decodeRequest(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
  request: RequestMessage,
  headersMax: number,
  isTrusted: boolean,
): MetaStatus {
  request.reset();
  frame.wrongField = 0;
  const { metaOffset, metaEnd } = frame;
  let status = readFields(bytes, metaOffset, metaEnd, frame, request, headersMax, isTrusted);
  if (status === USES_TABLE) {
    request.reset();
    frame.wrongField = 0;
    if (!table.tryExpand(bytes, metaOffset, metaEnd)) return MetaStatus.malformed;
    const end = table.expandedBytes;
    status = readFields(table.expanded, 0, end, frame, request, headersMax, isTrusted);
  }
  request.flags = frame.flags;
  request.channel = frame.channel;
  request.bodySource = bytes;
  request.bodyOffset = frame.bodyOffset;
  request.bodyLength = frame.bodyEnd - frame.bodyOffset;
  return status as MetaStatus;
}

/** Internal to this file: a DEFINE or REF was met, the pass starts again on the expanded meta. */
const USES_TABLE = 3;

/**
 * Reads the TLVs of `source[start, end)`. PERF: case `mmtp request`; the
 * same walk as TlvReader's, with its state in locals, which takes a third of the time.
 */
function readFields(
  source: Buffer,
  start: number,
  end: number,
  frame: MmtpFrame,
  request: RequestMessage,
  headersMax: number,
  isTrusted: boolean,
): MetaStatus | typeof USES_TABLE {
  let at = start;
  request.source = source;
  while (at < end) {
    let type = source[at++]!;
    if (type > 0x7f) {
      if (at >= end || source[at]! > 0x7f) return MetaStatus.malformed;
      type = (type & 0x7f) | (source[at++]! << 7);
    }
    if (at >= end) return MetaStatus.malformed;
    let length = source[at++]!;
    if (length > 0x7f) {
      const packed = readVarint(source, at - 1, end);
      if (packed < 0) return MetaStatus.malformed;
      length = packed >> VARINT_SIZE_BITS;
      at += (packed & VARINT_SIZE_MASK) - 1;
    }
    if (length > end - at) return MetaStatus.malformed;
    switch (type) {
      case Field.operationType:
        if (length > OPERATION_TYPE_BYTES_MAX) noteWrong(frame, Field.operationType);
        request.operationOffset = at;
        request.operationLength = length;
        break;
      case Field.appId:
        request.appIdOffset = at;
        request.appIdLength = length;
        break;
      case Field.workspaceId:
        request.workspaceIdOffset = at;
        request.workspaceIdLength = length;
        break;
      case Field.deviceId:
        if (length > DEVICE_ID_BYTES_MAX) noteWrong(frame, Field.deviceId);
        request.deviceIdOffset = at;
        request.deviceIdLength = length;
        break;
      case Field.session:
        if (length > SESSION_BYTES_MAX) noteWrong(frame, Field.session);
        request.sessionSource = source;
        request.sessionOffset = at;
        request.sessionLength = length;
        break;
      case Field.header: {
        const status = readHeader(source, at, length, request.headers, headersMax);
        if (status === MetaStatus.malformed) return MetaStatus.malformed;
        if (status !== MetaStatus.ok) noteWrong(frame, Field.header);
        break;
      }
      case Field.define:
      case Field.ref:
        return USES_TABLE;
      default:
        if (!tryReadField(source, type, at, length, request, isTrusted)) {
          noteWrong(frame, type);
        }
    }
    at += length;
  }
  return statusOf(frame);
}

/** Reads all other fields. False: the length or the value is wrong. */
function tryReadField(
  source: Buffer,
  type: number,
  offset: number,
  length: number,
  request: RequestMessage,
  isTrusted: boolean,
): boolean {
  switch (type) {
    case Field.timeoutMs:
      if (length !== 4) return false;
      request.timeoutMs = readU32(source, offset);
      return true;
    case Field.timestamp: {
      if (length !== 8) return false;
      const high = readU32(source, offset);
      if (high > SAFE_HIGH_WORD_MAX) return false;
      request.timestampMs = high * 0x1_0000_0000 + readU32(source, offset + 4);
      return true;
    }
    case Field.trace:
      if (length !== TRACE_BYTES) return false;
      for (let i = 0; i < TRACE_BYTES; i++) request.trace[i] = source[offset + i]!;
      request.hasTrace = true;
      return true;
    case Field.contentType:
      if (length !== 1 || source[offset]! > 2) return false;
      request.contentType = source[offset]!;
      return true;
    case Field.requestId:
      if (length < REQUEST_ID_BYTES_MIN || length > REQUEST_ID_BYTES_MAX) return false;
      request.requestIdOffset = offset;
      request.requestIdLength = length;
      return true;
    case Field.sign:
      request.signOffset = offset;
      request.signLength = length;
      return true;
    case Field.signType:
      if (length !== 1) return false;
      request.signType = source[offset]!;
      return true;
    case Field.attempt:
      if (length !== 1) return false;
      request.attempt = source[offset]!;
      return true;
    case Field.bucket: {
      const bucket = length === 2 ? (source[offset]! << 8) | source[offset + 1]! : BUCKETS;
      if (bucket >= BUCKETS) return false;
      if (isTrusted) request.bucket = bucket;
      return true;
    }
    case Field.clientIp:
      if (length !== 4 && length !== 16) return false;
      if (isTrusted) request.clientIp = clientIpText(source, offset, length);
      return true;
    default:
      return true;
  }
}
