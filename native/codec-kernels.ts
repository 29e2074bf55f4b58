// The kernels that go beyond `Kernels` of core/codec: MACs by the batch in bound memory, and gzip
// and zstd from and into memory of the caller; with their form over Node's own functions.
// Invariant: both forms give the same answers; offsets outside of a memory are a fault of ours and
// throw RangeError, bytes of a peer never do. One instance per thread.

import { zstdCompressSync } from 'node:zlib';

import { TypeScriptKernels, unzstd } from '#core/codec/kernels.ts';
import type { BoundMemory, Kernels, MacBatch } from '#core/codec/kernels.ts';
import { checkRange } from './checks.ts';
import { PlainMacBatch } from './plain-mac-batch.ts';
import { statesOneFrameOf } from './zstd-frame.ts';

/** A zstd dictionary, digested once for many bodies. */
export interface PreparedDictionary {
  readonly bytes: Buffer;
}

/** All kernels. */
export interface CodecKernels extends Kernels {
  /**
   * Keeps a memory for batches. Over shared memory it is cheapest: nothing can detach it.
   * LIMIT: below 4 GiB.
   */
  bindMemory(bytes: Buffer): BoundMemory;
  unbindMemory(memory: BoundMemory): void;
  /** @param entriesMax 1..65536 */
  createMacBatch(entriesMax: number): MacBatch;
  /**
   * Inflates a gzip file into at most `targetLength` bytes at `targetOffset`; the two must not
   * overlap. Returns the bytes written, or -1 when the file is broken or does not fit.
   */
  gunzipInto(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
    targetLength: number,
  ): number;
  /** Copies and digests a dictionary; null when it is marked as a trained one and is broken. */
  prepareZstdDictionary(bytes: Uint8Array): PreparedDictionary | null;
  /**
   * Compresses into one zstd frame (RFC 8878) that states its size, at the default level.
   *
   * @returns null when the frame would not be smaller than the input
   */
  zstdCompress(
    bytes: Buffer,
    offset: number,
    length: number,
    dictionary: PreparedDictionary | null,
  ): Buffer | null;
  /** As `zstdCompress`, into memory of the caller; returns the bytes written or -1: no room. */
  zstdCompressInto(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
    targetLength: number,
    dictionary: PreparedDictionary | null,
  ): number;
  /**
   * Decompresses one zstd frame that states, and has, exactly `size` bytes.
   *
   * @param size what the caller read from the frame and found to be within its limit
   * @returns null for anything else
   */
  zstdDecompress(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    dictionary: PreparedDictionary | null,
  ): Buffer | null;
  /** As `zstdDecompress`, into `size` bytes at `targetOffset`. */
  zstdDecompressInto(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    target: Buffer,
    targetOffset: number,
    dictionary: PreparedDictionary | null,
  ): boolean;
}

/** {@link CodecKernels} over node:crypto and node:zlib. */
export class PlainKernels extends TypeScriptKernels implements CodecKernels {
  bindMemory(bytes: Buffer): BoundMemory {
    return { bytes };
  }

  unbindMemory(_memory: BoundMemory): void {}

  createMacBatch(entriesMax: number): MacBatch {
    return new PlainMacBatch(this, entriesMax);
  }

  gunzipInto(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
    targetLength: number,
  ): number {
    checkRange(bytes, offset, length);
    checkRange(target, targetOffset, targetLength);
    // Node refuses a limit of 0, which a file without content keeps to.
    const plain = this.gunzip(bytes, offset, length, Math.max(1, targetLength));
    if (plain === null || plain.length > targetLength) return -1;
    plain.copy(target, targetOffset);
    return plain.length;
  }

  prepareZstdDictionary(bytes: Uint8Array): PreparedDictionary | null {
    const dictionary = Buffer.from(bytes);
    try {
      zstdCompressSync(EMPTY, { dictionary });
    } catch {
      return null;
    }
    return { bytes: dictionary };
  }

  zstdCompress(
    bytes: Buffer,
    offset: number,
    length: number,
    dictionary: PreparedDictionary | null,
  ): Buffer | null {
    checkRange(bytes, offset, length);
    const frame = zstdCompressSync(bytes.subarray(offset, offset + length), {
      pledgedSrcSize: length,
      ...(dictionary === null ? {} : { dictionary: dictionary.bytes }),
    });
    return frame.length < length ? frame : null;
  }

  zstdCompressInto(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
    targetLength: number,
    dictionary: PreparedDictionary | null,
  ): number {
    checkRange(target, targetOffset, targetLength);
    const frame = this.zstdCompress(bytes, offset, length, dictionary);
    if (frame === null || frame.length > targetLength) return -1;
    frame.copy(target, targetOffset);
    return frame.length;
  }

  override zstdDecompress(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    dictionary: PreparedDictionary | null,
  ): Buffer | null {
    checkRange(bytes, offset, length);
    const frame = bytes.subarray(offset, offset + length);
    if (!statesOneFrameOf(frame, size)) return null;
    return unzstd(frame, size, dictionary?.bytes ?? null);
  }

  zstdDecompressInto(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    target: Buffer,
    targetOffset: number,
    dictionary: PreparedDictionary | null,
  ): boolean {
    checkRange(target, targetOffset, size);
    const plain = this.zstdDecompress(bytes, offset, length, size, dictionary);
    if (plain === null) return false;
    plain.copy(target, targetOffset);
    return true;
  }
}

const EMPTY = Buffer.alloc(0);
