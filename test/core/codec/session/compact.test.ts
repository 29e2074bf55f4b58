// SessionVerifier against sessions minted by the reference: every way to spoil one, the order and
// the cost of refusals, time, device, rotation.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { paddingAttributes } from '#core/codec/session/attributes.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import type { SessionKey } from '#core/codec/session/keys.ts';
import { SessionStatus, SessionView } from '#core/codec/session/types.ts';
import { Harness, KEY_1, tableOf } from './harness.ts';
import { MASTER, mint, NOW, SID } from './reference.ts';

describe('SessionVerifier fields', () => {
  test('a good session fills the view with offsets into the given bytes', () => {
    const harness = new Harness();
    const attributes = Buffer.from('0102454e', 'hex');
    const session = mint({ uid: 2n ** 64n - 2n, level: 9, shard: 42, attributes, device: 'd-1' });
    assert.equal(harness.check(session, { device: 'd-1' }), 'ok');
    const { view } = harness;
    assert.equal(view.isValid, true);
    assert.equal(view.isLegacy, false);
    assert.deepEqual([view.channel, view.kid, view.epoch], [1, 1, 7]);
    assert.deepEqual([view.issuedAt, view.ttl], [NOW - 100, 3600]);
    assert.deepEqual([view.uidHigh, view.uidLow], [0xffffffff, 0xfffffffe]);
    assert.deepEqual([view.loginLevel, view.shardHint], [9, 42]);
    assert.deepEqual(view.source.subarray(view.sidOffset, view.sidOffset + 16), SID);
    const end = view.attributesOffset + view.attributesLength;
    assert.deepEqual(view.source.subarray(view.attributesOffset, end), attributes);
  });

  test('a refused session leaves the view empty, also one that was filled before', () => {
    const harness = new Harness();
    const good = mint();
    for (const bad of [mint({ ttl: 1 }), mint({ kid: 9 }), good.subarray(1), Buffer.alloc(0)]) {
      assert.equal(harness.check(good), 'ok');
      assert.notEqual(harness.check(bad), 'ok');
      assert.deepEqual(harness.view, new SessionView());
    }
  });

  test('rebase follows bytes that moved', () => {
    const harness = new Harness();
    const session = mint({ attributes: Buffer.from('100141', 'hex') });
    harness.check(session);
    harness.view.rebase(session, 0);
    const { view } = harness;
    assert.deepEqual([view.sidOffset, view.attributesOffset], [20, 52]);
    assert.equal(view.source, session);
  });

  test('sizes: 84 and 650 pass, one byte less or more does not', () => {
    const harness = new Harness();
    assert.equal(harness.check(mint()), 'ok');
    assert.equal(harness.check(mint({ attributes: paddingAttributes(566) })), 'ok');
    assert.equal(harness.check(mint().subarray(0, 83)), 'tooShort');
    assert.equal(harness.check(mint({ attributes: paddingAttributes(567) })), 'tooLong');
    assert.equal(harness.check(Buffer.alloc(8192, 1)), 'tooLong');
    assert.equal(harness.check(Buffer.alloc(0)), 'tooShort');
  });
});

