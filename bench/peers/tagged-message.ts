// HOT PATH. Bodies of benchmark requests and answers: a tag of 8 hex digits that an answer takes
// over from its request, then filling. An answer that went to the wrong request has the wrong tag.
//
//   protobuf:  0a 08 <tag> 12 <length> xxxx...        json:  {"tag":"<tag>","fill":"xxxx..."}

/** Forms of a body. */
export const MESSAGE_FORMATS = ['protobuf', 'json'] as const;
export type MessageFormat = (typeof MESSAGE_FORMATS)[number];

export const TAG_BYTES = 8;

/** The smallest body that both forms can have. */
export const MESSAGE_BYTES_MIN = 32;

const HEX = Buffer.from('0123456789abcdef', 'latin1');

/** One body as a template, and the check of bodies against it. */
export class TaggedMessage {
  readonly bytes: Buffer;
  readonly tagOffset: number;

  /** @param length of the whole body, at least {@link MESSAGE_BYTES_MIN} */
  constructor(format: MessageFormat, length: number) {
    if (length < MESSAGE_BYTES_MIN) {
      throw new RangeError(`A body of ${length} bytes; at least ${MESSAGE_BYTES_MIN} are needed`);
    }
    this.bytes = format === 'protobuf' ? protobufBody(length) : jsonBody(length);
    this.tagOffset = this.bytes.indexOf('00000000', 0, 'latin1');
  }

  /** Is `source[offset, offset + length)` this body with the tag `tag`? */
  equals(source: Buffer, offset: number, length: number, tag: number): boolean {
    const { bytes, tagOffset } = this;
    if (length !== bytes.length || !hasTag(source, offset + tagOffset, tag)) return false;
    const rest = tagOffset + TAG_BYTES;
    for (let i = 0; i < tagOffset; i++) if (source[offset + i] !== bytes[i]) return false;
    return bytes.compare(source, offset + rest, offset + length, rest, length) === 0;
  }
}

/** Writes `tag`, 0..2^32-1, as 8 hex digits. */
export function writeTag(target: Buffer, at: number, tag: number): void {
  for (let i = 0; i < TAG_BYTES; i++) target[at + i] = HEX[(tag >>> (28 - 4 * i)) & 15]!;
}

function hasTag(source: Buffer, at: number, tag: number): boolean {
  for (let i = 0; i < TAG_BYTES; i++) {
    if (source[at + i] !== HEX[(tag >>> (28 - 4 * i)) & 15]) return false;
  }
  return true;
}

function protobufBody(length: number): Buffer {
  const head = Buffer.from('\x0a\x0800000000\x12', 'latin1');
  let lengthBytes = 1;
  while (length - head.length - lengthBytes >= 2 ** (7 * lengthBytes)) lengthBytes++;
  const varint = Buffer.alloc(lengthBytes);
  let rest = length - head.length - lengthBytes;
  for (let i = 0; i < lengthBytes; i++) {
    varint[i] = (rest & 0x7f) | (i < lengthBytes - 1 ? 0x80 : 0);
    rest >>>= 7;
  }
  const body = Buffer.alloc(length, 'x');
  head.copy(body, 0);
  varint.copy(body, head.length);
  return body;
}

function jsonBody(length: number): Buffer {
  const [head, tail] = ['{"tag":"00000000","fill":"', '"}'];
  const filling = 'x'.repeat(length - head.length - tail.length);
  return Buffer.from(`${head}${filling}${tail}`, 'latin1');
}
