// HOT PATH. The HEADER field: varint name length, name, value. Names and values are checked to be
// legal in HTTP as well, so that no header of a decoded message can smuggle a line into an upstream
// request. Which headers may pass is left to the filters.

import type { OutBuffer } from '#core/base/out-buffer.ts';
import type { HeaderList } from '../message.ts';
import { appendTlvHead, readVarint, varintBytes, writeVarint } from './tlv.ts';
import { VARINT_SIZE_BITS, VARINT_SIZE_MASK } from './tlv.ts';
import { Field, MetaStatus } from './types.ts';

/** The byte may stand in a header name: a token of RFC 9110. */
const NAME_BYTE = 1;
/** The byte may stand in a header value: no control character but the tab. */
const VALUE_BYTE = 2;
const BYTE_CLASS = classifyBytes();

/**
 * Adds the header in the value `[offset, offset + length)` of a HEADER field to `headers`.
 *
 * @param headersMax headers one message may have
 * @returns malformed when the name length contradicts the field's length; fieldWrong for an empty
 *   name, bytes that no header may have, or one header too many
 */
export function readHeader(
  bytes: Buffer,
  offset: number,
  length: number,
  headers: HeaderList,
  headersMax: number,
): MetaStatus {
  const end = offset + length;
  const packed = readVarint(bytes, offset, end);
  if (packed < 0) return MetaStatus.malformed;
  const nameOffset = offset + (packed & VARINT_SIZE_MASK);
  const nameLength = packed >> VARINT_SIZE_BITS;
  if (nameLength > end - nameOffset) return MetaStatus.malformed;
  if (nameLength === 0 || headers.count >= headersMax) return MetaStatus.fieldWrong;
  const valueOffset = nameOffset + nameLength;
  for (let i = nameOffset; i < valueOffset; i++) {
    if ((BYTE_CLASS[bytes[i]!]! & NAME_BYTE) === 0) return MetaStatus.fieldWrong;
  }
  for (let i = valueOffset; i < end; i++) {
    if ((BYTE_CLASS[bytes[i]!]! & VALUE_BYTE) === 0) return MetaStatus.fieldWrong;
  }
  headers.add(nameOffset, nameLength, valueOffset, end - valueOffset);
  return MetaStatus.ok;
}

/** Appends one HEADER field whose name and value are bytes of `source`. */
export function appendHeader(
  out: OutBuffer,
  source: Buffer,
  nameOffset: number,
  nameLength: number,
  valueOffset: number,
  valueLength: number,
): void {
  appendHeaderHead(out, nameLength, valueLength);
  out.append(source, nameOffset, nameLength);
  out.append(source, valueOffset, valueLength);
}

/** Appends one HEADER field from texts. */
export function appendTextHeader(out: OutBuffer, name: string, value: string): void {
  const nameLength = Buffer.byteLength(name);
  const valueLength = Buffer.byteLength(value);
  appendHeaderHead(out, nameLength, valueLength);
  const at = out.reserve(nameLength + valueLength);
  out.bytes.utf8Write(name, at, nameLength);
  out.bytes.utf8Write(value, at + nameLength, valueLength);
}

function appendHeaderHead(out: OutBuffer, nameLength: number, valueLength: number): void {
  const nameLengthBytes = varintBytes(nameLength);
  appendTlvHead(out, Field.header, nameLengthBytes + nameLength + valueLength);
  const at = out.reserve(nameLengthBytes);
  writeVarint(out.bytes, at, nameLength);
}

function classifyBytes(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const isControl = byte < 0x20 || byte === 0x7f;
    if (!isControl || byte === 0x09) classes[byte] = VALUE_BYTE;
  }
  for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
    classes[char.charCodeAt(0)]! |= NAME_BYTE;
    classes[char.toUpperCase().charCodeAt(0)]! |= NAME_BYTE;
  }
  return classes;
}
