// describeSession: every field by name, broken input described instead of thrown.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { describeSession } from '#core/codec/session/describe.ts';
import { mint, mintLegacy } from './reference.ts';

const kernels = new TypeScriptKernels();
const rowsOf = (session: Buffer): Map<string, string> => new Map(describeSession(session, kernels));

describe('describeSession', () => {
  test('shows the fields of a compact session', () => {
    const attributes = Buffer.from('\x01\x04acme\x10\x02\xff\xfe', 'latin1');
    const session = mint({ iat: 1_800_000_000, shard: 7, device: 'd', attributes });
    const rows = rowsOf(session);
    assert.equal(rows.get('form'), 'compact, version 1');
    assert.equal(rows.get('size'), '94 bytes');
    assert.equal(rows.get('channel'), 'wireless');
    assert.equal(rows.get('issued at'), '2027-01-15T08:00:00Z (1800000000)');
    assert.equal(rows.get('expires at'), '2027-01-15T09:00:00Z (1800003600)');
    assert.equal(rows.get('uid'), '208812345');
    assert.equal(rows.get('shard'), '34 by uid, hint 07');
    assert.equal(rows.get('sid'), 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf');
    assert.equal(rows.get('device hash'), session.toString('hex', 40, 48));
    assert.equal(rows.get('attribute 1 tenant'), '"acme"');
    assert.equal(rows.get('attribute 16'), '2 bytes fffe');
    assert.equal(rows.get('mac'), session.toString('hex', 62));
  });

  test('shows what is absent or unknown', () => {
    const rows = rowsOf(mint({ channel: 9 }));
    assert.equal(rows.get('channel'), '9: unknown');
    assert.equal(rows.get('shard'), '34 by uid');
    assert.equal(rows.get('attributes'), 'none');
    assert.equal(rows.get('device hash'), 'none: not bound to a device');
  });

  test('shows the members of a legacy session, without control characters', () => {
    const rows = rowsOf(mintLegacy(JSON.stringify({ v: 0, uid: '5', 'a\x1b[2J': '\u202e' })));
    assert.equal(rows.get('form'), 'legacy: gzip of JSON');
    assert.equal(rows.get('uid'), '"5"');
    assert.equal(rows.get('a?[2J'), '"?"');
  });

  test('says what is broken', () => {
    assert.match(rowsOf(Buffer.alloc(10)).get('form')!, /not a session: a compact one has 84/);
    assert.match(rowsOf(Buffer.alloc(90, 7)).get('form')!, /version 7/);
    assert.match(rowsOf(mint({ attributes: Buffer.of(1) })).get('attributes')!, /broken/);
    assert.match(rowsOf(mint({ attributesLength: 4 })).get('attributes')!, /4 bytes declared/);
    assert.match(rowsOf(mintLegacy(Buffer.from('1f8b08', 'hex'))).get('payload')!, /inflate/);
    assert.match(rowsOf(mintLegacy('{')).get('payload')!, /no JSON/);
    assert.match(rowsOf(mintLegacy('7')).get('payload')!, /no object/);
  });

  test('no bytes throw', () => {
    const head = fc.constantFrom('', '1f8b08', '0101', '01');
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 700 }), (start, noise) => {
        const bytes = Buffer.concat([Buffer.from(start, 'hex'), noise]);
        assert.ok(describeSession(bytes, kernels).length >= 2);
      }),
      { numRuns: 500 },
    );
  });
});
