// HOT PATH. The few computations that an optional native addon may take over, and their TypeScript
// form. Invariant: both forms give the same answers for the same bytes; one suite tests them.
// A kernel reads in place, keeps nothing of its input and never throws on peer bytes; what the
// result means is left to the codecs. Instances hold scratch memory: one per thread.

import { createHmac, createSecretKey, hash, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { crc32, gunzipSync, zstdDecompressSync } from 'node:zlib';

/** Bytes of an HMAC-SHA-256 and of a SHA-256 digest. */
export const MAC_BYTES = 32;

/** Block of SHA-256: an HMAC key is padded to it (RFC 2104). */
const BLOCK_BYTES = 64;

/** LIMIT: the longest message hashed without `createHmac`: all that a compact session signs. */
const MESSAGE_BYTES_MAX = 618;

/** LIMIT: the longest input of `sha256` whose view is kept; device ids are shorter. */
const HASH_BYTES_MAX = 256;

/** The most that HKDF-SHA-256 makes of one secret: 255 digests (RFC 5869, 2.3). */
const DERIVED_BYTES_MAX = 255 * MAC_BYTES;

/** An HMAC-SHA-256 key, prepared once for many messages. */
export class MacKey {
  /** The key XOR ipad, then the key XOR opad: 2 x 64 bytes (RFC 2104). Secret. */
  readonly pads: Buffer;
  readonly keyObject: KeyObject;

  constructor(pads: Buffer, keyObject: KeyObject) {
    this.pads = pads;
    this.keyObject = keyObject;
  }
}

/** A memory that a batch may speak of. */
export interface BoundMemory {
  readonly bytes: Buffer;
}

/**
 * Many MACs in one call: `add` them, `verify`, ask `isGood` for each, `clear`. The bytes must not
 * change from `add` to `verify`.
 */
export interface MacBatch {
  readonly entriesMax: number;
  /** Entries added since the last `clear`. */
  readonly count: number;
  /**
   * Adds one MAC, described as for `verifyMac`; it must have been prepared, and the memory bound,
   * by the kernels of this batch. Throws RangeError when the batch is full.
   *
   * @returns the number of the entry, 0..entriesMax-1
   */
  add(key: MacKey, memory: BoundMemory, offset: number, length: number, macOffset: number): number;
  /** Verifies all entries and returns the number of good ones. */
  verify(): number;
  /** The answer of the last `verify` for an entry; false when it was out of range. */
  isGood(entry: number): boolean;
  clear(): void;
}

/** What a native addon may replace, one by one, by extending {@link TypeScriptKernels}. */
export interface Kernels {
  /** Name of the form, for `/stats` and benchmark reports. */
  readonly name: string;
  /** Prepares an HMAC-SHA-256 key of any length; the bytes of `key` are copied. */
  prepareMacKey(key: Uint8Array): MacKey;
  /**
   * Compares in constant time the HMAC of `bytes[offset, offset + length)` with the 32 bytes at
   * `macOffset`. Ranges outside of `bytes` answer false.
   */
  verifyMac(key: MacKey, bytes: Buffer, offset: number, length: number, macOffset: number): boolean;
  /** Writes the HMAC of `bytes[offset, offset + length)` into 32 bytes of `target`. */
  signMac(
    key: MacKey,
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
  ): void;
  /** Writes the SHA-256 of `bytes[offset, offset + length)` into 32 bytes of `target`. */
  sha256(bytes: Buffer, offset: number, length: number, target: Buffer, targetOffset: number): void;
  /**
   * HKDF-SHA-256 (RFC 5869): a key of `length` bytes out of a secret.
   *
   * @param length 1..8160; throws RangeError outside of it
   */
  hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer;
  /** CRC-32 as zlib and Bolt use it, 0..2^32-1. */
  crc32(bytes: Buffer, offset: number, length: number): number;
  /** xxHash, 32 bits, 0..2^32-1. Source: xxHash specification 0.1.1. */
  xxh32(bytes: Buffer, offset: number, length: number, seed: number): number;
  /** Inflates a gzip file; null when it is broken or inflates to more than `bytesMax`. */
  gunzip(bytes: Buffer, offset: number, length: number, bytesMax: number): Buffer | null;
  /**
   * Decompresses one zstd frame that states, and has, exactly `size` bytes; null for anything else.
   *
   * @param size what the caller read from the frame and found to be within its limit
   * @param dictionary dictionaries are for kernels that prepare them
   */
  zstdDecompress(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    dictionary: null,
  ): Buffer | null;
}

/** {@link Kernels} over node:crypto and node:zlib. */
export class TypeScriptKernels implements Kernels {
  readonly name: string = 'typescript';
  readonly #inner = new Scratch(BLOCK_BYTES + MESSAGE_BYTES_MAX);
  readonly #outer = Buffer.alloc(BLOCK_BYTES + MAC_BYTES);
  /** Whose pads the two buffers hold: sessions mostly come under the same key. */
  #padded: MacKey | null = null;
  readonly #plain = new Scratch(HASH_BYTES_MAX);

  prepareMacKey(key: Uint8Array): MacKey {
    const pads = Buffer.alloc(2 * BLOCK_BYTES);
    if (key.length <= BLOCK_BYTES) pads.set(key);
    else pads.latin1Write(hash('sha256', key, 'latin1'), 0, MAC_BYTES);
    for (let i = 0; i < BLOCK_BYTES; i++) {
      const byte = pads[i]!;
      pads[i] = byte ^ 0x36;
      pads[BLOCK_BYTES + i] = byte ^ 0x5c;
    }
    return new MacKey(pads, createSecretKey(key));
  }

  verifyMac(
    key: MacKey,
    bytes: Buffer,
    offset: number,
    length: number,
    macOffset: number,
  ): boolean {
    if (offset + length > bytes.length || macOffset + MAC_BYTES > bytes.length) return false;
    const mac = this.#mac(key, bytes, offset, length);
    let difference = 0;
    for (let i = 0; i < MAC_BYTES; i++) difference |= mac.charCodeAt(i) ^ bytes[macOffset + i]!;
    return difference === 0;
  }

  signMac(
    key: MacKey,
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
  ): void {
    target.latin1Write(this.#mac(key, bytes, offset, length), targetOffset, MAC_BYTES);
  }

  sha256(
    bytes: Buffer,
    offset: number,
    length: number,
    target: Buffer,
    targetOffset: number,
  ): void {
    let view: Buffer;
    if (length <= HASH_BYTES_MAX) {
      bytes.copy(this.#plain.bytes, 0, offset, offset + length);
      view = this.#plain.head(length);
    } else {
      view = bytes.subarray(offset, offset + length);
    }
    target.latin1Write(hash('sha256', view, 'latin1'), targetOffset, MAC_BYTES);
  }

  hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
    checkDerivedLength(length);
    return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
  }

  crc32(bytes: Buffer, offset: number, length: number): number {
    if (offset === 0 && length === bytes.length) return crc32(bytes);
    return crc32(bytes.subarray(offset, offset + length));
  }

  xxh32(bytes: Buffer, offset: number, length: number, seed: number): number {
    return xxh32(bytes, offset, length, seed);
  }

  gunzip(bytes: Buffer, offset: number, length: number, bytesMax: number): Buffer | null {
    try {
      return gunzipSync(bytes.subarray(offset, offset + length), { maxOutputLength: bytesMax });
    } catch {
      return null;
    }
  }

  zstdDecompress(
    bytes: Buffer,
    offset: number,
    length: number,
    size: number,
    _dictionary: null,
  ): Buffer | null {
    return unzstd(bytes.subarray(offset, offset + length), size, null);
  }

  /**
   * HMAC-SHA-256 as 32 Latin-1 characters: two one-shot hashes, because a string of a digest costs
   * less than half of the Buffer of one. PERF: micro case `mac`.
   */
  #mac(key: MacKey, bytes: Buffer, offset: number, length: number): string {
    if (length > MESSAGE_BYTES_MAX) {
      const message = bytes.subarray(offset, offset + length);
      return createHmac('sha256', key.keyObject).update(message).digest('latin1');
    }
    const inner = this.#inner;
    const outer = this.#outer;
    if (this.#padded !== key) {
      key.pads.copy(inner.bytes, 0, 0, BLOCK_BYTES);
      key.pads.copy(outer, 0, BLOCK_BYTES, 2 * BLOCK_BYTES);
      this.#padded = key;
    }
    bytes.copy(inner.bytes, BLOCK_BYTES, offset, offset + length);
    const digest = hash('sha256', inner.head(BLOCK_BYTES + length), 'latin1');
    outer.latin1Write(digest, BLOCK_BYTES, MAC_BYTES);
    return hash('sha256', outer, 'latin1');
  }
}

/** Throws RangeError for a length of a key that `hkdf` cannot make. */
export function checkDerivedLength(length: number): void {
  if (Number.isInteger(length) && length >= 1 && length <= DERIVED_BYTES_MAX) return;
  throw new RangeError(`HKDF makes 1 to ${DERIVED_BYTES_MAX} bytes, not ${length}`);
}

/** Node's own zstd: exactly `size` bytes out of `frame`, or null. */
export function unzstd(frame: Buffer, size: number, dictionary: Buffer | null): Buffer | null {
  try {
    const plain = zstdDecompressSync(frame, {
      // One byte more than stated shows a frame that lies, without producing what it hides.
      maxOutputLength: size + 1,
      rejectGarbageAfterEnd: true,
      ...(dictionary === null ? {} : { dictionary }),
    });
    return plain.length === size ? plain : null;
  } catch {
    return null;
  }
}

/** Fixed memory that keeps a view for each length: hashing a head of it allocates nothing. */
class Scratch {
  readonly bytes: Buffer;
  readonly #heads: (Buffer | null)[];

  constructor(bytesMax: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytesMax);
    this.#heads = Array.from({ length: bytesMax + 1 }, () => null);
  }

  /** A view of the first `length` bytes. */
  head(length: number): Buffer {
    let head = this.#heads[length]!;
    if (head === null) {
      head = this.bytes.subarray(0, length);
      this.#heads[length] = head;
    }
    return head;
  }
}

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

