// LegacyVerifier against sessions minted by the reference: MAC first, bounded inflation, claims.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { encodeLegacySession, looksLegacy } from '#core/codec/session/legacy.ts';
import { sampleLegacyClaims } from '#core/codec/session/legacy-sample.ts';
import { SessionView } from '#core/codec/session/types.ts';
import { Harness, KEY_1 } from './harness.ts';
import { mint, mintLegacy, NOW, SID } from './reference.ts';

const CLAIMS = {
  v: 0 as const,
  uid: '9007199254740993',
  sid: SID.toString('hex'),
  iat: NOW - 100,
  ttl: 3600,
  epoch: 7,
};

function check(change: object, options: { device?: string; now?: number } = {}): string {
  return new Harness().checkLegacy(mintLegacy(JSON.stringify({ ...CLAIMS, ...change })), options);
}

describe('LegacyVerifier', () => {
  test('a good session fills the view, on either channel', () => {
    const harness = new Harness();
    for (const channel of [1, 2]) {
      const session = mintLegacy(JSON.stringify({ ...CLAIMS, level: 3, more: { a: [1] } }));
      assert.equal(harness.checkLegacy(session, { channel }), 'ok');
      const { view } = harness;
      assert.deepEqual([view.isValid, view.isLegacy, view.channel], [true, true, channel]);
      assert.deepEqual([view.uidHigh, view.uidLow], [0x200000, 1]);
      assert.deepEqual([view.issuedAt, view.ttl, view.epoch], [NOW - 100, 3600, 7]);
      assert.deepEqual([view.loginLevel, view.shardHint, view.attributesLength], [3, 255, 0]);
      assert.deepEqual(view.source.subarray(view.sidOffset, view.sidOffset + 16), SID);
      view.rebase(session, 0);
      assert.deepEqual(view.source.subarray(view.sidOffset, view.sidOffset + 16), SID);
    }
  });

  test('what the issuer makes equals the reference and passes', () => {
    const harness = new Harness();
    const session = encodeLegacySession(CLAIMS, harness.ring.legacyKey!, harness.kernels);
    assert.deepEqual(session, mintLegacy(JSON.stringify(CLAIMS)));
    assert.equal(harness.checkLegacy(session), 'ok');
  });

  test('every single-bit flip and every prefix is refused before anything is inflated', () => {
    const harness = new Harness();
    const session = mintLegacy(JSON.stringify(CLAIMS));
    for (let bit = 0; bit < session.length * 8; bit++) {
      const flipped = Buffer.from(session);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(harness.checkLegacy(flipped), 'badMac');
    }
    for (let length = 0; length < session.length; length++) {
      const expected = length < 52 ? 'tooShort' : 'badMac';
      assert.equal(harness.checkLegacy(session.subarray(0, length)), expected);
    }
    assert.equal(harness.checkLegacy(Buffer.concat([session, Buffer.alloc(1)])), 'badMac');
    assert.equal(harness.kernels.gunzips, 0);
    assert.equal(harness.kernels.macs, session.length * 9 + 1);
  });

  test('every refusal costs one MAC and leaves the view empty', () => {
    const harness = new Harness();
    const bad = [
      Buffer.alloc(8193, 1),
      Buffer.alloc(10),
      mint(),
      mintLegacy('{}'),
      mintLegacy(JSON.stringify({ ...CLAIMS, ttl: 0, iat: 0 })),
    ];
    for (const [i, session] of bad.entries()) {
      assert.notEqual(harness.checkLegacy(session), 'ok');
      assert.equal(harness.kernels.macs, i + 1);
      assert.deepEqual(harness.view, new SessionView());
    }
  });

  test('without a legacy key the answer is unknownKid, at the price of a MAC', () => {
    const harness = new Harness([{ ...KEY_1, legacy: false }]);
    assert.equal(harness.checkLegacy(mintLegacy(JSON.stringify(CLAIMS))), 'unknownKid');
    assert.equal(harness.kernels.macs, 1);
    const other = mintLegacy(JSON.stringify(CLAIMS), Buffer.alloc(32, 1));
    assert.equal(new Harness().checkLegacy(other), 'badMac');
  });

  test('signed rubbish is badPayload: no gzip, a bomb, no JSON, no object', () => {
    const harness = new Harness();
    const bomb = gzipSync(JSON.stringify({ ...CLAIMS, pad: ' '.repeat(65_536) }));
    assert.ok(bomb.length < 1000);
    const bad: (string | Buffer)[] = [Buffer.alloc(64, 1), bomb, '', '[', '7', 'null', '"x"', '[]'];
    bad.push(
      `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
      gzipSync(JSON.stringify(CLAIMS)).subarray(0, -1),
    );
    for (const content of bad) {
      assert.equal(harness.checkLegacy(mintLegacy(content)), 'badPayload');
    }
    const full = JSON.stringify({ ...CLAIMS, pad: '' });
    const padded = JSON.stringify({ ...CLAIMS, pad: ' '.repeat(65_536 - full.length) });
    assert.equal(harness.checkLegacy(mintLegacy(padded)), 'ok');
  });

  test('signed claims of a wrong kind are badPayload', () => {
    const wrong: object[] = [{ v: 1 }, { v: '0' }, { uid: 5 }, { uid: '05' }, { uid: '-1' }];
    wrong.push({ uid: '18446744073709551616' }, { sid: 'ab' }, { sid: 1 }, { iat: '1' });
    wrong.push({ iat: -1 }, { iat: 1.5 }, { ttl: 2 ** 32 }, { ttl: null }, { epoch: true });
    wrong.push({ device: 7 }, { device: null }, { level: 256 }, { level: 'high' });
    wrong.push({ sid: `${'g'.repeat(32)}` }, { v: undefined }, { uid: undefined });
    for (const change of wrong) assert.equal(check(change), 'badPayload', JSON.stringify(change));
  });

  test('time and device are those of compact sessions', () => {
    assert.equal(check({ iat: NOW + 60 }), 'ok');
    assert.equal(check({ iat: NOW + 61 }), 'notYetValid');
    assert.equal(check({ iat: NOW - 100, ttl: 40 }), 'ok');
    assert.equal(check({ iat: NOW - 100, ttl: 39 }), 'expired');
    assert.equal(check({ device: 'é' }, { device: 'é' }), 'ok');
    assert.equal(check({ device: 'é' }, { device: 'e' }), 'wrongDevice');
    assert.equal(check({ device: '' }, { device: 'any' }), 'ok');
  });

  test('no signed JSON throws', () => {
    const harness = new Harness();
    fc.assert(
      fc.property(fc.json(), (json) => {
        assert.equal(harness.checkLegacy(mintLegacy(json)), 'badPayload');
      }),
    );
  });
});

describe('looksLegacy', () => {
  test('tells gzip from compact', () => {
    assert.equal(looksLegacy(mintLegacy('{}'), 0, 60), true);
    assert.equal(looksLegacy(mint(), 0, 84), false);
    assert.equal(looksLegacy(Buffer.of(0x1f, 0x8b), 0, 1), false);
    assert.equal(looksLegacy(Buffer.of(0, 0x1f, 0x8b), 1, 2), true);
  });
});

describe('sampleLegacyClaims', () => {
  test('is as large as real ones, passes, and depends on its seed only', () => {
    const harness = new Harness();
    for (let seed = 0; seed < 40; seed++) {
      const claims = sampleLegacyClaims(CLAIMS, seed);
      const json = JSON.stringify(claims);
      assert.ok(json.length > 6300 && json.length < 7700, `JSON of ${json.length} bytes`);
      const session = encodeLegacySession(claims, harness.ring.legacyKey!, harness.kernels);
      assert.ok(session.length > 2000 && session.length < 3200, `session of ${session.length}`);
      assert.equal(harness.checkLegacy(session), 'ok');
      assert.equal(JSON.stringify(sampleLegacyClaims(CLAIMS, seed)), json);
      assert.notEqual(JSON.stringify(sampleLegacyClaims(CLAIMS, seed + 1)), json);
    }
  });
});
