// What a zstd frame says about itself (RFC 8878, 3.1.1), read without decompressing anything.
// Invariant: no byte outside of the frame is read, whatever its lengths say.
//
//   magic 4 | descriptor 1 | window 0-1 | dictionary 0-4 | content size 0-8 | blocks | check 0-4
//
//   block: header of 3 bytes, little-endian: last 1 bit, type 2 bits, size 21 bits | content

const MAGIC = 0xfd2fb528;

/** Bits of the frame header descriptor. */
const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const CHECKSUM = 0x04;

const DICT_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;

const BlockType = { raw: 0, repeated: 1, compressed: 2, reserved: 3 } as const;

/** Whether `bytes` are exactly one zstd frame and its header states `size` bytes of content. */
export function statesOneFrameOf(bytes: Buffer, size: number): boolean {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== MAGIC) return false;
  const descriptor = bytes[4]!;
  if ((descriptor & RESERVED) !== 0) return false;
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const sizeFlag = (descriptor >>> 6) as 0 | 1 | 2 | 3;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  const dictIdBytes = DICT_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + dictIdBytes;
  const blocksAt = sizeAt + sizeBytes;
  if (sizeBytes === 0 || blocksAt > bytes.length) return false;
  if (readSize(bytes, sizeAt, sizeBytes) !== size) return false;
  const checksumBytes = (descriptor & CHECKSUM) === 0 ? 0 : CHECKSUM_BYTES;
  return endOfBlocks(bytes, blocksAt) + checksumBytes === bytes.length;
}

function readSize(bytes: Buffer, at: number, sizeBytes: 1 | 2 | 4 | 8): number {
  if (sizeBytes === 2) return bytes.readUInt16LE(at) + 256;
  if (sizeBytes < 8) return bytes.readUIntLE(at, sizeBytes);
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at);
}

/** Offset behind the last block, or NaN when the blocks do not end inside of `bytes`. */
function endOfBlocks(bytes: Buffer, start: number): number {
  for (let at = start; at + BLOCK_HEADER_BYTES <= bytes.length;) {
    const header = bytes.readUIntLE(at, BLOCK_HEADER_BYTES);
    const type = (header >>> 1) & 3;
    if (type === BlockType.reserved) return NaN;
    at += BLOCK_HEADER_BYTES + (type === BlockType.repeated ? 1 : header >>> 3);
    if ((header & 1) === 1) return at;
  }
  return NaN;
}