describe('SessionVerifier refuses', () => {
  const attributes = Buffer.from('0103636e64100568656c6c6f', 'hex');

  test('every single-bit flip', () => {
    const harness = new Harness();
    const session = mint({ attributes, device: 'd' });
    for (let bit = 0; bit < session.length * 8; bit++) {
      const flipped = Buffer.from(session);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.notEqual(harness.check(flipped, { device: 'd' }), 'ok', `bit ${bit}`);
    }
    assert.equal(harness.check(session, { device: 'd' }), 'ok');
  });

  test('every prefix, every suffix, extensions', () => {
    const harness = new Harness();
    const session = mint({ attributes });
    for (let length = 0; length < session.length; length++) {
      assert.notEqual(harness.check(session.subarray(0, length)), 'ok', `prefix ${length}`);
      assert.notEqual(harness.check(session.subarray(session.length - length)), 'ok');
    }
    for (const extra of [1, 2, 3, 32, 84]) {
      assert.notEqual(harness.check(Buffer.concat([session, Buffer.alloc(extra)])), 'ok');
      assert.notEqual(harness.check(Buffer.concat([session, randomBytes(extra)])), 'ok');
    }
    assert.notEqual(harness.check(Buffer.concat([session, session])), 'ok');
  });

  test('all 255 other versions, though signed', () => {
    const harness = new Harness();
    for (let version = 0; version < 256; version++) {
      const expected = version === 1 ? 'ok' : 'badVersion';
      assert.equal(harness.check(mint({ version })), expected, `version ${version}`);
    }
  });

  test('all 65,536 key numbers but the ones of the ring, though signed', () => {
    const kids = [0, 1, 300, 65_535];
    const patched = mint();
    const harness = new Harness(kids.map((kid) => ({ ...KEY_1, kid, legacy: false })));
    for (let kid = 0; kid <= 65_535; kid++) {
      // The MAC only matters for known numbers: one session with the number patched in will do.
      const session = kids.includes(kid) ? mint({ kid }) : patched;
      session.writeUInt16BE(kid, 2);
      const expected = kids.includes(kid) ? 'ok' : 'unknownKid';
      assert.equal(harness.check(session), expected, `kid ${kid}`);
    }
  });
  test('an unknown key number signed with the stand-in key', () => {
    const harness = new Harness();
    const session = mint({ kid: 2 });
    harness.kernels.signMac(harness.ring.dummy, session, 0, 52, session, 52);
    assert.equal(harness.check(session), 'unknownKid');
  });

  test('the other channel, by its field and by its key', () => {
    const harness = new Harness();
    assert.equal(harness.check(mint({ channel: 2 })), 'wrongChannel');
    assert.equal(harness.check(mint({ channel: 2 }), { channel: 2 }), 'ok');
    assert.equal(harness.check(mint(), { channel: 2 }), 'wrongChannel');
    // Relabelled: right field, key of the other channel.
    assert.equal(harness.check(mint({ keyChannel: 2 })), 'badMac');
    assert.equal(harness.check(mint({ channel: 2, keyChannel: 1 }), { channel: 2 }), 'badMac');
    for (const channel of [0, 3, 255]) {
      assert.equal(harness.check(mint({ channel }), { channel }), 'unknownKid');
    }
  });

  test('gzip magic and a whole legacy session', () => {
    const harness = new Harness();
    const session = mint({ attributes });
    session[0] = 0x1f;
    session[1] = 0x8b;
    assert.equal(harness.check(session), 'badVersion');
    assert.equal(harness.check(gzipSync(randomBytes(300))), 'badVersion');
    const inside = gzipSync('x'.repeat(40));
    assert.ok(inside.length < 255);
    const value = Buffer.concat([Buffer.of(16, inside.length), inside]);
    assert.equal(harness.check(mint({ attributes: value })), 'ok');
  });

  test('attributes that do not fill their length, though signed', () => {
    const harness = new Harness();
    const bad = ['01', '0102aa', '0100ff', '1001', '1000100210', '05ff'];
    for (const text of bad) {
      const session = mint({ attributes: Buffer.from(text, 'hex') });
      assert.equal(harness.check(session), 'badAttributes', text);
    }
    for (const attributesLength of [0, 1, 11, 13, 566, 65_535]) {
      const session = mint({ attributes, attributesLength });
      assert.equal(harness.check(session), 'badAttributes', `${attributesLength}`);
    }
    assert.equal(harness.check(mint({ attributes: Buffer.from('01001000', 'hex') })), 'ok');
  });

  test('text that is not canonical', () => {
    const { compact, view } = new Harness();
    const none = Buffer.alloc(0);
    assert.equal(compact.verify(none, 0, -1, 1, NOW, none, 0, 0, view), SessionStatus.badText);
  });
});

describe('SessionVerifier time', () => {
  const session = mint({ iat: NOW, ttl: 600 });
  const harness = new Harness();
  const edges: readonly (readonly [number, string])[] = [
    [-3600, 'notYetValid'],
    [-61, 'notYetValid'],
    [-60, 'ok'],
    [0, 'ok'],
    [600, 'ok'],
    [660, 'ok'],
    [661, 'expired'],
  ];
  for (const [delta, expected] of edges) {
    test(`${delta} s after issue: ${expected}`, () => {
      assert.equal(harness.check(session, { now: NOW + delta }), expected);
    });
  }

  test('clock steps: the answer follows the clock, nothing is remembered', () => {
    const cached = new Harness([KEY_1], {}, { entries: 8 });
    for (const [delta, expected] of [...edges, ...edges.toReversed(), ...edges]) {
      assert.equal(cached.check(session, { now: NOW + delta }), expected);
    }
  });

  test('time to live at the top of its range does not wrap', () => {
    const forever = mint({ iat: 0xffffffff, ttl: 0xffffffff });
    assert.equal(harness.check(forever, { now: 0xffffffff }), 'ok');
    assert.equal(harness.check(forever, { now: NOW }), 'notYetValid');
    assert.equal(harness.check(mint({ iat: 0, ttl: 0xffffffff }), { now: NOW }), 'ok');
  });

  test('the skew is a setting', () => {
    const { kernels, ring, view } = harness;
    const options = { kernels, keys: ring, revocations: tableOf({}), skewSeconds: 5 };
    const strict = new SessionVerifier(options);
    const none = Buffer.alloc(0);
    const at = (now: number) => strict.verify(session, 0, session.length, 1, now, none, 0, 0, view);
    assert.equal(at(NOW - 6), SessionStatus.notYetValid);
    assert.equal(at(NOW - 5), SessionStatus.ok);
    assert.equal(at(NOW + 605), SessionStatus.ok);
    assert.equal(at(NOW + 606), SessionStatus.expired);
  });
});

