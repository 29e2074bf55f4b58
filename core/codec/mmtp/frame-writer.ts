// HOT PATH. Writes the 16 header bytes of a frame and patches its lengths once they are known.
// Invariant: a frame that does not fit the format leaves no byte in the output.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, FRAME_VERSION, META_BYTES_MAX } from './types.ts';

/** Appends the header of a frame, lengths still open; returns where the frame starts. */
export function beginFrame(
  out: OutBuffer,
  type: number,
  flags: number,
  streamId: number,
  channel: number,
): number {
  const at = out.reserve(FRAME_HEADER_BYTES);
  const bytes = out.bytes;
  bytes[at] = FRAME_MAGIC;
  bytes[at + 1] = FRAME_VERSION;
  bytes[at + 2] = type;
  bytes[at + 3] = flags;
  writeU32(bytes, at + 4, streamId);
  bytes[at + 14] = channel;
  bytes[at + 15] = 0;
  return at;
}

/**
 * Ends the frame that starts at `start`: everything after its header is meta, then the body
 * `source[offset, offset + length)` follows.
 *
 * @returns the length of the frame; 0 when its meta is longer than META_BYTES_MAX, then the frame
 *   was taken back from `out`
 */
export function finishFrame(
  out: OutBuffer,
  start: number,
  source: Uint8Array,
  offset: number,
  length: number,
): number {
  const metaBytes = out.length - start - FRAME_HEADER_BYTES;
  if (metaBytes > META_BYTES_MAX) {
    out.length = start;
    return 0;
  }
  if (length > 0) out.append(source, offset, length);
  const frameBytes = out.length - start;
  const bytes = out.bytes;
  writeU32(bytes, start + 8, frameBytes);
  bytes[start + 12] = metaBytes >>> 8;
  bytes[start + 13] = metaBytes & 0xff;
  return frameBytes;
}

/** Writes a big-endian u32. */
export function writeU32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
}
