// PUSH, a message that the server opens on an even stream, and its PUSH_ACK.
// Invariant: encoding appends one whole frame or nothing. To whom a push goes is left to others.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { ContentType, HEADER_WORDS, HeaderList } from '../message.ts';
import type { MetaFailure } from './control.ts';
import type { DynamicTable } from './dynamic-table.ts';
import type { MmtpFrame } from './frame.ts';
import { beginFrame, finishFrame } from './frame-writer.ts';
import { appendTextHeader, readHeader } from './header-field.ts';
import { noteWrong, openMeta } from './meta.ts';
import { appendNumberTlv, TlvReader, TlvStep } from './tlv.ts';
import { Channel, Field, FrameType, MetaStatus } from './types.ts';

/** A message from the server. */
export interface Push {
  /** Even, not 0. */
  readonly streamId: number;
  /** {@link FrameFlag} bits; COMPRESSED: `body` is zstd. */
  readonly flags: number;
  readonly channel: number;
  readonly contentType: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/**
 * Appends PUSH.
 *
 * @returns bytes of the frame; 0 when its headers exceed 65,535 bytes: nothing was written
 */
export function encodePush(out: OutBuffer, push: Push): number {
  const start = beginFrame(out, FrameType.push, push.flags, push.streamId, push.channel);
  appendNumberTlv(out, Field.contentType, push.contentType, 1);
  for (const [name, value] of push.headers) appendTextHeader(out, name, value);
  return finishFrame(out, start, push.body, 0, push.body.length);
}

const reader = new TlvReader();

/**
 * Reads PUSH; its body is copied.
 *
 * @param headersMax HEADER fields one push may have
 */
export function decodePush(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
  headersMax: number,
): Push | MetaFailure {
  const source = openMeta(bytes, frame, table, reader);
  if (source === null) return MetaStatus.malformed;
  const list = new HeaderList();
  let contentType: number = ContentType.json;
  while (reader.next(source) === TlvStep.tlv) {
    const { type, valueOffset, valueLength } = reader;
    if (type === Field.header) {
      const status = readHeader(source, valueOffset, valueLength, list, headersMax);
      if (status === MetaStatus.malformed) return MetaStatus.malformed;
      if (status !== MetaStatus.ok) noteWrong(frame, type);
    } else if (type === Field.contentType) {
      if (valueLength === 1 && source[valueOffset]! <= 2) contentType = source[valueOffset]!;
      else noteWrong(frame, type);
    }
  }
  if (frame.wrongField !== 0) return MetaStatus.fieldWrong;
  return {
    streamId: frame.streamId,
    flags: frame.flags,
    channel: frame.channel,
    contentType,
    headers: headerTexts(list, source),
    body: Buffer.from(bytes.subarray(frame.bodyOffset, frame.bodyEnd)),
  };
}

/** Appends PUSH_ACK for the push on `streamId`. */
export function encodePushAck(out: OutBuffer, streamId: number, resultCode: number): void {
  const start = beginFrame(out, FrameType.pushAck, 0, streamId, Channel.push);
  appendNumberTlv(out, Field.resultStatus, resultCode, 2);
  finishFrame(out, start, NO_BYTES, 0, 0);
}

const NO_BYTES = new Uint8Array(0);

/** The headers of a decoded message as texts, in order of arrival. Cold path. */
export function headerTexts(headers: HeaderList, source: Buffer): [name: string, value: string][] {
  const texts: [string, string][] = [];
  for (let i = 0; i < headers.count * HEADER_WORDS; i += HEADER_WORDS) {
    const [nameAt, nameLength, valueAt, valueLength] = headers.words.subarray(i, i + HEADER_WORDS);
    texts.push([
      source.utf8Slice(nameAt!, nameAt! + nameLength!),
      source.utf8Slice(valueAt!, valueAt! + valueLength!),
    ]);
  }
  return texts;
}
