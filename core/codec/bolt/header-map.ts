// HOT PATH. The header map of a Bolt frame ("SimpleMapSerializer"): entries of key length, key,
// value length, value until the map's bytes are used up. Lengths are signed 32-bit numbers; -1 is
// null, which old Java peers write. Invariant: no offset leaves the map, however its lengths lie.
//
//   +------------+-----------+--------------+-------------+
//   | key length | key bytes | value length | value bytes |  repeated, no count
//   |  4 bytes   |   UTF-8   |   4 bytes    |    UTF-8    |
//   +------------+-----------+--------------+-------------+

import type { OutBuffer } from '#core/base/out-buffer.ts';
import { readInt32, writeInt32 } from './bytes.ts';

/** Walks the entries of one map: `open`, then `next` until it answers false. */
export class HeaderMapCursor {
  keyOffset = 0;
  /** -1: the key is null. */
  keyLength = 0;
  valueOffset = 0;
  /** -1: the value is null. */
  valueLength = 0;
  /** The walk stopped because an entry overruns the map. */
  isMalformed = false;
  #bytes: Buffer = EMPTY;
  #at = 0;
  #end = 0;

  /** Starts a walk over `bytes[offset, offset + length)`. */
  open(bytes: Buffer, offset: number, length: number): void {
    this.#bytes = bytes;
    this.#at = offset;
    this.#end = offset + length;
    this.isMalformed = false;
  }

  /** Steps to the next entry; false at the end and when the rest is malformed. */
  next(): boolean {
    const end = this.#end;
    if (this.#at === end) return false;
    const keyOffset = this.#at + 4;
    if (keyOffset > end) return this.#fail();
    const keyLength = readInt32(this.#bytes, this.#at);
    const valueHead = keyOffset + Math.max(keyLength, 0);
    const valueOffset = valueHead + 4;
    if (keyLength < -1 || valueOffset > end) return this.#fail();
    const valueLength = readInt32(this.#bytes, valueHead);
    const after = valueOffset + Math.max(valueLength, 0);
    if (valueLength < -1 || after > end) return this.#fail();
    this.keyOffset = keyOffset;
    this.keyLength = keyLength;
    this.valueOffset = valueOffset;
    this.valueLength = valueLength;
    this.#at = after;
    return true;
  }

  #fail(): boolean {
    this.isMalformed = true;
    this.#at = this.#end;
    return false;
  }
}

/** Where {@link findHeaderValue} found a value. */
export class HeaderValue {
  offset = 0;
  /** -1: the value is null. */
  length = 0;
}

/**
 * Finds the value of `key`. Of several entries with one key the last counts, as in Java.
 *
 * @param key UTF-8 bytes of the key
 * @param value receives the place when the answer is true
 * @returns false when there is no such entry before the end or before the first malformed entry
 */
export function findHeaderValue(
  bytes: Buffer,
  offset: number,
  length: number,
  key: Buffer,
  value: HeaderValue,
): boolean {
  let found = false;
  cursor.open(bytes, offset, length);
  while (cursor.next()) {
    if (cursor.keyLength !== key.length) continue;
    if (!equalsAt(bytes, cursor.keyOffset, key)) continue;
    value.offset = cursor.valueOffset;
    value.length = cursor.valueLength;
    found = true;
  }
  return found;
}

/** Are the bytes at `offset` equal to `expected`? The caller has checked the range. */
export function equalsAt(bytes: Buffer, offset: number, expected: Buffer): boolean {
  for (let i = 0; i < expected.length; i++) {
    if (bytes[offset + i] !== expected[i]) return false;
  }
  return true;
}

/** Appends an entry; `valueLength` -1 writes null. */
export function appendEntry(
  out: OutBuffer,
  key: Buffer,
  source: Buffer,
  valueOffset: number,
  valueLength: number,
): void {
  appendField(out, key, 0, key.length);
  appendField(out, source, valueOffset, valueLength);
}

/** Encodes the entries of a whole map. Cold path: templates and tests. */
export function encodeHeaderMap(entries: Iterable<readonly [string, string | null]>): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of entries) {
    parts.push(encodeField(key), encodeField(value));
  }
  return Buffer.concat(parts);
}

function encodeField(text: string | null): Buffer {
  const body = Buffer.from(text ?? '');
  const field = Buffer.alloc(4 + body.length);
  field.writeInt32BE(text === null ? -1 : body.length, 0);
  body.copy(field, 4);
  return field;
}

function appendField(out: OutBuffer, source: Buffer, offset: number, length: number): void {
  const at = out.reserve(4);
  writeInt32(out.bytes, at, length);
  if (length > 0) out.append(source, offset, length);
}

const EMPTY = Buffer.alloc(0);
/** One walk at a time: {@link findHeaderValue} does not call out. */
const cursor = new HeaderMapCursor();
