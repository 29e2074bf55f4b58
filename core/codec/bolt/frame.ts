// HOT PATH. Finds one Bolt frame in received bytes and tells where its parts are.
// Invariant: lengths are checked before anything is waited for or read, and after `ok` every part
// lies inside the frame. Leaves the header map to header-map.ts and the content to its receiver.

import { crc32 } from 'node:zlib';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { readInt32, readUint16, writeInt32 } from './bytes.ts';
import {
  CommandCode,
  CommandType,
  CRC_BYTES,
  CRC_SWITCH,
  requestIdOffset,
  SHORT_LENGTH_MAX,
} from './types.ts';

/** Where the parts of one frame are. Offsets count from the start of the bytes it was found in. */
export class BoltFrame {
  /** The `proto` byte, 1 or 2. */
  version = 0;
  /** The `ver1` byte; 1 for version 1, which has none. */
  ver1 = 0;
  /** A {@link CommandType}. */
  type = 0;
  /** A {@link CommandCode}. */
  command = 0;
  /** The four id bytes read as a signed number, as Java does: -2^31 .. 2^31 - 1. */
  requestId = 0;
  codec = 0;
  /** The `switch` byte; 0 for version 1. */
  switchBits = 0;
  /** Requests: milliseconds the sender waits, -1 without a limit. Responses: 0. */
  timeoutMs = 0;
  /** Responses: a {@link Status} or any other 16-bit number. Requests: 0. */
  status = 0;
  /** Where the frame begins. */
  frameOffset = 0;
  /** Length of the whole frame with its CRC. */
  frameBytes = 0;
  classOffset = 0;
  classLength = 0;
  headerOffset = 0;
  headerLength = 0;
  contentOffset = 0;
  contentLength = 0;
  hasCrc = false;
}

/**
 * Reads the frame that begins at `start`.
 *
 * @param frameBytesMax LIMIT: longest frame accepted, in bytes, CRC included
 * @param frame receives the result; its fields mean something only after `ok`, except `frameBytes`
 *   after `needMore`: the length of the whole frame once its header has arrived, 0 before that
 * @returns `ok`; `needMore`; `malformed`: unknown protocol, type or command, negative length, wrong
 *   CRC; `tooLarge`
 */
export function peekBolt(
  bytes: Buffer,
  start: number,
  end: number,
  frameBytesMax: number,
  frame: BoltFrame,
): DecodeStatus {
  frame.frameBytes = 0;
  const available = end - start;
  if (available < 1) return DecodeStatus.needMore;
  const version = bytes[start]!;
  if (version !== 1 && version !== 2) return DecodeStatus.malformed;
  // Version 2 has one byte more in front of the type, and the switch byte behind the codec.
  const shift = version - 1;
  if (available < 2 + shift) return DecodeStatus.needMore;
  const ver1 = version === 1 ? 1 : bytes[start + 1]!;
  if (ver1 !== 1 && ver1 !== 2) return DecodeStatus.malformed;
  const type = bytes[start + 1 + shift]!;
  if (type > CommandType.oneway) return DecodeStatus.malformed;
  const headBytes = (type === CommandType.response ? 20 : 22) + 2 * shift;
  if (available < headBytes) return DecodeStatus.needMore;

  const command = readUint16(bytes, start + 2 + shift);
  if (command > CommandCode.response && command !== CommandCode.goAway) {
    return DecodeStatus.malformed;
  }
  const switchBits = version === 1 ? 0 : bytes[start + 11]!;
  if (switchBits > 127) return DecodeStatus.malformed;

  const lengths = start + headBytes - 8;
  const classLength = readUint16(bytes, lengths);
  const headerLength = readUint16(bytes, lengths + 2);
  const contentLength = readInt32(bytes, lengths + 4);
  if (classLength > SHORT_LENGTH_MAX || headerLength > SHORT_LENGTH_MAX || contentLength < 0) {
    return DecodeStatus.malformed;
  }
  // Java's rule: ver1 = 1 never has a CRC, whatever the switch says.
  const hasCrc = ver1 === 2 && (switchBits & CRC_SWITCH) !== 0;
  const bodyBytes = headBytes + classLength + headerLength + contentLength;
  const frameBytes = hasCrc ? bodyBytes + CRC_BYTES : bodyBytes;
  if (frameBytes > frameBytesMax) return DecodeStatus.tooLarge;
  frame.frameBytes = frameBytes;
  if (available < frameBytes) return DecodeStatus.needMore;
  if (hasCrc && crcOf(bytes, start, bodyBytes) !== readInt32(bytes, start + bodyBytes)) {
    return DecodeStatus.malformed;
  }

  frame.version = version;
  frame.ver1 = ver1;
  frame.type = type;
  frame.command = command;
  frame.requestId = readInt32(bytes, start + 5 + shift);
  frame.codec = bytes[start + 9 + shift]!;
  frame.switchBits = switchBits;
  const special = start + 10 + 2 * shift;
  frame.timeoutMs = type === CommandType.response ? 0 : readInt32(bytes, special);
  frame.status = type === CommandType.response ? readUint16(bytes, special) : 0;
  frame.frameOffset = start;
  frame.classOffset = start + headBytes;
  frame.classLength = classLength;
  frame.headerOffset = frame.classOffset + classLength;
  frame.headerLength = headerLength;
  frame.contentOffset = frame.headerOffset + headerLength;
  frame.contentLength = contentLength;
  frame.hasCrc = hasCrc;
  return DecodeStatus.ok;
}

/**
 * Gives a complete frame another request id, in place, and makes its CRC right again.
 *
 * @param offset where the frame begins in `bytes`; its own memory, nobody else reads it
 * @param frame tells version, length and CRC of the frame; it may describe the bytes at another
 *   position
 * @param requestId any signed or unsigned 32-bit number
 */
export function patchRequestId(
  bytes: Buffer,
  offset: number,
  frame: BoltFrame,
  requestId: number,
): void {
  writeInt32(bytes, offset + requestIdOffset(frame.version), requestId);
  if (frame.hasCrc) {
    const bodyBytes = frame.frameBytes - CRC_BYTES;
    writeInt32(bytes, offset + bodyBytes, crcOf(bytes, offset, bodyBytes));
  }
}

/** CRC-32 of `bytes[offset, offset + length)` as a signed number. Allocates one view. */
export function crcOf(bytes: Buffer, offset: number, length: number): number {
  return crc32(bytes.subarray(offset, offset + length)) | 0;
}
