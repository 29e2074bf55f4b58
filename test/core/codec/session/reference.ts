// Sessions written a second time, from docs/session.md alone and with node's createHmac only, so
// that the product and its tests cannot share a mistake. Shares no code with core/.

import { createHash, createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** Any moment will do; tests pass time in. */
export const NOW = 1_800_000_000;

export const MASTER = Buffer.from(
  '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  'hex',
);

export const SID = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex');

export function hmac(key: Buffer, ...parts: Buffer[]): Buffer {
  const state = createHmac('sha256', key);
  for (const part of parts) state.update(part);
  return state.digest();
}

/** RFC 5869, written out. */
export function hkdf(ikm: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
  const prk = hmac(salt, ikm);
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let i = 1; output.length < length; i++) {
    block = Buffer.from(hmac(prk, block, info, Buffer.of(i)));
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, length);
}

export interface Minted {
  readonly version: number;
  readonly channel: number;
  /** The channel whose key signs, when it is not the one in the session. */
  readonly keyChannel: number;
  readonly kid: number;
  readonly iat: number;
  readonly ttl: number;
  readonly uid: bigint;
  readonly sid: Buffer;
  readonly epoch: number;
  readonly device: string;
  /** Used as it is, in place of the hash of a device. */
  readonly deviceHash: Buffer;
  readonly level: number;
  readonly shard: number;
  readonly attributes: Buffer;
  /** The declared length, when it is not the real one. */
  readonly attributesLength: number;
  readonly master: Buffer;
}

/** A signed session; a channel 1 session of user 208812345 unless said otherwise. */
export function mint(change: Partial<Minted> = {}): Buffer {
  const channel = change.channel ?? 1;
  const attributes = change.attributes ?? Buffer.alloc(0);
  const body = Buffer.alloc(52 + attributes.length);
  body.writeUInt8(change.version ?? 1, 0);
  body.writeUInt8(channel, 1);
  body.writeUInt16BE(change.kid ?? 1, 2);
  body.writeUInt32BE(change.iat ?? NOW - 100, 4);
  body.writeUInt32BE(change.ttl ?? 3600, 8);
  body.writeBigUInt64BE(change.uid ?? 208_812_345n, 12);
  (change.sid ?? SID).copy(body, 20);
  body.writeUInt32BE(change.epoch ?? 7, 36);
  if (change.device !== undefined) {
    createHash('sha256').update(change.device).digest().copy(body, 40, 0, 8);
  }
  change.deviceHash?.copy(body, 40);
  body.writeUInt8(change.level ?? 2, 48);
  body.writeUInt8(change.shard ?? 255, 49);
  body.writeUInt16BE(change.attributesLength ?? attributes.length, 50);
  attributes.copy(body, 52);
  const info = Buffer.of(change.keyChannel ?? channel);
  const key = hkdf(change.master ?? MASTER, Buffer.from('mgw-session-v1'), info, 32);
  return Buffer.concat([body, hmac(key, body)]);
}

/** A legacy session of any JSON text, or of bytes that are not gzip. */
export function mintLegacy(content: string | Buffer, master: Buffer = MASTER): Buffer {
  const gzip = typeof content === 'string' ? gzipSync(content) : content;
  const key = hkdf(master, Buffer.from('mgw-session-legacy'), Buffer.alloc(0), 32);
  return Buffer.concat([gzip, hmac(key, gzip)]);
}