function xxh32(bytes: Buffer, offset: number, length: number, seed: number): number {
  const end = offset + length;
  let at = offset;
  let hash32: number;
  if (length >= 16) {
    let a = (seed + PRIME_1 + PRIME_2) | 0;
    let b = (seed + PRIME_2) | 0;
    let c = seed | 0;
    let d = (seed - PRIME_1) | 0;
    for (; at + 16 <= end; at += 16) {
      a = stripe(a, bytes, at);
      b = stripe(b, bytes, at + 4);
      c = stripe(c, bytes, at + 8);
      d = stripe(d, bytes, at + 12);
    }
    hash32 = rotateLeft(a, 1) + rotateLeft(b, 7) + rotateLeft(c, 12) + rotateLeft(d, 18);
  } else {
    hash32 = seed + PRIME_5;
  }
  hash32 = (hash32 + length) | 0;
  for (; at + 4 <= end; at += 4) {
    hash32 = (hash32 + Math.imul(wordAt(bytes, at), PRIME_3)) | 0;
    hash32 = Math.imul(rotateLeft(hash32, 17), PRIME_4);
  }
  for (; at < end; at++) {
    hash32 = (hash32 + Math.imul(bytes[at]!, PRIME_5)) | 0;
    hash32 = Math.imul(rotateLeft(hash32, 11), PRIME_1);
  }
  hash32 = Math.imul(hash32 ^ (hash32 >>> 15), PRIME_2);
  hash32 = Math.imul(hash32 ^ (hash32 >>> 13), PRIME_3);
  return (hash32 ^ (hash32 >>> 16)) >>> 0;
}

function stripe(accumulator: number, bytes: Buffer, at: number): number {
  const sum = (accumulator + Math.imul(wordAt(bytes, at), PRIME_2)) | 0;
  return Math.imul(rotateLeft(sum, 13), PRIME_1);
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** The little-endian word at `at`, as a signed number. */
function wordAt(bytes: Buffer, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
