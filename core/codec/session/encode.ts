// Makes compact sessions. Invariant: what is made here passes the verifier of the same keys, and a
// value that does not fit its field is refused, never cut. Who may get a session is left to others.

import { MAC_BYTES } from '../kernels.ts';
import type { Kernels } from '../kernels.ts';
import { areAttributesValid } from './attributes.ts';
import { isU32, readU32, writeU32 } from './bytes.ts';
import type { KeyRing } from './keys.ts';
import {
  ATTRIBUTES_LENGTH_OFFSET,
  ATTRIBUTES_OFFSET,
  CHANNEL_OFFSET,
  DEVICE_HASH_OFFSET,
  EPOCH_OFFSET,
  ISSUED_AT_OFFSET,
  KID_OFFSET,
  LOGIN_LEVEL_OFFSET,
  NO_SHARD_HINT,
  SESSION_BYTES_MAX,
  SESSION_BYTES_MIN,
  SESSION_VERSION,
  SHARD_HINT_OFFSET,
  SID_BYTES,
  SID_OFFSET,
  TTL_OFFSET,
  UID_OFFSET,
  VERSION_OFFSET,
} from './types.ts';
import type { SessionChannel, SessionView } from './types.ts';

const LOGIN_LEVEL_MAX = 255;
const SHARD_HINT_MAX = 99;

/** Attributes that fit beside the fixed fields. Bytes. */
const ATTRIBUTES_BYTES_MAX = SESSION_BYTES_MAX - SESSION_BYTES_MIN;

/** What goes into a session besides its signature. */
export interface SessionFields {
  readonly channel: SessionChannel;
  /** Unix seconds. */
  readonly issuedAt: number;
  /** Seconds. */
  readonly ttl: number;
  readonly uidHigh: number;
  readonly uidLow: number;
  /** 16 random bytes. */
  readonly sid: Uint8Array;
  /** Default 0. */
  readonly epoch?: number;
  /** Device id the session is bound to; absent or empty: not bound. */
  readonly device?: Buffer;
  /** 0..255, default 0. */
  readonly loginLevel?: number;
  /** 0..99; absent: the shard follows from the user id. */
  readonly shardHint?: number;
  /** As `encodeAttributes` makes them; at most 566 bytes. */
  readonly attributes?: Uint8Array;
}

/** Signs compact sessions with the keys of one ring. */
export class SessionIssuer {
  readonly #keys: KeyRing;
  readonly #kernels: Kernels;
  readonly #digest = Buffer.alloc(MAC_BYTES);

  constructor(keys: KeyRing, kernels: Kernels) {
    this.#keys = keys;
    this.#kernels = kernels;
  }

  /** The key number that issues when none is named; -1 when no key is in state `signing`. */
  get kid(): number {
    return this.#keys.signingKids[0] ?? -1;
  }

  /**
   * Makes a session.
   *
   * @param kid a key in state `signing`
   * @throws RangeError for a field that does not fit or a key that does not sign
   */
  issue(fields: SessionFields, kid: number = this.kid): Buffer {
    const { device } = fields;
    if (device === undefined || device.length === 0) return this.#issue(fields, 0, 0, kid);
    const digest = this.#digest;
    this.#kernels.sha256(device, 0, device.length, digest, 0);
    return this.#issue(fields, readU32(digest, 0), readU32(digest, 4), kid);
  }

  /**
   * The compact form of a verified legacy session, so that clients migrate by themselves. It keeps
   * sid, epoch, device and times: what would have ended the old one ends the new one as well.
   *
   * @returns null when no key is in state `signing`
   */
  reissue(view: SessionView): Buffer | null {
    const kid = this.kid;
    if (kid < 0) return null;
    const fields: SessionFields = {
      channel: view.channel as SessionChannel,
      issuedAt: view.issuedAt,
      ttl: view.ttl,
      uidHigh: view.uidHigh,
      uidLow: view.uidLow,
      sid: view.source.subarray(view.sidOffset, view.sidOffset + SID_BYTES),
      epoch: view.epoch,
      loginLevel: view.loginLevel,
    };
    return this.#issue(fields, view.deviceHashHigh, view.deviceHashLow, kid);
  }

  #issue(fields: SessionFields, deviceHigh: number, deviceLow: number, kid: number): Buffer {
    checkFields(fields);
    if (!this.#keys.signingKids.includes(kid)) {
      throw new RangeError(`Key ${kid} does not sign; keys in state "signing" do`);
    }
    const attributes = fields.attributes ?? EMPTY;
    const session = Buffer.alloc(SESSION_BYTES_MIN + attributes.length);
    session[VERSION_OFFSET] = SESSION_VERSION;
    session[CHANNEL_OFFSET] = fields.channel;
    session[KID_OFFSET] = kid >> 8;
    session[KID_OFFSET + 1] = kid;
    writeU32(session, ISSUED_AT_OFFSET, fields.issuedAt);
    writeU32(session, TTL_OFFSET, fields.ttl);
    writeU32(session, UID_OFFSET, fields.uidHigh);
    writeU32(session, UID_OFFSET + 4, fields.uidLow);
    session.set(fields.sid, SID_OFFSET);
    writeU32(session, EPOCH_OFFSET, fields.epoch ?? 0);
    writeU32(session, DEVICE_HASH_OFFSET, deviceHigh);
    writeU32(session, DEVICE_HASH_OFFSET + 4, deviceLow);
    session[LOGIN_LEVEL_OFFSET] = fields.loginLevel ?? 0;
    session[SHARD_HINT_OFFSET] = fields.shardHint ?? NO_SHARD_HINT;
    session[ATTRIBUTES_LENGTH_OFFSET] = attributes.length >> 8;
    session[ATTRIBUTES_LENGTH_OFFSET + 1] = attributes.length;
    session.set(attributes, ATTRIBUTES_OFFSET);
    const signed = session.length - MAC_BYTES;
    const key = this.#keys.find(fields.channel, kid);
    this.#kernels.signMac(key, session, 0, signed, session, signed);
    return session;
  }
}

const EMPTY = Buffer.alloc(0);

function checkFields(fields: SessionFields): void {
  const { epoch = 0, loginLevel = 0, shardHint = 0, attributes = EMPTY } = fields;
  checkRange('issuedAt', isU32(fields.issuedAt));
  checkRange('ttl', isU32(fields.ttl));
  checkRange('uid', isU32(fields.uidHigh) && isU32(fields.uidLow));
  checkRange('epoch', isU32(epoch));
  checkRange('loginLevel', isU32(loginLevel) && loginLevel <= LOGIN_LEVEL_MAX);
  checkRange('shardHint', isU32(shardHint) && shardHint <= SHARD_HINT_MAX);
  checkRange('sid', fields.sid.length === SID_BYTES);
  const isFitting = attributes.length <= ATTRIBUTES_BYTES_MAX;
  checkRange('attributes', isFitting && areAttributesValid(attributes, 0, attributes.length));
}

function checkRange(field: string, isFitting: boolean): void {
  if (!isFitting) throw new RangeError(`The value of "${field}" does not fit into a session`);
}
