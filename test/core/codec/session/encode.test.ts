// SessionIssuer: equal to the reference byte for byte, accepted by the verifier, strict in ranges.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { encodeAttributes, paddingAttributes } from '#core/codec/session/attributes.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import type { SessionFields } from '#core/codec/session/encode.ts';
import { Harness, KEY_1 } from './harness.ts';
import { MASTER, mint, mintLegacy, NOW, SID } from './reference.ts';

const FIELDS: SessionFields = {
  channel: 1,
  issuedAt: NOW - 100,
  ttl: 3600,
  uidHigh: 0,
  uidLow: 208_812_345,
  sid: SID,
};

function issuerOf(harness: Harness): SessionIssuer {
  return new SessionIssuer(harness.ring, harness.kernels);
}

const attribute = fc.record({
  type: fc.integer({ min: 1, max: 255 }),
  value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
});

const u32 = fc.integer({ min: 0, max: 0xffffffff });

const anyFields = fc.record({
  channel: fc.constantFrom(1 as const, 2 as const),
  age: fc.integer({ min: -60, max: 100_000 }),
  rest: fc.integer({ min: -60, max: 100_000 }),
  uid: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  sid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  epoch: u32,
  device: fc.string({ maxLength: 300 }),
  loginLevel: fc.integer({ min: 0, max: 255 }),
  shardHint: fc.option(fc.integer({ min: 0, max: 99 }), { nil: undefined }),
  attributes: fc.array(attribute, { maxLength: 12 }).map(encodeAttributes),
});

describe('SessionIssuer', () => {
  test('any session equals the one of the reference and passes the verifier', () => {
    const harness = new Harness();
    const issuer = issuerOf(harness);
    fc.assert(
      fc.property(anyFields, (any) => {
        const { channel, uid, sid, epoch, device, loginLevel, shardHint, attributes } = any;
        const iat = NOW - any.age;
        const ttl = Math.max(0, any.age + any.rest);
        const session = issuer.issue({
          channel,
          issuedAt: iat,
          ttl,
          uidHigh: Number(uid >> 32n),
          uidLow: Number(uid & 0xffffffffn),
          sid,
          epoch,
          device: Buffer.from(device),
          loginLevel,
          ...(shardHint === undefined ? {} : { shardHint }),
          attributes,
        });
        const expected = mint({
          channel,
          iat,
          ttl,
          uid,
          sid,
          epoch,
          ...(device === '' ? {} : { device }),
          level: loginLevel,
          shard: shardHint ?? 255,
          attributes,
        });
        assert.deepEqual(session, expected);
        assert.equal(harness.check(session, { channel, device }), 'ok');
        assert.equal((BigInt(harness.view.uidHigh) << 32n) | BigInt(harness.view.uidLow), uid);
        assert.equal(harness.view.epoch, epoch);
      }),
      { numRuns: 300 },
    );
  });

  test('values that do not fit are refused by name', () => {
    const issuer = issuerOf(new Harness());
    const wrong: readonly (readonly [Partial<SessionFields>, RegExp])[] = [
      [{ issuedAt: -1 }, /issuedAt/],
      [{ issuedAt: 1.5 }, /issuedAt/],
      [{ ttl: 2 ** 32 }, /ttl/],
      [{ uidHigh: 2 ** 32 }, /uid/],
      [{ uidLow: Number.NaN }, /uid/],
      [{ epoch: -1 }, /epoch/],
      [{ loginLevel: 256 }, /loginLevel/],
      [{ shardHint: 100 }, /shardHint/],
      [{ sid: Buffer.alloc(15) }, /sid/],
      [{ attributes: Buffer.from('0105', 'hex') }, /attributes/],
      [{ attributes: paddingAttributes(567) }, /attributes/],
    ];
    for (const [change, message] of wrong) {
      assert.throws(() => issuer.issue({ ...FIELDS, ...change }), message);
    }
    assert.equal(issuer.issue(FIELDS).length, 84);
  });

  test('only keys in state signing issue; the first one unless named', () => {
    const states = ['announced', 'verify-only', 'signing', 'signing', 'dead'] as const;
    const keys = states.map((state, kid) => ({ kid, state, master: MASTER, legacy: false }));
    const issuer = issuerOf(new Harness(keys));
    assert.equal(issuer.kid, 2);
    assert.equal(issuer.issue(FIELDS).readUInt16BE(2), 2);
    assert.equal(issuer.issue(FIELDS, 3).readUInt16BE(2), 3);
    for (const kid of [0, 1, 4, 77])
      assert.throws(() => issuer.issue(FIELDS, kid), /does not sign/);
    const none = issuerOf(new Harness([{ ...KEY_1, state: 'verify-only' }]));
    assert.equal(none.kid, -1);
    assert.throws(() => none.issue(FIELDS), /does not sign/);
  });

  test('reissue gives the compact form of a legacy session for the channel it came on', () => {
    const harness = new Harness();
    const claims = {
      v: 0,
      uid: '18446744073709551615',
      sid: SID.toString('hex'),
      iat: NOW - 50,
      ttl: 999,
      epoch: 3,
      device: 'dev',
      level: 4,
    };
    const options = { channel: 2, device: 'dev' };
    assert.equal(harness.checkLegacy(mintLegacy(JSON.stringify(claims)), options), 'ok');
    const session = issuerOf(harness).reissue(harness.view);
    assert.ok(session);
    const expected = mint({
      channel: 2,
      uid: 2n ** 64n - 1n,
      iat: NOW - 50,
      ttl: 999,
      epoch: 3,
      device: 'dev',
      level: 4,
    });
    assert.deepEqual(session, expected);
    assert.equal(harness.check(session, options), 'ok');
    assert.equal(harness.check(session, { ...options, device: 'other' }), 'wrongDevice');
    const mute = new Harness([{ ...KEY_1, state: 'verify-only' }]);
    assert.equal(issuerOf(mute).reissue(harness.view), null);
  });
});
