// The verified-session cache: what it may skip, what it never skips, whom it never confuses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { paddingAttributes } from '#core/codec/session/attributes.ts';
import { SESSION_CACHE_ENTRIES_MAX, SessionCache } from '#core/codec/session/cache.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { SessionStatus } from '#core/codec/session/types.ts';
import { Harness, KEY_1, tableOf } from './harness.ts';
import { mint, NOW, SID } from './reference.ts';

describe('SessionCache', () => {
  test('the second look at the same bytes costs no MAC', () => {
    const harness = new Harness([KEY_1], {}, { entries: 64 });
    const session = mint();
    for (let i = 0; i < 5; i++) assert.equal(harness.check(session), 'ok');
    assert.equal(harness.kernels.macs, 1);
    assert.deepEqual([harness.cache?.hits, harness.cache?.misses], [4, 1]);
    assert.equal(harness.view.uidLow, 208_812_345);
  });

  test('with no entries or no cache every look costs a MAC', () => {
    for (const cache of [null, { entries: 0 }]) {
      const harness = new Harness([KEY_1], {}, cache);
      for (let i = 0; i < 3; i++) assert.equal(harness.check(mint()), 'ok');
      assert.equal(harness.kernels.macs, 3);
    }
  });

  test('every bit of a remembered session still counts', () => {
    const session = mint({ attributes: paddingAttributes(20) });
    const harness = new Harness([KEY_1], {}, { entries: 1 });
    for (let bit = 0; bit < session.length * 8; bit++) {
      assert.equal(harness.check(session), 'ok');
      const flipped = Buffer.from(session);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.notEqual(harness.check(flipped), 'ok', `bit ${bit}`);
    }
    assert.equal(harness.cache?.hits, session.length * 8 - 1);
  });

  test('prefixes and extensions of a remembered session are refused', () => {
    const session = mint({ attributes: paddingAttributes(20) });
    const harness = new Harness([KEY_1], {}, { entries: 1 });
    harness.check(session);
    const extended = Buffer.concat([session, session.subarray(-4)]);
    assert.equal(harness.check(extended), 'badMac');
    for (let length = 84; length < session.length; length++) {
      assert.equal(harness.check(session.subarray(0, length)), 'badMac');
    }
  });

  test('refused sessions are not remembered', () => {
    const harness = new Harness([KEY_1], {}, { entries: 8 });
    const session = mint({ device: 'a' });
    assert.equal(harness.check(session, { device: 'b' }), 'wrongDevice');
    assert.equal(harness.check(session, { device: 'b' }), 'wrongDevice');
    assert.deepEqual([harness.cache?.hits, harness.kernels.macs], [0, 2]);
  });

  test('time and device are checked on every hit, at the price of a MAC when refused', () => {
    const harness = new Harness([KEY_1], {}, { entries: 8 });
    const session = mint({ device: 'a', iat: NOW, ttl: 10 });
    assert.equal(harness.check(session, { device: 'a' }), 'ok');
    assert.equal(harness.kernels.macs, 1);
    assert.equal(harness.check(session, { device: 'b' }), 'wrongDevice');
    assert.equal(harness.check(session, { device: 'a', now: NOW + 71 }), 'expired');
    assert.equal(harness.check(session, { device: 'a', now: NOW - 61 }), 'notYetValid');
    assert.equal(harness.check(session, { device: 'a', channel: 2 }), 'wrongChannel');
    assert.equal(harness.kernels.macs, 5);
    assert.equal(harness.check(session, { device: 'a' }), 'ok');
    assert.equal(harness.kernels.macs, 5);
  });

  test('a revocation reaches a session that is remembered', () => {
    const before = new Harness([KEY_1], {}, { entries: 8 });
    const session = mint();
    assert.equal(before.check(session), 'ok');
    assert.equal(before.check(session), 'ok');
    // A new snapshot with the same keys: ring and cache stay, revocations are new.
    const after = new SessionVerifier({
      kernels: before.kernels,
      keys: before.ring,
      revocations: tableOf({ sids: [SID.toString('hex')] }),
      cache: before.cache,
    });
    const none = Buffer.alloc(0);
    const status = after.verify(session, 0, session.length, 1, NOW, none, 0, 0, before.view);
    assert.equal(status, SessionStatus.revoked);
    assert.equal(before.cache?.hits, 2);
    assert.equal(before.view.isValid, false);
  });

  test('another key ring never hits: a key that was replaced or died ends its sessions', () => {
    const before = new Harness([KEY_1], {}, { entries: 8 });
    const session = mint();
    before.check(session);
    const replaced = { ...KEY_1, master: Buffer.alloc(32, 9) };
    assert.equal(new Harness([replaced], {}, before.cache).check(session), 'badMac');
    const dead = { ...KEY_1, state: 'dead' } as const;
    assert.equal(new Harness([dead], {}, before.cache).check(session), 'unknownKid');
  });

  test('is bounded: sessions displace each other and all stay right', () => {
    const harness = new Harness([KEY_1], {}, { entries: 3 });
    const sessions = Array.from({ length: 50 }, (_, i) => {
      return mint({ uid: BigInt(i), attributes: paddingAttributes(i === 1 ? 0 : i) });
    });
    for (let round = 0; round < 3; round++) {
      for (const [i, session] of sessions.entries()) {
        assert.equal(harness.check(session), 'ok');
        assert.equal(harness.view.uidLow, i);
      }
    }
  });

  test('sizes out of range are refused', () => {
    const { ring } = new Harness();
    for (const entries of [-1, 1.5, SESSION_CACHE_ENTRIES_MAX + 1, Number.NaN]) {
      assert.throws(() => new SessionCache(entries, ring), RangeError);
    }
  });
});
