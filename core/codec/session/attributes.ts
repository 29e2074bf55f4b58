// HOT PATH. Attributes of a compact session: a run of (type u8, length u8, value). Invariant: no
// function reads outside of the given range, whatever the bytes are. What an attribute means is
// left to filters and services; building a run is cold.

/** Types with a common meaning; 16..255 belong to the application, the others are reserved. */
export const AttributeType = {
  tenant: 1,
  locale: 2,
  nickname: 3,
  roles: 4,
  memberLevel: 5,
} as const;

const HEADER_BYTES = 2;
const VALUE_BYTES_MAX = 255;
const TYPE_MAX = 255;

/** True when attributes fill `bytes[offset, offset + length)` exactly. */
export function areAttributesValid(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length;
  let at = offset;
  while (at + HEADER_BYTES <= end) at += HEADER_BYTES + bytes[at + 1]!;
  return at === end;
}

/**
 * Finds the first attribute of a type. Its value has `bytes[result - 1]` bytes.
 *
 * @returns the offset of its value, or -1
 */
export function findAttribute(
  bytes: Uint8Array,
  offset: number,
  length: number,
  type: number,
): number {
  const end = offset + length;
  let at = offset;
  while (at + HEADER_BYTES <= end) {
    const next = at + HEADER_BYTES + bytes[at + 1]!;
    if (next > end) return -1;
    if (bytes[at] === type) return at + HEADER_BYTES;
    at = next;
  }
  return -1;
}

/** One attribute by value. */
export interface Attribute {
  /** 1..255. */
  readonly type: number;
  /** At most 255 bytes. */
  readonly value: Buffer;
}

/** All attributes in order; null when the run is broken. Cold path. */
export function listAttributes(bytes: Buffer, offset: number, length: number): Attribute[] | null {
  if (!areAttributesValid(bytes, offset, length)) return null;
  const list: Attribute[] = [];
  const end = offset + length;
  let at = offset;
  while (at < end) {
    const valueAt = at + HEADER_BYTES;
    const next = valueAt + bytes[at + 1]!;
    list.push({ type: bytes[at]!, value: bytes.subarray(valueAt, next) });
    at = next;
  }
  return list;
}

/**
 * Encodes attributes in order. Cold path.
 *
 * @throws RangeError for a type or a length that does not fit into its byte
 */
export function encodeAttributes(list: readonly Attribute[]): Buffer {
  const parts: Buffer[] = [];
  for (const { type, value } of list) {
    if (!Number.isInteger(type) || type < 1 || type > TYPE_MAX) {
      throw new RangeError(`Attribute type ${type} is out of range; use 1..255`);
    }
    if (value.length > VALUE_BYTES_MAX) {
      throw new RangeError(
        `Attribute ${type} has ${value.length} bytes; a value holds at most ${VALUE_BYTES_MAX}`,
      );
    }
    parts.push(Buffer.of(type, value.length), value);
  }
  return Buffer.concat(parts);
}

/**
 * Application attributes (type 255, zeros) that take exactly `bytes` bytes. Cold path.
 *
 * @param bytes 0 or at least 2: an attribute takes two bytes and its value
 */
export function paddingAttributes(bytes: number): Buffer {
  if (bytes === 1 || bytes < 0) throw new RangeError(`No attribute takes ${bytes} bytes`);
  const padding = Buffer.alloc(bytes);
  let at = 0;
  while (at < bytes) {
    let part = Math.min(bytes - at, HEADER_BYTES + VALUE_BYTES_MAX);
    // A rest of one byte would hold no attribute.
    if (bytes - at - part === 1) part--;
    padding[at] = TYPE_MAX;
    padding[at + 1] = part - HEADER_BYTES;
    at += part;
  }
  return padding;
}
