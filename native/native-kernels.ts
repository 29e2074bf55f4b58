// HOT PATH. The kernels over the addon. Invariant: the same answers as without it; a function is
// overridden only where the addon is faster, from the size on that the constants below name. Keys
// and dictionaries are numbers in the addon and are released when their object is collected.

import { checkDerivedLength, MAC_BYTES } from '#core/codec/kernels.ts';
import type { BoundMemory, MacBatch, MacKey } from '#core/codec/kernels.ts';
import { AddonOutcome, type Addon } from './addon.ts';
import { checkRange, rangeError } from './checks.ts';
import { PlainKernels } from './codec-kernels.ts';
import type { PreparedDictionary } from './codec-kernels.ts';
import { NativeMacBatch, NativeMemory } from './native-mac-batch.ts';
import { NativeMacKey } from './native-mac-key.ts';

/**
 * From how many bytes on the addon beats the other form. MACs, SHA-256, gzip and zstd: always.
 * PERF: `node native/bench.ts --thresholds`, with these set to 0, prints both forms around them.
 */
export const NATIVE_BYTES_MIN = { crc32: 128, xxh32: 384 } as const;

/** LIMIT: memory kept for inflating; larger texts are inflated into memory of their own. */
const SCRATCH_BYTES = 65_536;

/** Factor by which the room for a text of unknown size grows. */
const ROOM_GROWTH = 4;

/** Number that stands for no dictionary. */
const NO_DICTIONARY = -1;

class NativeDictionary implements PreparedDictionary {
  readonly bytes: Buffer;
  readonly index: number;

  constructor(bytes: Buffer, index: number) {
    this.bytes = bytes;
    this.index = index;
  }
}

/** `CodecKernels` over the addon; see there for what the methods do. */
export class NativeKernels extends PlainKernels {
  override readonly name: string = 'native';
  readonly #addon: Addon;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #keys: FinalizationRegistry<number>;
  readonly #dictionaries: FinalizationRegistry<number>;

  constructor(addon: Addon) {
    super();
    this.#addon = addon;
    this.#keys = new FinalizationRegistry((index) => addon.releaseMacKey(index));
    this.#dictionaries = new FinalizationRegistry((index) => addon.releaseZstdDictionary(index));
  }

  override prepareMacKey(key: Uint8Array): MacKey {
    const prepared = new NativeMacKey(super.prepareMacKey(key), this.#addon.prepareMacKey(key));
    this.#keys.register(prepared, prepared.index);
    return prepared;
  }

  override verifyMac(
    key: MacKey,
    bytes: Buffer,
    offset: number,
    length: number,
    macOffset: number,
  ): boolean {
    if (key instanceof NativeMacKey) {
      return this.#addon.verifyMac(key.index, bytes, offset, length, macOffset);
    }
    return super.verifyMac(key, bytes, offset, length, macOffset);
  }

  override signMac(
    key: MacKey,
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
  ): void {
    if (!(key instanceof NativeMacKey)) {
      super.signMac(key, bytes, offset, length, target, targetOffset);
      return;
    }
    const { index } = key;
    const written = this.#addon.signMac(index, bytes, offset, length, target, targetOffset);
    if (written !== MAC_BYTES) throw wrongRange(bytes, offset, length, target, targetOffset);
  }

  override sha256(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
  ): void {
    const written = this.#addon.sha256(bytes, offset, length, target, targetOffset);
    if (written !== MAC_BYTES) throw wrongRange(bytes, offset, length, target, targetOffset);
  }

  override hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
    checkDerivedLength(length);
    const derived = Buffer.alloc(length);
    this.#addon.hkdf(secret, salt, info, derived);
    return derived;
  }

  override crc32(bytes: Buffer, offset: number, length: number): number {
    checkRange(bytes, offset, length);
    if (length < NATIVE_BYTES_MIN.crc32) return super.crc32(bytes, offset, length);
    return this.#addon.crc32(bytes, offset, length);
  }

  override xxh32(bytes: Buffer, offset: number, length: number, seed: number): number {
    checkRange(bytes, offset, length);
    if (length < NATIVE_BYTES_MIN.xxh32) return super.xxh32(bytes, offset, length, seed);
    return this.#addon.xxh32(bytes, offset, length, seed);
  }

