// HOT PATH. Whether bytes can be a protobuf message at all: a walk over the fields of the outermost
// level. A SOFARPC peer that fails to decode one body closes the connection, and every call on it
// fails: what is plainly something else (JSON, text) is refused before it is sent. What the fields
// mean is the service's business. Source: protobuf encoding guide.

const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const VARINT_BYTES_MAX = 10;

/** True when `source[offset, offset + length)` is a sequence of whole protobuf fields. */
export function looksLikeProtobuf(source: Buffer, offset: number, length: number): boolean {
  const end = offset + length;
  let at = offset;
  while (at < end) {
    const first = source[at]!;
    const wireType = first & 7;
    // Field number 0 does not exist; a longer tag has its field number in later bytes too.
    if (first < 8) return false;
    at = skipVarint(source, at, end);
    if (at < 0) return false;
    if (wireType === WireType.varint) at = skipVarint(source, at, end);
    else if (wireType === WireType.fixed64) at += 8;
    else if (wireType === WireType.fixed32) at += 4;
    else if (wireType === WireType.bytes) at = skipBytes(source, at, end);
    else return false;
    if (at < 0 || at > end) return false;
  }
  return true;
}

/** Offset behind the varint at `at`, or -1. */
function skipVarint(source: Buffer, at: number, end: number): number {
  const stop = Math.min(end, at + VARINT_BYTES_MAX);
  for (let i = at; i < stop; i++) if (source[i]! < 0x80) return i + 1;
  return -1;
}

function skipBytes(source: Buffer, at: number, end: number): number {
  let size = 0;
  let scale = 1;
  for (let i = at; i < end && scale <= 0x1_0000_0000; i++) {
    const byte = source[i]!;
    size += (byte & 0x7f) * scale;
    if (byte < 0x80) return size <= end - i - 1 ? i + 1 + size : -1;
    scale *= 0x80;
  }
  return -1;
}
