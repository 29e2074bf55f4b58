// HOT PATH. RESPONSE in both directions: the gateway writes it, clients and the access layer read
// it.
// Invariant: encoding appends one whole frame or nothing. Which headers may go out, and whether the
// peer takes a frame of this size, is decided by the caller.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { HEADER_WORDS } from '../message.ts';
import type { ResponseMessage } from '../message.ts';
import type { DynamicTable } from './dynamic-table.ts';
import type { MmtpFrame } from './frame.ts';
import { beginFrame, finishFrame } from './frame-writer.ts';
import { appendHeader, appendTextHeader, readHeader } from './header-field.ts';
import { noteWrong, openMeta, statusOf } from './meta.ts';
import { appendBytesTlv, TlvReader, TlvStep } from './tlv.ts';
import { Channel, Field, FrameType, MetaStatus } from './types.ts';

/** RESULT_STATUS and CONTENT_TYPE as they stand at the head of every RESPONSE. */
const FIXED_TLV_BYTES = 7;

/**
 * Appends `response` as RESPONSE to the request on `streamId`.
 *
 * @param memo, tips UTF-8 bytes, or null to leave the field out
 * @param flags {@link FrameFlag} bits; COMPRESSED says that the body already is zstd
 * @returns bytes of the frame; 0 when memo, tips and headers exceed the 65,535 bytes a meta can
 *   have: nothing was written then
 */
export function encodeResponse(
  out: OutBuffer,
  streamId: number,
  response: ResponseMessage,
  memo: Buffer | null,
  tips: Buffer | null,
  flags = 0,
): number {
  const start = beginFrame(out, FrameType.response, flags, streamId, Channel.rpc);
  const at = out.reserve(FIXED_TLV_BYTES);
  const bytes = out.bytes;
  bytes[at] = Field.resultStatus;
  bytes[at + 1] = 2;
  bytes[at + 2] = response.resultCode >>> 8;
  bytes[at + 3] = response.resultCode & 0xff;
  bytes[at + 4] = Field.contentType;
  bytes[at + 5] = 1;
  bytes[at + 6] = response.contentType;
  if (memo !== null) appendBytesTlv(out, Field.memo, memo, 0, memo.length);
  if (tips !== null) appendBytesTlv(out, Field.tips, tips, 0, tips.length);
  appendHeaders(out, response);
  return finishFrame(out, start, response.bodySource, response.bodyOffset, response.bodyLength);
}

function appendHeaders(out: OutBuffer, response: ResponseMessage): void {
  const words = response.headers.words;
  const wordsEnd = response.headers.count * HEADER_WORDS;
  const source = response.headerSource;
  for (let i = 0; i < wordsEnd; i += HEADER_WORDS) {
    appendHeader(out, source, words[i]!, words[i + 1]!, words[i + 2]!, words[i + 3]!);
  }
  const added = response.added;
  for (let i = 0; i + 1 < added.length; i += 2) appendTextHeader(out, added[i]!, added[i + 1]!);
}

const reader = new TlvReader();

/**
 * Fills `response` from a RESPONSE frame, for clients. Headers point into `headerSource`, the body
 * stays in `bytes`, a COMPRESSED one as it is; memo and tips are texts.
 *
 * @param headersMax HEADER fields one response may have
 * @returns as decodeRequest; fieldWrong also when RESULT_STATUS is missing
 */
export function decodeResponse(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
  response: ResponseMessage,
  headersMax: number,
): MetaStatus {
  response.reset();
  const source = openMeta(bytes, frame, table, reader);
  if (source === null) return MetaStatus.malformed;
  response.headerSource = source;
  response.bodySource = bytes;
  response.bodyOffset = frame.bodyOffset;
  response.bodyLength = frame.bodyEnd - frame.bodyOffset;
  while (reader.next(source) === TlvStep.tlv) {
    const offset = reader.valueOffset;
    const length = reader.valueLength;
    switch (reader.type) {
      case Field.resultStatus:
        if (length === 2) response.resultCode = (source[offset]! << 8) | source[offset + 1]!;
        else noteWrong(frame, Field.resultStatus);
        break;
      case Field.contentType:
        if (length === 1 && source[offset]! <= 2) response.contentType = source[offset]!;
        else noteWrong(frame, Field.contentType);
        break;
      case Field.header: {
        const status = readHeader(source, offset, length, response.headers, headersMax);
        if (status === MetaStatus.malformed) return MetaStatus.malformed;
        if (status !== MetaStatus.ok) noteWrong(frame, Field.header);
        break;
      }
      case Field.memo:
        response.memo = source.utf8Slice(offset, offset + length);
        break;
      case Field.tips:
        response.tips = source.utf8Slice(offset, offset + length);
        break;
      default:
    }
  }
  if (response.resultCode === 0) noteWrong(frame, Field.resultStatus);
  return statusOf(frame);
}
