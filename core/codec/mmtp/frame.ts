// HOT PATH. Finds the next Mmtp frame in received bytes and tells where its parts are.
// Invariant: what is wrong with a header is reported as soon as the byte that shows it is there,
// and whatever the split of the input, the verdict on a frame is the same.
// The TLVs inside meta are left to request.ts, response.ts and control.ts.

import { DecodeStatus } from '#core/base/decode-status.ts';
import {
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_VERSION,
  FrameType,
  isClientStreamId,
  isServerStreamId,
} from './types.ts';

/** Positions of one frame in the buffer it was peeked in; one object serves a whole connection. */
export class MmtpFrame {
  /** One of {@link FrameType}, or a number this version does not know: skip such a frame. */
  type = 0;
  flags = 0;
  streamId = 0;
  channel = 0;
  /** Where the frame starts. */
  offset = 0;
  /** Length of the whole frame; 0 while its header is not complete. */
  frameBytes = 0;
  metaOffset = 0;
  metaEnd = 0;
  bodyOffset = 0;
  bodyEnd = 0;
  /** Set by the meta decoders: number of the first field with a bad value, else 0. */
  wrongField = 0;
}

/**
 * Reads the header of the frame at `start` and checks it: magic, version, stream id, lengths.
 *
 * `frame` is filled for `ok`, and for `needMore` once all 16 header bytes are there (so a reader
 * can provide room for `frame.frameBytes`); before that `frame.frameBytes` is 0.
 *
 * @param end end of the received bytes
 * @param frameBytesMax the announced MAX_FRAME_BYTES
 */
export function peekFrame(
  bytes: Buffer,
  start: number,
  end: number,
  frameBytesMax: number,
  frame: MmtpFrame,
): DecodeStatus {
  const available = end - start;
  frame.offset = start;
  frame.frameBytes = 0;
  if (available < FRAME_HEADER_BYTES) return peekPart(bytes, start, available, frameBytesMax);
  if (bytes[start] !== FRAME_MAGIC || bytes[start + 1] !== FRAME_VERSION) {
    return DecodeStatus.malformed;
  }
  const type = bytes[start + 2]!;
  const streamId = readU32(bytes, start + 4);
  if (!streamIdFits(type, streamId)) return DecodeStatus.malformed;
  const frameBytes = readU32(bytes, start + 8);
  if (frameBytes > frameBytesMax) return DecodeStatus.tooLarge;
  const bodyAt = FRAME_HEADER_BYTES + ((bytes[start + 12]! << 8) | bytes[start + 13]!);
  if (frameBytes < bodyAt) return DecodeStatus.malformed;
  frame.type = type;
  frame.flags = bytes[start + 3]!;
  frame.streamId = streamId;
  frame.channel = bytes[start + 14]!;
  frame.frameBytes = frameBytes;
  frame.metaOffset = start + FRAME_HEADER_BYTES;
  frame.metaEnd = frame.bodyOffset = start + bodyAt;
  frame.bodyEnd = start + frameBytes;
  return frameBytes <= available ? DecodeStatus.ok : DecodeStatus.needMore;
}

/** The checks of {@link peekFrame}, in the same order, on a header that is still arriving. */
function peekPart(
  bytes: Buffer,
  start: number,
  available: number,
  frameBytesMax: number,
): DecodeStatus {
  if (available >= 1 && bytes[start] !== FRAME_MAGIC) return DecodeStatus.malformed;
  if (available >= 2 && bytes[start + 1] !== FRAME_VERSION) return DecodeStatus.malformed;
  if (available < 8) return DecodeStatus.needMore;
  if (!streamIdFits(bytes[start + 2]!, readU32(bytes, start + 4))) return DecodeStatus.malformed;
  if (available < 12) return DecodeStatus.needMore;
  const frameBytes = readU32(bytes, start + 8);
  if (frameBytes > frameBytesMax) return DecodeStatus.tooLarge;
  if (frameBytes < FRAME_HEADER_BYTES) return DecodeStatus.malformed;
  if (available < 14) return DecodeStatus.needMore;
  const metaBytes = (bytes[start + 12]! << 8) | bytes[start + 13]!;
  if (frameBytes < FRAME_HEADER_BYTES + metaBytes) return DecodeStatus.malformed;
  return DecodeStatus.needMore;
}

/** The stream id rule: odd for what clients open, even for what servers open, else 0. */
function streamIdFits(type: number, streamId: number): boolean {
  switch (type) {
    case FrameType.request:
    case FrameType.response:
    case FrameType.cancel:
      return isClientStreamId(streamId);
    case FrameType.push:
    case FrameType.pushAck:
      return isServerStreamId(streamId);
    default:
      return streamId === 0 || type > FrameType.cancel;
  }
}

/** Reads a big-endian u32; the caller has checked that its four bytes are there. */
export function readU32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
