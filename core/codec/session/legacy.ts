// The session of the decentralized generation: gzip(JSON), then HMAC-SHA-256 over the gzip bytes.
// Invariant: nothing is inflated or parsed before the MAC is good, and never more than 64 KB. It
// fills the same view as a compact session. Dear by nature (about 40 us): not written as hot path.

import { gzipSync } from 'node:zlib';

import { MAC_BYTES } from '../kernels.ts';
import type { Kernels, MacKey } from '../kernels.ts';
import { isU32, readU32 } from './bytes.ts';
import { ClaimChecker } from './claims.ts';
import type { SessionVerifierOptions } from './compact.ts';
import type { KeyRing } from './keys.ts';
import {
  DEVICE_HASH_BYTES,
  LEGACY_BYTES_MAX,
  NO_SHARD_HINT,
  SessionStatus,
  SKEW_SECONDS,
} from './types.ts';
import type { SessionView } from './types.ts';
import { parseUid } from './uid.ts';

/** An empty gzip file with its MAC. */
const LEGACY_BYTES_MIN = 20 + MAC_BYTES;
/** LIMIT: what the JSON may inflate to; real ones have about 7 KB. */
const JSON_BYTES_MAX = 65_536;
const LOGIN_LEVEL_MAX = 255;

const BLANK = Buffer.alloc(LEGACY_BYTES_MIN);
const digest = Buffer.alloc(MAC_BYTES);

/** The fields of the JSON that are checked; a real one has many more. */
export interface LegacyClaims {
  readonly v: 0;
  /** Decimal, below 2^64. */
  readonly uid: string;
  /** 32 hex digits. */
  readonly sid: string;
  /** Unix seconds. */
  readonly iat: number;
  /** Seconds. */
  readonly ttl: number;
  readonly epoch: number;
  /** Device id; empty or absent: not bound. */
  readonly device?: string;
  /** Login level 0..255; absent: 0. */
  readonly level?: number;
}

/** Whether bytes start like gzip, which no compact session does. */
export function looksLegacy(bytes: Uint8Array, offset: number, length: number): boolean {
  return length >= 2 && bytes[offset] === 0x1f && bytes[offset + 1] === 0x8b;
}

/** Checks legacy sessions of one configuration; one per thread. */
export class LegacyVerifier {
  readonly #kernels: Kernels;
  readonly #keys: KeyRing;
  readonly #claims: ClaimChecker;

  /** @param options as for compact sessions; there is no cache for legacy ones */
  constructor(options: SessionVerifierOptions) {
    this.#kernels = options.kernels;
    this.#keys = options.keys;
    const skew = options.skewSeconds ?? SKEW_SECONDS;
    this.#claims = new ClaimChecker(options.kernels, options.revocations, skew);
  }

  /**
   * Checks the session in `bytes[offset, offset + length)`. Parameters and results are those of
   * `SessionVerifier.verify`; a legacy session has no channel of its own, so the view gets the
   * listener's.
   */
  verify(
    bytes: Buffer,
    offset: number,
    length: number,
    channel: number,
    nowSeconds: number,
    device: Buffer,
    deviceOffset: number,
    deviceLength: number,
    view: SessionView,
  ): SessionStatus {
    view.clear();
    const { dummy, legacyKey } = this.#keys;
    if (length < LEGACY_BYTES_MIN) {
      this.#isMacGood(dummy, BLANK, 0, LEGACY_BYTES_MIN);
      return length < 0 ? SessionStatus.badText : SessionStatus.tooShort;
    }
    if (length > LEGACY_BYTES_MAX) {
      this.#isMacGood(dummy, bytes, offset, LEGACY_BYTES_MAX);
      return SessionStatus.tooLong;
    }
    const isGood = this.#isMacGood(legacyKey ?? dummy, bytes, offset, length);
    if (legacyKey === null) return SessionStatus.unknownKid;
    if (!isGood) return SessionStatus.badMac;
    const json = this.#kernels.gunzip(bytes, offset, length - MAC_BYTES, JSON_BYTES_MAX);
    if (json === null || !fillFromJson(json, channel, view, this.#kernels)) {
      view.clear();
      return SessionStatus.badPayload;
    }
    const status = this.#claims.check(view, nowSeconds, device, deviceOffset, deviceLength);
    if (status !== SessionStatus.ok) view.clear();
    else view.isValid = true;
    return status;
  }

  #isMacGood(key: MacKey, bytes: Buffer, offset: number, length: number): boolean {
    const signed = length - MAC_BYTES;
    return this.#kernels.verifyMac(key, bytes, offset, signed, offset + signed);
  }
}

/** Reads the claims of signed JSON into the view; false when one is missing or wrong. */
function fillFromJson(json: Buffer, channel: number, view: SessionView, kernels: Kernels): boolean {
  let value: unknown;
  try {
    value = JSON.parse(json.utf8Slice(0, json.length));
  } catch {
    return false;
  }
  if (typeof value !== 'object' || value === null) return false;
  const claims = value as Partial<Record<keyof LegacyClaims, unknown>>;
  const { v, uid, sid, iat, ttl, epoch, device = '', level = 0 } = claims;
  if (v !== 0 || typeof uid !== 'string' || typeof device !== 'string') return false;
  if (typeof sid !== 'string' || !/^[0-9a-fA-F]{32}$/.test(sid)) return false;
  if (!isU32(iat) || !isU32(ttl) || !isU32(epoch)) return false;
  if (!isU32(level) || level > LOGIN_LEVEL_MAX) return false;
  const halves = parseUid(uid);
  if (halves === null) return false;
  view.source = Buffer.from(sid, 'hex');
  view.isLegacy = true;
  view.channel = channel;
  view.issuedAt = iat;
  view.ttl = ttl;
  view.epoch = epoch;
  view.uidHigh = halves.high;
  view.uidLow = halves.low;
  view.loginLevel = level;
  view.shardHint = NO_SHARD_HINT;
  if (device !== '') {
    const bytes = Buffer.from(device);
    kernels.sha256(bytes, 0, bytes.length, digest, 0);
    view.deviceHashHigh = readU32(digest, 0);
    view.deviceHashLow = readU32(digest, DEVICE_HASH_BYTES / 2);
  }
  return true;
}

/**
 * Makes a legacy session, for tests, benchmarks and the command line.
 *
 * @throws RangeError when it would be longer than {@link LEGACY_BYTES_MAX}
 */
export function encodeLegacySession(claims: LegacyClaims, key: MacKey, kernels: Kernels): Buffer {
  const gzip = gzipSync(JSON.stringify(claims));
  const length = gzip.length + MAC_BYTES;
  if (length > LEGACY_BYTES_MAX) {
    throw new RangeError(`The legacy session has ${length} bytes; at most ${LEGACY_BYTES_MAX}`);
  }
  const session = Buffer.concat([gzip, Buffer.alloc(MAC_BYTES)]);
  kernels.signMac(key, session, 0, gzip.length, session, gzip.length);
  return session;
}
