// The functions of the compiled addon, as Rust exports them, and how the file is loaded. Invariant:
// what `loadAddon` returns was built for this interface and gives right answers to known questions.
// Numbers instead of objects everywhere: what they stand for is left to native-kernels.ts.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Number of the interface below; `INTERFACE` in src/lib.rs has to be the same. */
export const ADDON_INTERFACE = 2;

/** Answers of calls that write bytes, below the counts; src/outcome.rs has the same. */
export const AddonOutcome = {
  /** The input is not what it has to be. */
  broken: -1,
  /** The result does not fit into the target. */
  targetFull: -2,
  /** Offsets are outside of the memory, or input and target overlap. */
  outOfRange: -3,
} as const;

/**
 * The compiled functions. Offsets and lengths are in bytes, integers. A `number` that is
 * described as an outcome is 0.. or one of {@link AddonOutcome}.
 */
export interface Addon {
  interfaceNumber(): number;
  /** Copies and prepares a key; returns its number. */
  prepareMacKey(key: Uint8Array): number;
  /** Wipes a key; its number may be given to the next one. */
  releaseMacKey(key: number): boolean;
  /** False also when something is out of range or there is no such key. */
  verifyMac(
    key: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    macOffset: number,
  ): boolean;
  /** Keeps `bytes` alive; returns its number. */
  bindMemory(bytes: Uint8Array): number;
  unbindMemory(memory: number): boolean;
  /**
   * Entries of six little-endian 32-bit words: key, memory, offset, length, offset of the MAC, and
   * the answer, 1 or 0, which is written. Outcome: the number of good ones.
   */
  verifyMacs(entries: Uint8Array, count: number): number;
  /** Outcome: 32. */
  signMac(
    key: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
  ): number;
  /** Outcome: 32. */
  sha256(
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
  ): number;
  /** Fills all of `target`. Outcome: its length. */
  hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, target: Uint8Array): number;
  /** Outcome: the checksum, 0..2^32-1. */
  crc32(bytes: Uint8Array, offset: number, length: number): number;
  /** Outcome: the checksum, 0..2^32-1. */
  xxh32(bytes: Uint8Array, offset: number, length: number, seed: number): number;
  /** Outcome: bytes written. */
  gunzip(
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    targetLength: number,
  ): number;
  /** Outcome: the number of the dictionary. */
  prepareZstdDictionary(bytes: Uint8Array): number;
  releaseZstdDictionary(dictionary: number): boolean;
  /** `dictionary` below 0: none. Outcome: bytes written. */
  zstdCompress(
    dictionary: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    targetLength: number,
  ): number;
  /** `dictionary` below 0: none. Outcome: `size`. */
  zstdDecompress(
    dictionary: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    target: Uint8Array,
    targetOffset: number,
    size: number,
  ): number;
  /** Gives free memory of the C library back to the system; false when it had none, or cannot. */
  trimHeap(): boolean;
}

/** The addon, or why it cannot be used. */
export type AddonResult =
  | { readonly ok: true; readonly addon: Addon }
  | { readonly ok: false; readonly reason: string };

const require = createRequire(import.meta.url);

/**
 * Loads the addon in the file `path`. Whatever is wrong with the file, the platform or the
 * permissions of the process is told as a reason; nothing is thrown.
 */
export function loadAddon(path: string): AddonResult {
  if (!existsSync(path)) return { ok: false, reason: 'it is not built' };
  let addon: Partial<Addon>;
  try {
    addon = require(path) as Partial<Addon>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, reason: `it cannot be loaded: ${message.split('\n', 1)[0]}` };
  }
  const found = addon.interfaceNumber?.();
  if (found !== ADDON_INTERFACE) {
    const reason = `it has interface ${found ?? 'unknown'}, this version needs ${ADDON_INTERFACE}`;
    return { ok: false, reason };
  }
  if (!isRight(addon as Addon)) return { ok: false, reason: 'it computes wrong results here' };
  return { ok: true, addon: addon as Addon };
}

/**
 * Known answers: case 2 of RFC 4231, alone and as the two entries of a batch, which are computed by
 * other instructions, and the check value of CRC-32.
 */
function isRight(addon: Addon): boolean {
  const mac = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  const text = Buffer.from('what do ya want for nothing?', 'latin1');
  const bytes = Buffer.concat([text, Buffer.from(mac, 'hex')]);
  const key = addon.prepareMacKey(Buffer.from('Jefe', 'latin1'));
  const memory = addon.bindMemory(bytes);
  const entry = [key, memory, 0, text.length, text.length, 0];
  const batch = new Uint8Array(Uint32Array.from([...entry, ...entry]).buffer);
  const isGood = addon.verifyMac(key, bytes, 0, text.length, text.length);
  const areGood = addon.verifyMacs(batch, 2) === 2;
  bytes[bytes.length - 1]! ^= 1;
  const isBad = !addon.verifyMac(key, bytes, 0, text.length, text.length);
  const areBad = addon.verifyMacs(batch, 2) === 0;
  addon.unbindMemory(memory);
  addon.releaseMacKey(key);
  const digits = Buffer.from('123456789', 'latin1');
  const isSum = addon.crc32(digits, 0, digits.length) === 0xcbf43926;
  return isGood && isBad && areGood && areBad && isSum;
}
