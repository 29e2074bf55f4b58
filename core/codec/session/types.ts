// HOT PATH. The compact session's layout, the results of a check, and the view that a good check
// fills. Invariant: a view holds either one verified session or nothing. Source: docs/session.md.
// Checking is left to compact.ts and legacy.ts, making to encode.ts.

import { readU32 } from './bytes.ts';

//   0        1         2     4            8            12          20         36
//   +--------+---------+-----+------------+------------+-----------+----------+
//   | 1      | channel | kid | issued at  | ttl        | uid       | sid      |
//   +--------+---------+-----+------------+------------+-----------+----------+
//   36         40            48            49           50  52             52+n
//   +----------+-------------+-------------+------------+---+--------------+-----+
//   | epoch    | device hash | login level | shard hint | n | n attributes | MAC |
//   +----------+-------------+-------------+------------+---+--------------+-----+
//
// Big-endian; the MAC is HMAC-SHA-256 over everything before it, 32 bytes.

export const SESSION_VERSION = 1;

export const VERSION_OFFSET = 0;
export const CHANNEL_OFFSET = 1;
export const KID_OFFSET = 2;
export const ISSUED_AT_OFFSET = 4;
export const TTL_OFFSET = 8;
export const UID_OFFSET = 12;
export const SID_OFFSET = 20;
export const EPOCH_OFFSET = 36;
export const DEVICE_HASH_OFFSET = 40;
export const LOGIN_LEVEL_OFFSET = 48;
export const SHARD_HINT_OFFSET = 49;
export const ATTRIBUTES_LENGTH_OFFSET = 50;
export const ATTRIBUTES_OFFSET = 52;

export const SID_BYTES = 16;
export const DEVICE_HASH_BYTES = 8;

/** Bytes of a session without attributes. */
export const SESSION_BYTES_MIN = 84;
/** LIMIT: the size the whole product is built around. */
export const SESSION_BYTES_MAX = 650;
/** LIMIT: all that Mmtp's SESSION field may carry, hence the longest legacy session. Bytes. */
export const LEGACY_BYTES_MAX = 8192;

/** Seconds by which the clocks of issuer and gateway may differ. */
export const SKEW_SECONDS = 60;

/** Where a session may be used. */
export const SessionChannel = { wireless: 1, pc: 2 } as const;
export type SessionChannel = (typeof SessionChannel)[keyof typeof SessionChannel];

/** Shard hint of a session without one. */
export const NO_SHARD_HINT = 255;

/** What a check found. Everything but `ok` is the same 2000 for the client. */
export const SessionStatus = {
  ok: 0,
  /** The text form is not canonical base64url. */
  badText: 1,
  tooShort: 2,
  tooLong: 3,
  badVersion: 4,
  /** The session belongs to the other channel. */
  wrongChannel: 5,
  /** No key has this number, or the key is dead. */
  unknownKid: 6,
  badMac: 7,
  /** Signed, but the attributes do not fill their declared length exactly. */
  badAttributes: 8,
  /** Legacy only: signed, but not gzip, not JSON, or a field is missing or wrong. */
  badPayload: 9,
  notYetValid: 10,
  expired: 11,
  revoked: 12,
  wrongDevice: 13,
} as const;
export type SessionStatus = (typeof SessionStatus)[keyof typeof SessionStatus];

/** Names of the results by number, for logs and metrics. */
export const SESSION_STATUS_NAMES: readonly string[] = Object.keys(SessionStatus);

const EMPTY = Buffer.alloc(0);

/**
 * One verified session as numbers and offsets; reused for many. `sidOffset` and `attributesOffset`
 * point into `source`, which belongs to whoever gave the bytes to the verifier.
 */
export class SessionView {
  source: Buffer = EMPTY;
  /** True while the view holds a verified session. */
  isValid = false;
  isLegacy = false;
  /** The channel the session was checked for, see {@link SessionChannel}; 0 when empty. */
  channel = 0;
  /** Key number; 0 for a legacy session. */
  kid = 0;
  /** Unix seconds. */
  issuedAt = 0;
  /** Time to live in seconds. */
  ttl = 0;
  /** The user id, 64 bits in two unsigned halves. */
  uidHigh = 0;
  uidLow = 0;
  epoch = 0;
  /** First 8 bytes of SHA-256(device id) in two unsigned halves; both 0: not bound. */
  deviceHashHigh = 0;
  deviceHashLow = 0;
  loginLevel = 0;
  /** 0..99, or anything above for none. */
  shardHint: number = NO_SHARD_HINT;
  /** Where the 16 bytes of the sid are. */
  sidOffset = 0;
  attributesOffset = 0;
  attributesLength = 0;

  /** Back to holding nothing. */
  clear(): void {
    this.source = EMPTY;
    this.isValid = false;
    this.isLegacy = false;
    this.channel = 0;
    this.kid = 0;
    this.issuedAt = this.ttl = 0;
    this.uidHigh = this.uidLow = 0;
    this.epoch = 0;
    this.deviceHashHigh = this.deviceHashLow = 0;
    this.loginLevel = 0;
    this.shardHint = NO_SHARD_HINT;
    this.sidOffset = 0;
    this.attributesOffset = this.attributesLength = 0;
  }

  /** Reads the fields of a compact session whose length and MAC are good. */
  fill(source: Buffer, offset: number): void {
    this.source = source;
    this.isLegacy = false;
    this.channel = source[offset + CHANNEL_OFFSET]!;
    this.kid = (source[offset + KID_OFFSET]! << 8) | source[offset + KID_OFFSET + 1]!;
    this.issuedAt = readU32(source, offset + ISSUED_AT_OFFSET);
    this.ttl = readU32(source, offset + TTL_OFFSET);
    this.uidHigh = readU32(source, offset + UID_OFFSET);
    this.uidLow = readU32(source, offset + UID_OFFSET + 4);
    this.epoch = readU32(source, offset + EPOCH_OFFSET);
    this.deviceHashHigh = readU32(source, offset + DEVICE_HASH_OFFSET);
    this.deviceHashLow = readU32(source, offset + DEVICE_HASH_OFFSET + 4);
    this.loginLevel = source[offset + LOGIN_LEVEL_OFFSET]!;
    this.shardHint = source[offset + SHARD_HINT_OFFSET]!;
    const lengthAt = offset + ATTRIBUTES_LENGTH_OFFSET;
    this.attributesLength = (source[lengthAt]! << 8) | source[lengthAt + 1]!;
    this.sidOffset = offset + SID_OFFSET;
    this.attributesOffset = offset + ATTRIBUTES_OFFSET;
  }

  /**
   * Follows session bytes that were copied elsewhere. A legacy view owns its bytes and stays.
   *
   * @param offset where the session starts in `source` now
   */
  rebase(source: Buffer, offset: number): void {
    if (!this.isValid || this.isLegacy) return;
    this.source = source;
    this.sidOffset = offset + SID_OFFSET;
    this.attributesOffset = offset + ATTRIBUTES_OFFSET;
  }
}
