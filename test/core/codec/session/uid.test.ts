// User ids in two halves against BigInt, and the shard rule.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { DEFAULT_UID_SHARD, isUidShardRule, ShardOfUid } from '#core/codec/session/shard.ts';
import { SessionView } from '#core/codec/session/types.ts';
import { parseUid, uidText, writeUid } from '#core/codec/session/uid.ts';

const MAX = 2n ** 64n - 1n;
const anyUid = fc.oneof(
  fc.bigInt({ min: 0n, max: MAX }),
  fc.bigInt({ min: 0n, max: 2n ** 53n }),
  fc.constantFrom(0n, 1n, 9n, 10n, 999_999n, 10n ** 6n, 10n ** 12n, 10n ** 18n, 2n ** 32n, MAX),
);

const high = (uid: bigint): number => Number(uid >> 32n);
const low = (uid: bigint): number => Number(uid & 0xffffffffn);

describe('uid', () => {
  test('text and halves agree with BigInt', () => {
    fc.assert(
      fc.property(anyUid, (uid) => {
        assert.deepEqual(parseUid(uid.toString()), { high: high(uid), low: low(uid) });
        assert.equal(uidText(high(uid), low(uid)), uid.toString());
      }),
      { numRuns: 2000 },
    );
  });

  test('writeUid writes in place, at most 20 bytes', () => {
    const bytes = Buffer.alloc(30, 0x2e);
    assert.equal(writeUid(high(MAX), low(MAX), bytes, 4), 20);
    assert.equal(bytes.toString('latin1'), '....18446744073709551615......');
    assert.equal(writeUid(0, 1_000_001, bytes, 0), 7);
    assert.equal(bytes.toString('latin1', 0, 7), '1000001');
    assert.equal(writeUid(0, 0, bytes, 0), 1);
    assert.equal(bytes[0], 48);
  });

  test('text that is not a canonical decimal below 2^64 is refused', () => {
    const wrong = ['', '-1', '+1', ' 1', '1 ', '01', '00', '1.0', '0x1', '1e3', '１', 'a'];
    wrong.push('18446744073709551616', '99999999999999999999', '118446744073709551615');
    for (const text of wrong) assert.equal(parseUid(text), null, text);
  });
});

describe('ShardOfUid', () => {
  test('default: second and third digit from the end', () => {
    const shards = new ShardOfUid(DEFAULT_UID_SHARD);
    assert.equal(shards.ofUid(0, 12_345), 34);
    assert.equal(shards.ofUid(0, 208_812_345), 34);
    assert.equal(shards.ofUid(0, 5), 0);
    assert.equal(shards.ofUid(0, 95), 9);
    assert.equal(shards.ofUid(high(MAX), low(MAX)), 61);
  });

  test('every rule and every user id agrees with the decimal digits', () => {
    fc.assert(
      fc.property(anyUid, fc.nat(5), fc.integer({ min: 1, max: 2 }), (uid, from, length) => {
        const digits = uid.toString().padStart(20, '0');
        const expected = Number(digits.slice(20 - from - length, 20 - from));
        assert.equal(new ShardOfUid({ from, length }).ofUid(high(uid), low(uid)), expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('a hint wins; values above 99 are none', () => {
    const shards = new ShardOfUid(DEFAULT_UID_SHARD);
    const view = new SessionView();
    view.uidLow = 12_345;
    for (const [hint, expected] of [
      [0, 0],
      [99, 99],
      [100, 34],
      [255, 34],
    ] as const) {
      view.shardHint = hint;
      assert.equal(shards.ofSession(view), expected);
    }
  });

  test('rules out of range are refused', () => {
    const wrong = [
      [6, 1],
      [-1, 2],
      [0, 0],
      [0, 3],
      [0.5, 1],
      [1, Number.NaN],
    ] as const;
    for (const [from, length] of wrong) {
      assert.equal(isUidShardRule({ from, length }), false);
      assert.throws(() => new ShardOfUid({ from, length }), /uidShard/);
    }
  });
});
