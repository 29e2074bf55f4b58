// COMPRESSED bodies: one zstd frame each, with the dictionary that INIT agreed on or none.
// Invariant: no more than the size stated in the zstd header is ever produced, and that size is
// checked against the limit before a byte is decompressed. Never throws for what a peer sent.

import { zstdCompressSync } from 'node:zlib';
import { unzstd, type Kernels } from '../kernels.ts';

/** A dictionary both sides have, under the number that DICT_ID speaks of. */
export interface ZstdDictionary {
  /** 1 .. 2^32 - 1; 0 stands for no dictionary. */
  readonly id: number;
  readonly bytes: Buffer;
}

/** Why a COMPRESSED body was refused. */
export const BodyProblem = {
  malformed: 'malformed',
  tooLarge: 'tooLarge',
  sizeMissing: 'sizeMissing',
  dictionaryWrong: 'dictionaryWrong',
} as const;
export type BodyProblem = (typeof BodyProblem)[keyof typeof BodyProblem];

/** Smaller bodies are sent as they are: the gain would not pay for the work on both sides. */
export const COMPRESS_BYTES_MIN = 512;

/**
 * Decompresses a COMPRESSED body.
 *
 * @param bodyBytesMax largest size after decompression (`maxFrameBytes`)
 * @param dictionary the one INIT_ACK picked, or null
 * @param kernels take the place of Node's zstd where no dictionary is used
 */
export function decompressBody(
  source: Buffer,
  offset: number,
  length: number,
  bodyBytesMax: number,
  dictionary: ZstdDictionary | null,
  kernels: Pick<Kernels, 'zstdDecompress'> | null = null,
): Buffer | BodyProblem {
  const stated = readStatedSize(source, offset, offset + length, dictionary?.id ?? 0);
  if (typeof stated === 'string') return stated;
  if (stated > bodyBytesMax) return BodyProblem.tooLarge;
  const body =
    dictionary === null && kernels !== null
      ? kernels.zstdDecompress(source, offset, length, stated, null)
      : unzstd(source.subarray(offset, offset + length), stated, dictionary?.bytes ?? null);
  return body ?? BodyProblem.malformed;
}

/**
 * Compresses a body into one zstd frame that states its content size.
 *
 * @returns null when it is below COMPRESS_BYTES_MIN or would not get smaller
 */
export function compressBody(body: Uint8Array, dictionary: ZstdDictionary | null): Buffer | null {
  if (body.length < COMPRESS_BYTES_MIN) return null;
  const packed = zstdCompressSync(body, {
    pledgedSrcSize: body.length,
    ...(dictionary === null ? {} : { dictionary: dictionary.bytes }),
  });
  return packed.length < body.length ? packed : null;
}

const ZSTD_MAGIC = 0xfd2fb528;
/** Frame header descriptor bits, RFC 8878 section 3.1.1.1.1. */
const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const DICT_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/**
 * Reads the content size that a zstd frame states (RFC 8878, 3.1.1.1).
 *
 * @param dictId the agreed dictionary; a frame that names another one is refused
 * @returns bytes; sizes of 2^53 and more read as Infinity
 */
function readStatedSize(
  source: Buffer,
  start: number,
  end: number,
  dictId: number,
): number | BodyProblem {
  if (end - start < 6 || source.readUInt32LE(start) !== ZSTD_MAGIC) return BodyProblem.malformed;
  const descriptor = source[start + 4]!;
  if ((descriptor & RESERVED) !== 0) return BodyProblem.malformed;
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const dictIdBytes = DICT_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3];
  const sizeFlag = (descriptor >>> 6) as 0 | 1 | 2 | 3;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  if (sizeBytes === 0) return BodyProblem.sizeMissing;
  const dictIdAt = start + 5 + (isSingleSegment ? 0 : 1);
  const sizeAt = dictIdAt + dictIdBytes;
  if (sizeAt + sizeBytes > end) return BodyProblem.malformed;
  if (dictIdBytes > 0 && readLittle(source, dictIdAt, dictIdBytes) !== dictId) {
    return BodyProblem.dictionaryWrong;
  }
  const size = readLittle(source, sizeAt, sizeBytes);
  return sizeBytes === 2 ? size + 256 : size;
}

/** Reads 1, 2, 4 or 8 little-endian bytes; Infinity when a number cannot hold them exactly. */
function readLittle(source: Buffer, at: number, size: number): number {
  if (size < 8) return source.readUIntLE(at, size);
  const high = source.readUInt32LE(at + 4);
  return high > 0x1f_ffff ? Infinity : high * 0x1_0000_0000 + source.readUInt32LE(at);
}