describe('SessionVerifier device', () => {
  test('a bound session passes with its device only, an unbound one with any', () => {
    const harness = new Harness();
    const bound = mint({ device: 'device-é' });
    assert.equal(harness.check(bound, { device: 'device-é' }), 'ok');
    for (const device of ['', 'device-e', 'device-é ', 'x'.repeat(5000)]) {
      assert.equal(harness.check(bound, { device }), 'wrongDevice');
      assert.equal(harness.check(mint(), { device }), 'ok');
    }
  });

  test('all 8 bytes of the device hash count, and one that is not zero binds', () => {
    const harness = new Harness();
    const hash = mint({ device: 'd' }).subarray(40, 48);
    assert.equal(harness.check(mint({ deviceHash: hash }), { device: 'd' }), 'ok');
    for (let at = 0; at < 8; at++) {
      const deviceHash = Buffer.from(hash);
      deviceHash[at]! ^= 1;
      assert.equal(harness.check(mint({ deviceHash }), { device: 'd' }), 'wrongDevice');
      const almostNone = Buffer.alloc(8);
      almostNone[at] = 1;
      assert.equal(harness.check(mint({ deviceHash: almostNone }), { device: 'd' }), 'wrongDevice');
    }
  });

  test('only a bound session costs a hash', () => {
    const harness = new Harness();
    harness.check(mint(), { device: 'd' });
    assert.equal(harness.kernels.hashes, 0);
    harness.check(mint({ device: 'd' }), { device: 'd' });
    assert.equal(harness.kernels.hashes, 1);
  });
});

describe('SessionVerifier time class', () => {
  const revoked = { sids: [SID.toString('hex')] };
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['tooShort', Buffer.alloc(3), ''],
    ['tooLong', Buffer.alloc(700), ''],
    ['badVersion', mint({ version: 2 }), ''],
    ['wrongChannel', mint({ channel: 2 }), ''],
    ['unknownKid', mint({ kid: 8 }), ''],
    ['unknownKid', mint({ kid: 3 }), ''],
    ['badMac', mint({ keyChannel: 2 }), ''],
    ['badAttributes', mint({ attributes: Buffer.of(1) }), ''],
    ['notYetValid', mint({ iat: NOW + 100 }), ''],
    ['expired', mint({ ttl: 1 }), ''],
    ['revoked', mint(), ''],
    ['wrongDevice', mint({ device: 'a', sid: Buffer.alloc(16) }), 'b'],
    ['ok', mint({ sid: Buffer.alloc(16) }), ''],
  ];
  for (const [expected, session, device] of cases) {
    test(`${expected} costs one MAC, with and without a cache`, () => {
      const keys: SessionKey[] = [KEY_1, { ...KEY_1, kid: 3, state: 'dead', legacy: false }];
      for (const cache of [null, { entries: 4 }]) {
        const harness = new Harness(keys, revoked, cache);
        assert.equal(harness.check(session, { device }), expected);
        assert.equal(harness.kernels.macs, 1);
      }
    });
  }
});

describe('SessionVerifier rotation', () => {
  const second = Buffer.alloc(32, 0x5a);
  const ringOf = (first: SessionKey['state'], next: SessionKey['state']): SessionKey[] => [
    { kid: 1, state: first, master: MASTER, legacy: false },
    { kid: 2, state: next, master: second, legacy: false },
  ];

  test('sessions of both keys pass through every step until the old key is dead', () => {
    const old = mint();
    const fresh = mint({ kid: 2, master: second });
    const steps: readonly (readonly [SessionKey[], string, string])[] = [
      [ringOf('signing', 'announced'), 'ok', 'ok'],
      [ringOf('verify-only', 'signing'), 'ok', 'ok'],
      [ringOf('dead', 'signing'), 'unknownKid', 'ok'],
      [ringOf('dead', 'dead'), 'unknownKid', 'unknownKid'],
    ];
    for (const [keys, expectedOld, expectedFresh] of steps) {
      const harness = new Harness(keys);
      assert.equal(harness.check(old), expectedOld);
      assert.equal(harness.check(fresh), expectedFresh);
    }
  });

  test('a session signed by the master of another number is refused', () => {
    const harness = new Harness(ringOf('signing', 'signing'));
    assert.equal(harness.check(mint({ kid: 1, master: second })), 'badMac');
    assert.equal(harness.check(mint({ kid: 2, master: MASTER })), 'badMac');
  });
});

describe('SessionVerifier fuzz', () => {
  const harness = new Harness([KEY_1], {}, { entries: 16 });

  test('no bytes pass or throw without a signature', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 720 }), fc.boolean(), (noise, isLabelled) => {
        const session = Buffer.from(noise);
        if (isLabelled && session.length >= 4) session.set([1, 1, 0, 1]);
        assert.notEqual(harness.check(session), 'ok');
      }),
      { numRuns: 2000 },
    );
  });

  test('mutations of a good session never pass', () => {
    const good = mint({ attributes: paddingAttributes(100), device: 'd' });
    const edit = fc.record({ at: fc.nat(good.length), cut: fc.nat(4), put: fc.uint8Array() });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let session: Buffer = good;
        for (const { at, cut, put } of edits) {
          session = Buffer.concat([session.subarray(0, at), put, session.subarray(at + cut)]);
        }
        const expected = session.equals(good);
        assert.equal(harness.check(session, { device: 'd' }) === 'ok', expected);
      }),
      { numRuns: 2000 },
    );
  });
});