  override gunzip(bytes: Buffer, offset: number, length: number, bytesMax: number): Buffer | null {
    if (bytesMax < 1) return null;
    let target = this.#scratch;
    for (;;) {
      const room = Math.min(target.length, bytesMax);
      const written = this.#addon.gunzip(bytes, offset, length, target, 0, room);
      if (written >= 0) {
        const plain = Buffer.allocUnsafe(written);
        target.copy(plain, 0, 0, written);
        return plain;
      }
      if (written === AddonOutcome.outOfRange) throw rangeError(bytes, offset, length);
      if (written === AddonOutcome.broken || room === bytesMax) return null;
      // Grows only as far as the text did: what the file states about its size is not asked.
      target = Buffer.allocUnsafeSlow(Math.min(bytesMax, target.length * ROOM_GROWTH));
    }
  }

  override gunzipInto(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
    targetLength: number,
  ): number {
    const addon = this.#addon;
    const written = addon.gunzip(bytes, offset, length, target, targetOffset, targetLength);
    if (written !== AddonOutcome.outOfRange) return Math.max(-1, written);
    throw wrongRange(bytes, offset, length, target, targetOffset);
  }

  override prepareZstdDictionary(bytes: Uint8Array): PreparedDictionary | null {
    const index = this.#addon.prepareZstdDictionary(bytes);
    if (index < 0) return null;
    const prepared = new NativeDictionary(Buffer.from(bytes), index);
    this.#dictionaries.register(prepared, index);
    return prepared;
  }

  override zstdCompress(
    bytes: Buffer,
    offset: number,
    length: number,
    dictionary: PreparedDictionary | null,
  ): Buffer | null {
    checkRange(bytes, offset, length);
    const room = Math.max(0, length - 1);
    const target = room <= SCRATCH_BYTES ? this.#scratch : Buffer.allocUnsafeSlow(room);
    const written = this.zstdCompressInto(bytes, offset, length, target, 0, room, dictionary);
    if (written < 0) return null;
    const frame = Buffer.allocUnsafe(written);
    target.copy(frame, 0, 0, written);
    return frame;
  }

  override zstdCompressInto(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
    targetLength: number,
    dictionary: PreparedDictionary | null,
  ): number {
    const index = indexOf(dictionary);
    checkRange(target, targetOffset, targetLength);
    // A frame that is not smaller than the input is of no use to anyone.
    const room = Math.min(targetLength, Math.max(0, length - 1));
    const addon = this.#addon;
    const written = addon.zstdCompress(index, bytes, offset, length, target, targetOffset, room);
    if (written !== AddonOutcome.outOfRange) return Math.max(-1, written);
    throw wrongRange(bytes, offset, length, target, targetOffset);
  }

  override zstdDecompress(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    dictionary: PreparedDictionary | null,
  ): Buffer | null {
    const plain = Buffer.allocUnsafe(size);
    const isDone = this.zstdDecompressInto(bytes, offset, length, size, plain, 0, dictionary);
    return isDone ? plain : null;
  }

  override zstdDecompressInto(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    target: Buffer,
    targetOffset: number,
    dictionary: PreparedDictionary | null,
  ): boolean {
    const index = indexOf(dictionary);
    const addon = this.#addon;
    const written = addon.zstdDecompress(index, bytes, offset, length, target, targetOffset, size);
    if (written === AddonOutcome.outOfRange) {
      throw wrongRange(bytes, offset, length, target, targetOffset);
    }
    return written === size;
  }

  override bindMemory(bytes: Buffer): BoundMemory {
    return new NativeMemory(bytes, this.#addon.bindMemory(bytes));
  }

  override unbindMemory(memory: BoundMemory): void {
    if (memory instanceof NativeMemory) memory.release(this.#addon);
  }

  override createMacBatch(entriesMax: number): MacBatch {
    return new NativeMacBatch(this.#addon, entriesMax);
  }
}

function indexOf(dictionary: PreparedDictionary | null): number {
  if (dictionary === null) return NO_DICTIONARY;
  if (dictionary instanceof NativeDictionary) return dictionary.index;
  throw new TypeError('The dictionary was prepared by other kernels');
}

/** The error of a call whose input or target was refused. */
function wrongRange(
  bytes: Buffer,
  offset: number,
  length: number,
  target: Buffer,
  targetOffset: number,
): RangeError {
  const isInputWrong = offset < 0 || length < 0 || offset + length > bytes.length;
  if (isInputWrong) return rangeError(bytes, offset, length);
  return rangeError(target, targetOffset, target.length - targetOffset);
}
