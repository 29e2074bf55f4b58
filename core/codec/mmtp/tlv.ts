// HOT PATH. Walks the TLVs of a meta: type varint, length varint, value; writes them too.
// Invariant: a reader never looks at or points to bytes outside the range it was opened on.
// What the values mean is left to the callers.

import type { OutBuffer } from '#core/base/out-buffer.ts';

/** What {@link TlvReader.next} found. */
export const TlvStep = { tlv: 0, end: 1, malformed: 2 } as const;
export type TlvStep = (typeof TlvStep)[keyof typeof TlvStep];

/** A cursor over TLVs; one object serves all frames. */
export class TlvReader {
  /** Where the TLV that was read last starts, with its type. */
  tlvOffset = 0;
  type = 0;
  valueOffset = 0;
  valueLength = 0;
  /** Where the next TLV starts. */
  at = 0;
  end = 0;

  /** Starts over at `bytes[start, end)`. */
  open(start: number, end: number): void {
    this.at = start;
    this.end = end;
  }

  /** Reads the next TLV: type in at most 2 bytes, length in at most 3, value within the range. */
  next(bytes: Buffer): TlvStep {
    const end = this.end;
    let at = this.at;
    if (at >= end) return TlvStep.end;
    this.tlvOffset = at;
    let type = bytes[at++]!;
    if (type > 0x7f) {
      if (at >= end) return TlvStep.malformed;
      const high = bytes[at++]!;
      if (high > 0x7f) return TlvStep.malformed;
      type = (type & 0x7f) | (high << 7);
    }
    if (at >= end) return TlvStep.malformed;
    let length = bytes[at++]!;
    if (length > 0x7f) {
      const packed = readVarint(bytes, at - 1, end);
      if (packed < 0) return TlvStep.malformed;
      length = packed >> VARINT_SIZE_BITS;
      at += (packed & VARINT_SIZE_MASK) - 1;
    }
    if (length > end - at) return TlvStep.malformed;
    this.type = type;
    this.valueOffset = at;
    this.valueLength = length;
    this.at = at + length;
    return TlvStep.tlv;
  }
}

/** A packed varint is `value << VARINT_SIZE_BITS | size in bytes`. */
export const VARINT_SIZE_BITS = 2;
export const VARINT_SIZE_MASK = 3;

/**
 * Reads a LEB128 varint of at most 3 bytes from `bytes[at, end)`.
 *
 * @returns the packed varint, or -1 when it does not end within 3 bytes or before `end`
 */
export function readVarint(bytes: Buffer, at: number, end: number): number {
  if (at >= end) return -1;
  const first = bytes[at]!;
  if (first <= 0x7f) return (first << VARINT_SIZE_BITS) | 1;
  if (at + 1 >= end) return -1;
  const second = bytes[at + 1]!;
  const low = (first & 0x7f) | ((second & 0x7f) << 7);
  if (second <= 0x7f) return (low << VARINT_SIZE_BITS) | 2;
  if (at + 2 >= end) return -1;
  const third = bytes[at + 2]!;
  if (third > 0x7f) return -1;
  return ((low | (third << 14)) << VARINT_SIZE_BITS) | 3;
}

/** Bytes that `value` takes as a varint; `value` is below 2^21. */
export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

/** Writes `value`, below 2^21, at `at` and returns the offset behind it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let to = at;
  while (rest > 0x7f) {
    bytes[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[to++] = rest;
  return to;
}

/** Appends type and length of a TLV whose value the caller appends next. */
export function appendTlvHead(out: OutBuffer, type: number, length: number): void {
  let at = out.reserve(varintBytes(type) + varintBytes(length));
  at = writeVarint(out.bytes, at, type);
  writeVarint(out.bytes, at, length);
}

/** Appends a TLV with the value `source[offset, offset + length)`. */
export function appendBytesTlv(
  out: OutBuffer,
  type: number,
  source: Uint8Array,
  offset: number,
  length: number,
): void {
  appendTlvHead(out, type, length);
  out.append(source, offset, length);
}

/** Appends a TLV with a UTF-8 value. */
export function appendTextTlv(out: OutBuffer, type: number, text: string): void {
  const length = Buffer.byteLength(text);
  appendTlvHead(out, type, length);
  const at = out.reserve(length);
  out.bytes.utf8Write(text, at, length);
}

/** Appends a TLV with a big-endian number of `size` bytes, 1 to 4. */
export function appendNumberTlv(out: OutBuffer, type: number, value: number, size: number): void {
  appendTlvHead(out, type, size);
  const at = out.reserve(size);
  let rest = value;
  for (let i = size - 1; i >= 0; i--) {
    out.bytes[at + i] = rest & 0xff;
    rest >>>= 8;
  }
}
