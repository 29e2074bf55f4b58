// recogniseHeader against the plain definition: a table of lower-case names.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import {
  HEADER_IDS,
  HEADER_NAMES,
  HeaderId,
  recogniseHeader,
} from '#core/codec/http1/known-headers.ts';

const TABLE = new Map(
  HEADER_NAMES.map((name, id) => [name, id]).filter(([name]) => name !== '') as [string, number][],
);

/** Headers that cross with underscores, too. */
const HARMLESS = [
  'content-encoding',
  'accept-encoding',
  'user-agent',
  'cache-control',
  'retry-after',
  'set-cookie',
];

function expectedId(name: string): number {
  const lower = name.toLowerCase();
  const hyphened = lower.replaceAll('_', '-');
  if (TABLE.has(lower)) return TABLE.get(lower)!;
  if (lower.length > 4 && hyphened.startsWith('mgw-')) return HeaderId.mgwOther;
  const isDisguised = TABLE.has(hyphened) && !HARMLESS.includes(hyphened);
  return isDisguised ? HeaderId.disguised : HeaderId.unknown;
}

function idOf(name: string): number {
  const bytes = Buffer.from(`:${name}:`, 'latin1');
  return recogniseHeader(bytes, 1, name.length);
}

describe('recogniseHeader', () => {
  test('ids and names belong together', () => {
    assert.equal(HEADER_NAMES.length, HEADER_IDS);
    assert.equal(HEADER_NAMES[HeaderId.transferEncoding], 'transfer-encoding');
    assert.equal(HEADER_NAMES[HeaderId.xForwardedFor], 'x-forwarded-for');
    assert.equal(HEADER_NAMES[HeaderId.http2Settings], 'http2-settings');
    assert.equal(HEADER_NAMES[HeaderId.workspaceid], 'workspaceid');
    assert.equal(new Set(Object.values(HeaderId)).size, HEADER_IDS);
  });

  test('knows every name in every case', () => {
    for (const [name, id] of TABLE) {
      assert.equal(idOf(name), id);
      assert.equal(idOf(name.toUpperCase()), id);
    }
  });

  test('sees through underscores in place of hyphens', () => {
    for (const [name] of TABLE) {
      for (const disguise of [name.replaceAll('-', '_'), name.replace('-', '_').toUpperCase()]) {
        assert.equal(idOf(disguise), expectedId(disguise), disguise);
      }
    }
    for (const name of ['X_Forwarded_For', 'x-real_ip', 'CONTENT_LENGTH', 'Operation_Type']) {
      assert.equal(idOf(name), HeaderId.disguised, name);
    }
    assert.equal(idOf('User_Agent'), HeaderId.unknown);
  });

  test('knows no name that is one byte off', () => {
    const token = fc.constantFrom(..."!#$%&'*+-.^_`|~0123456789abcxyzABCXYZ");
    const names = Array.from(TABLE.keys());
    const property = fc.property(
      fc.constantFrom(...names),
      fc.nat(30),
      token,
      fc.constantFrom('replace', 'insert', 'remove'),
      (name, place, byte, kind) => {
        const at = place % name.length;
        const rest = kind === 'insert' ? name.slice(at) : name.slice(at + 1);
        const changed = name.slice(0, at) + (kind === 'remove' ? '' : byte) + rest;
        if (changed !== '') assert.equal(idOf(changed), expectedId(changed));
      },
    );
    fc.assert(property, { numRuns: 3000 });
  });

  test('guards every name of the gateway, with hyphen or underscore', () => {
    assert.equal(idOf('Mgw-Session'), HeaderId.mgwSession);
    for (const name of ['mgw-x', 'MGW_Session', 'mGw-' + 'y'.repeat(300)]) {
      assert.equal(idOf(name), HeaderId.mgwOther, name);
    }
    for (const name of ['mgw', 'mgw-', 'mgwx-y', 'x-mgw-y', 'ngw-x']) {
      assert.equal(idOf(name), HeaderId.unknown, name);
    }
  });
});
