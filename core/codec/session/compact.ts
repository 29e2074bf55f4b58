// HOT PATH. Checks compact sessions in place: no copy, no JSON, no call, no promise. Invariant:
// every refusal costs exactly one MAC, also where the answer is known without it, so that the time
// of an answer tells a client nothing about keys, sids or revocations. Source: docs/session.md.

import { MAC_BYTES } from '../kernels.ts';
import type { Kernels, MacKey } from '../kernels.ts';
import { areAttributesValid } from './attributes.ts';
import type { SessionCache } from './cache.ts';
import { ClaimChecker } from './claims.ts';
import type { KeyRing } from './keys.ts';
import { MacAnswer, type MacsAhead } from './macs-ahead.ts';
import type { RevocationTable } from './revocation.ts';
import {
  ATTRIBUTES_OFFSET,
  CHANNEL_OFFSET,
  KID_OFFSET,
  SESSION_BYTES_MAX,
  SESSION_BYTES_MIN,
  SESSION_VERSION,
  SessionStatus,
  SKEW_SECONDS,
  VERSION_OFFSET,
} from './types.ts';
import type { SessionView } from './types.ts';

/** What a verifier works with; none of it changes during its life. */
export interface SessionVerifierOptions {
  readonly kernels: Kernels;
  readonly keys: KeyRing;
  readonly revocations: RevocationTable;
  /** Made for the same `keys`; null: every MAC is computed. */
  readonly cache?: SessionCache | null;
  /** MACs verified together; null: each is computed when its session is checked. */
  readonly ahead?: MacsAhead | null;
  /** Seconds, default {@link SKEW_SECONDS}. */
  readonly skewSeconds?: number;
}

/** Stands in for bytes that are too few to hold a MAC. */
const BLANK = Buffer.alloc(SESSION_BYTES_MIN);

/** Checks compact sessions of one configuration; one per thread. */
export class SessionVerifier {
  readonly #kernels: Kernels;
  readonly #keys: KeyRing;
  readonly #cache: SessionCache | null;
  readonly #ahead: MacsAhead | null;
  readonly #claims: ClaimChecker;

  constructor(options: SessionVerifierOptions) {
    this.#kernels = options.kernels;
    this.#keys = options.keys;
    this.#cache = options.cache ?? null;
    this.#ahead = options.ahead ?? null;
    const skew = options.skewSeconds ?? SKEW_SECONDS;
    this.#claims = new ClaimChecker(options.kernels, options.revocations, skew);
  }

  /**
   * Checks the session in `bytes[offset, offset + length)`.
   *
   * @param length bytes; -1: the session came as text that is not canonical base64url
   * @param channel what the listener serves, see `SessionChannel`
   * @param nowSeconds Unix time in whole seconds
   * @param device bytes that hold the request's device id; length 0: the request names none
   * @param view holds the session on `ok` and nothing on every other result
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
    if (length < SESSION_BYTES_MIN) {
      this.#spendMac(BLANK, 0, SESSION_BYTES_MIN);
      return length < 0 ? SessionStatus.badText : SessionStatus.tooShort;
    }
    if (length > SESSION_BYTES_MAX) {
      this.#spendMac(bytes, offset, SESSION_BYTES_MAX);
      return SessionStatus.tooLong;
    }
    if (bytes[offset + VERSION_OFFSET] !== SESSION_VERSION) {
      this.#spendMac(bytes, offset, length);
      return SessionStatus.badVersion;
    }
    if (bytes[offset + CHANNEL_OFFSET] !== channel) {
      this.#spendMac(bytes, offset, length);
      return SessionStatus.wrongChannel;
    }
    const key = this.#keys.find(channel, kidAt(bytes, offset));
    if (key === this.#keys.dummy) {
      this.#spendMac(bytes, offset, length);
      return SessionStatus.unknownKid;
    }
    const cache = this.#cache;
    const isCached = cache !== null && cache.has(this.#keys, bytes, offset, length);
    if (!isCached) {
      const known = this.#ahead?.take(bytes, offset, length) ?? MacAnswer.unknown;
      const isGood =
        known === MacAnswer.unknown
          ? this.#verifyMac(key, bytes, offset, length)
          : known === MacAnswer.good;
      if (!isGood) return SessionStatus.badMac;
    }
    view.fill(bytes, offset);
    const status = this.#checkSigned(view, length, nowSeconds, device, deviceOffset, deviceLength);
    if (status !== SessionStatus.ok) {
      view.clear();
      if (isCached) this.#spendMac(bytes, offset, length);
      return status;
    }
    view.isValid = true;
    if (cache !== null && !isCached) cache.add(this.#keys, bytes, offset, length);
    return SessionStatus.ok;
  }

  /**
   * Has the MAC of a session that is going to be checked verified together with others. What needs
   * none, or is refused without it, is left to {@link SessionVerifier.verify}.
   */
  addAhead(bytes: Buffer, offset: number, length: number, channel: number): void {
    // With a cache most need no MAC. PERF: to look there twice costs more than batches save.
    if (this.#cache !== null) return;
    if (length < SESSION_BYTES_MIN || length > SESSION_BYTES_MAX) return;
    if (bytes[offset + VERSION_OFFSET] !== SESSION_VERSION) return;
    if (bytes[offset + CHANNEL_OFFSET] !== channel) return;
    const key = this.#keys.find(channel, kidAt(bytes, offset));
    if (key === this.#keys.dummy) return;
    this.#ahead?.add(key, bytes, offset, length);
  }

  #checkSigned(
    view: SessionView,
    length: number,
    nowSeconds: number,
    device: Buffer,
    deviceOffset: number,
    deviceLength: number,
  ): SessionStatus {
    const { attributesOffset, attributesLength } = view;
    if (
      attributesLength !== length - ATTRIBUTES_OFFSET - MAC_BYTES ||
      !areAttributesValid(view.source, attributesOffset, attributesLength)
    ) {
      return SessionStatus.badAttributes;
    }
    return this.#claims.check(view, nowSeconds, device, deviceOffset, deviceLength);
  }

  /** Does the work of a check whose result is not wanted. */
  #spendMac(bytes: Buffer, offset: number, length: number): void {
    this.#verifyMac(this.#keys.dummy, bytes, offset, length);
  }

  #verifyMac(key: MacKey, bytes: Buffer, offset: number, length: number): boolean {
    const signed = length - MAC_BYTES;
    return this.#kernels.verifyMac(key, bytes, offset, signed, offset + signed);
  }
}

/** The key id of the session at `offset`. */
function kidAt(bytes: Buffer, offset: number): number {
  return (bytes[offset + KID_OFFSET]! << 8) | bytes[offset + KID_OFFSET + 1]!;
}
