// HOT PATH. What the gateway tells services about a request in any protocol: the trace of the hop
// (W3C Trace Context, section 3.2) and who the user is.

import { DEFAULT_UID_SHARD, ShardOfUid } from '#core/codec/session/shard.ts';
import type { SessionView } from '#core/codec/session/types.ts';

/** `00-<trace id>-<span id>-<flags>` in lower-case hex. */
export const TRACEPARENT_BYTES = 55;

const HEX = Buffer.from('0123456789abcdef', 'latin1');
const ZERO = 0x30;
const DASH = 0x2d;
const FLAGS_OFFSET = 24;

const shards = new ShardOfUid(DEFAULT_UID_SHARD);

/** Two-digit texts 00 .. 99. */
const SHARD_TEXTS: readonly string[] = Array.from({ length: 100 }, (_, shard) =>
  String(shard).padStart(2, '0'),
);

/** The shard of a session as two digits. */
export function shardText(session: SessionView): string {
  return SHARD_TEXTS[shards.ofSession(session)]!;
}

/**
 * Writes the {@link TRACEPARENT_BYTES} of a traceparent value at `bytes[at]`.
 *
 * @param trace 16 bytes trace id, 8 bytes parent (not used here), 1 byte flags
 * @param spanId 8 bytes: the span of the hop to the service
 */
export function writeTraceparent(bytes: Buffer, at: number, trace: Buffer, spanId: Buffer): void {
  bytes[at] = bytes[at + 1] = ZERO;
  bytes[at + 2] = bytes[at + 35] = bytes[at + 52] = DASH;
  writeHex(bytes, at + 3, trace, 0, 16);
  writeHex(bytes, at + 36, spanId, 0, 8);
  writeHex(bytes, at + 53, trace, FLAGS_OFFSET, 1);
}

/** Writes `source[offset, offset + length)` as lower-case hex at `target[at]`. */
export function writeHex(
  target: Buffer,
  at: number,
  source: Buffer,
  offset: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const byte = source[offset + i]!;
    target[at + 2 * i] = HEX[byte >> 4]!;
    target[at + 2 * i + 1] = HEX[byte & 15]!;
  }
}
