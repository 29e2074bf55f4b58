// Revocations: by sid, by user epoch, by channel and time; bounds, problems, other threads.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import {
  buildRevocations,
  emptyRevocations,
  RevocationTable,
  REVOCATIONS_MAX,
} from '#core/codec/session/revocation.ts';
import type { RevocationList } from '#core/codec/session/revocation.ts';
import { SessionView } from '#core/codec/session/types.ts';
import { Harness, KEY_1, tableOf } from './harness.ts';
import { mint, mintLegacy, NOW, SID } from './reference.ts';

const UID = '208812345';

function viewOf(sid: Buffer, uid = 0n, epoch = 0): SessionView {
  const view = new SessionView();
  view.source = Buffer.concat([Buffer.of(7), sid]);
  view.sidOffset = 1;
  view.channel = 1;
  view.issuedAt = NOW;
  view.uidHigh = Number(uid >> 32n);
  view.uidLow = Number(uid & 0xffffffffn);
  view.epoch = epoch;
  return view;
}

function problemsOf(list: unknown): string[] {
  const result = buildRevocations(list as RevocationList, NOW);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('RevocationTable', () => {
  const cases: readonly (readonly [string, RevocationList, string])[] = [
    ['nothing', {}, 'ok'],
    ['its sid', { sids: [SID.toString('hex')] }, 'revoked'],
    ['its sid in capitals', { sids: [SID.toString('hex').toUpperCase()] }, 'revoked'],
    ['another sid', { sids: ['a0a1a2a3a4a5a6a7a8a9aaabacadaeae'] }, 'ok'],
    ['a higher epoch', { users: [{ uid: UID, epoch: 8 }] }, 'revoked'],
    ['its own epoch', { users: [{ uid: UID, epoch: 7 }] }, 'ok'],
    ['a number as uid', { users: [{ uid: 208_812_345, epoch: 8 }] }, 'revoked'],
    ['another user', { users: [{ uid: '208812346', epoch: 8 }] }, 'ok'],
    [
      'two epochs',
      {
        users: [
          { uid: UID, epoch: 8 },
          { uid: UID, epoch: 1 },
        ],
      },
      'revoked',
    ],
    ['a later time', { issuedBefore: [{ channel: 'wireless', at: NOW - 99 }] }, 'revoked'],
    ['its own time', { issuedBefore: [{ channel: 'wireless', at: NOW - 100 }] }, 'ok'],
    ['the other channel', { issuedBefore: [{ channel: 'pc', at: NOW }] }, 'ok'],
  ];
  for (const [name, list, expected] of cases) {
    test(`with ${name} revoked a session is ${expected}, compact and legacy`, () => {
      const harness = new Harness([KEY_1], list);
      assert.equal(harness.check(mint()), expected);
      const sid = SID.toString('hex');
      const claims = { v: 0, uid: UID, sid, iat: NOW - 100, ttl: 900, epoch: 7 };
      assert.equal(harness.checkLegacy(mintLegacy(JSON.stringify(claims))), expected);
    });
  }

  test('the time of a channel holds for that channel', () => {
    const harness = new Harness([KEY_1], { issuedBefore: [{ channel: 'pc', at: NOW }] });
    assert.equal(harness.check(mint({ channel: 2 }), { channel: 2 }), 'revoked');
  });

  test('holds exactly what was put in, whatever the words are', () => {
    const word = fc.constantFrom('00000000', '00000001', 'ffffffff', '80000000', '12345678');
    const sid = fc.tuple(word, word, word, word).map((words) => words.join(''));
    const uid = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const user = fc.tuple(fc.oneof(uid, fc.constantFrom(0n, 1n)), fc.nat(5));
    const lists = fc.tuple(fc.array(sid), fc.array(sid), fc.array(user), fc.array(user));
    fc.assert(
      fc.property(lists, ([inside, probes, users, userProbes]) => {
        const table = tableOf({
          sids: inside,
          users: users.map(([id, epoch]) => ({ uid: id.toString(), epoch })),
        });
        for (const text of [...inside, ...probes]) {
          // The highest epoch: only the sid can revoke.
          const view = viewOf(Buffer.from(text, 'hex'), 3n, 9);
          assert.equal(table.isRevoked(view), inside.includes(text));
        }
        const clean = Buffer.from('abcdefabcdefabcdefabcdefabcdefab', 'hex');
        for (const [id, epoch] of [...users, ...userProbes]) {
          const least = Math.max(0, ...users.filter((one) => one[0] === id).map((one) => one[1]));
          assert.equal(table.isRevoked(viewOf(clean, id, epoch)), epoch < least);
        }
      }),
    );
  });

  test('holds many, opened from its shared memory as another thread does', () => {
    const sids = Array.from({ length: 20_000 }, () => randomBytes(16));
    const users = sids.map((_, i) => ({ uid: i * 7, epoch: 2 }));
    const built = tableOf({ sids: sids.map((sid) => sid.toString('hex')), users });
    const table = new RevocationTable(built.shared);
    for (const [i, sid] of sids.entries()) {
      assert.ok(table.isRevoked(viewOf(sid, 1n, 9)));
      assert.ok(table.isRevoked(viewOf(Buffer.alloc(16), BigInt(i * 7), 1)));
      assert.ok(!table.isRevoked(viewOf(Buffer.alloc(16), BigInt(i * 7 + 1), 1)));
      assert.ok(!table.isRevoked(viewOf(randomBytes(16), BigInt(i * 7), 2)));
    }
  });

  test('tells sids and users apart that share all words but one', () => {
    const at = (word: number, value: number): Buffer => {
      const sid = Buffer.alloc(16, 0x77);
      sid.writeUInt32BE(value, word * 4);
      return sid;
    };
    const uidAt = (word: number, value: number): bigint => BigInt(value) << BigInt(32 - word * 32);
    for (const word of [0, 1, 2, 3]) {
      const even = Array.from({ length: 1000 }, (_, i) => i * 2);
      const sids = even.map((value) => at(word, value).toString('hex'));
      const users = even.map((value) => ({ uid: uidAt(word % 2, value).toString(), epoch: 1 }));
      const table = tableOf({ sids, users });
      for (const value of even) {
        assert.ok(table.isRevoked(viewOf(at(word, value), 1n, 9)));
        assert.ok(!table.isRevoked(viewOf(at(word, value + 1), 1n, 9)));
        assert.ok(table.isRevoked(viewOf(SID, uidAt(word % 2, value))));
        assert.ok(!table.isRevoked(viewOf(SID, uidAt(word % 2, value + 1))));
      }
    }
  });

  test('the empty table revokes nothing', () => {
    assert.equal(emptyRevocations().isRevoked(viewOf(Buffer.alloc(16))), false);
  });
});

describe('buildRevocations', () => {
  test('drops entries that outlived their session', () => {
    const sid = SID.toString('hex');
    const list = (expiresAt: number): RevocationList => ({
      sids: [{ sid, expiresAt }],
      users: [{ uid: '5', epoch: 3, expiresAt }],
    });
    const live = tableOf(list(NOW));
    assert.ok(live.isRevoked(viewOf(SID, 1n)));
    assert.ok(live.isRevoked(viewOf(Buffer.alloc(16), 5n)));
    const old = tableOf(list(NOW - 1));
    assert.equal(old.shared.byteLength, emptyRevocations().shared.byteLength);
    assert.ok(!old.isRevoked(viewOf(SID, 5n)));
  });

  test('names every problem', () => {
    const problems = problemsOf({
      sids: ['xyz', SID.toString('hex'), `${SID.toString('hex')}00`],
      users: [
        { uid: '-1', epoch: 1 },
        { uid: '01', epoch: 1 },
        { uid: 2 ** 60, epoch: 1 },
        { uid: '1', epoch: 2 ** 32 },
      ],
      issuedBefore: [
        { channel: 'tv', at: 1 },
        { channel: 'pc', at: -1 },
      ],
    });
    const paths = problems.map((text) => text.slice(0, text.indexOf(':')));
    assert.deepEqual(paths, [
      'sids[0]',
      'sids[2]',
      'users[0].uid',
      'users[1].uid',
      'users[2].uid',
      'users[3].epoch',
      'issuedBefore[0].channel',
      'issuedBefore[1].at',
    ]);
  });

  test('is bounded', () => {
    const many = Array.from({ length: REVOCATIONS_MAX + 1 }, () => 'x');
    assert.deepEqual(problemsOf({ sids: many }), [
      'sids: Has 1000001 entries; at most 1000000 are allowed',
    ]);
  });
});
