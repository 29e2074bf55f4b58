// The canonical decoder against Buffer's own: equal on what Buffer writes, strict on all the rest.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { decodeCanonicalBase64Url, encodeBase64Url } from '#core/codec/session/base64url.ts';

/** Decodes in the middle of larger buffers and checks that nothing around is touched. */
function decode(text: string): Buffer | null {
  const source = Buffer.from(`AA${text}AA`, 'latin1');
  const target = Buffer.alloc(text.length + 8, 0xee);
  const bytes = decodeCanonicalBase64Url(source, 2, source.length - 4, target, 3);
  if (bytes < 0) return null;
  assert.ok(target.subarray(0, 3).equals(Buffer.alloc(3, 0xee)));
  assert.ok(target.subarray(3 + bytes).every((byte) => byte === 0xee));
  return target.subarray(3, 3 + bytes);
}

describe('decodeCanonicalBase64Url', () => {
  test('refuses every other spelling of a long text, which Node itself would read', () => {
    const target = Buffer.alloc(1024);
    const bytes = Buffer.alloc(650, 0xfb);
    const text = encodeBase64Url(bytes, 0, bytes.length);
    assert.equal(decode(text, target), 650);
    const spellings = [
      text.replace('-', '+'),
      text.replaceAll('_', '/'),
      `${text}=`,
      `${text.slice(0, 400)} ${text.slice(400)}`,
      `${text.slice(0, 400)}\n${text.slice(401)}`,
      `${text.slice(0, 400)}\u00ff${text.slice(401)}`,
      // 650 bytes leave four bits of the last digit unused: they must be zero.
      `${text.slice(0, -1)}${String.fromCharCode(text.charCodeAt(text.length - 1) + 1)}`,
    ];
    for (const spelling of spellings)
      assert.equal(decode(spelling, target), -1, spelling.slice(-8));
    assert.equal(decode(text, target.subarray(0, 649)), -1);

    function decode(candidate: string, into: Buffer): number {
      const source = Buffer.from(candidate, 'latin1');
      return decodeCanonicalBase64Url(source, 0, source.length, into, 0);
    }
  });

  test('reads what is written, at every length', () => {
    for (let length = 0; length <= 700; length++) {
      const bytes = randomBytes(length);
      const text = encodeBase64Url(Buffer.concat([Buffer.of(1), bytes]), 1, length);
      assert.equal(text, bytes.toString('base64url'));
      assert.deepEqual(decode(text), bytes);
    }
  });

  test('takes exactly one last character: every other one is refused or means other bytes', () => {
    const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
    for (const [head, count] of [
      ['AA', 16],
      ['A', 4],
      ['AAA', 64],
    ] as const) {
      const good = all.filter((last) => decode(head + last) !== null);
      assert.equal(good.length, count);
      for (const last of good) {
        assert.equal(decode(head + last)!.toString('base64url'), head + last);
      }
    }
  });

  test('every wrong character at every place is refused', () => {
    const good = 'AQEAAWuNJ5wAAA4Q';
    const wrong = [
      '+',
      '/',
      '=',
      ' ',
      '\n',
      '\r',
      '\t',
      '\0',
      '.',
      '~',
      '\x80',
      '\xff',
      '@',
      '[',
      '`',
      '{',
    ];
    for (const length of [16, 15, 14]) {
      for (let at = 0; at < length; at++) {
        for (const character of wrong) {
          const text = good.slice(0, at) + character + good.slice(at + 1, length);
          assert.equal(decode(text), null, JSON.stringify(text));
        }
      }
    }
  });

  test('padding, blanks and a lonely character are refused though Buffer takes them', () => {
    for (const text of ['AQ==', 'AQ=', 'AQEA\n', ' AQEA', 'AQ EA', 'A', 'AQEAA', 'AR', 'AQF']) {
      assert.equal(decode(text), null, text);
    }
  });

  test('bytes that do not fit are refused, a full target is not', () => {
    const source = Buffer.from('AQEAAQ');
    assert.equal(decodeCanonicalBase64Url(source, 0, 6, Buffer.alloc(4), 0), 4);
    assert.equal(decodeCanonicalBase64Url(source, 0, 6, Buffer.alloc(4), 1), -1);
    assert.equal(decodeCanonicalBase64Url(source, 0, 6, Buffer.alloc(3), 0), -1);
  });

  test('any text decodes only if encoding gives it back', () => {
    const digit = fc.constantFrom(...'ABab01-_+/= \n');
    const noise = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
    });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: digit, maxLength: 12 }), noise), (text) => {
        const isCanonical = Buffer.from(text, 'base64url').toString('base64url') === text;
        assert.equal(decode(text)?.toString('base64url') === text, isCanonical);
      }),
      { numRuns: 3000 },
    );
  });
});
