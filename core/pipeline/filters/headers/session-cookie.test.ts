// Cutting the session out of a Cookie header, against a model that splits and joins.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { cutSessionCookie } from './session-cookie.ts';

function cut(value: string): string {
  const source = Buffer.from(`<<${value}>>`, 'latin1');
  const length = cutSessionCookie(source, 2, value.length);
  assert.equal(source.latin1Slice(0, 2), '<<');
  assert.equal(source.latin1Slice(2 + value.length), '>>', 'wrote behind the value');
  return source.latin1Slice(2, 2 + length);
}

describe('cutSessionCookie', () => {
  const cases: readonly (readonly [before: string, after: string])[] = [
    ['', ''],
    ['a=1', 'a=1'],
    ['MGW_SESSION=x', ''],
    ['MGW_SESSION=', ''],
    ['MGW_SESSION=x; a=1', 'a=1'],
    ['a=1; MGW_SESSION=x', 'a=1'],
    ['a=1; MGW_SESSION=x; b=2', 'a=1; b=2'],
    ['MGW_SESSION=x; MGW_SESSION=y', ''],
    ['MGW_SESSION=x;a=1;MGW_SESSION=y;b=2', 'a=1;b=2'],
    [' \tMGW_SESSION=x;\t a=1', 'a=1'],
    ['XMGW_SESSION=x', 'XMGW_SESSION=x'],
    ['MGW_SESSION2=x', 'MGW_SESSION2=x'],
    ['mgw_session=x', 'mgw_session=x'],
    ['a="MGW_SESSION=x"', 'a="MGW_SESSION=x"'],
    [';;MGW_SESSION=x;;', ''],
  ];
  for (const [before, after] of cases) {
    test(`${JSON.stringify(before)} leaves ${JSON.stringify(after)}`, () => {
      assert.equal(cut(before), after);
    });
  }

  test('property: no session is left, every other pair is, in order', () => {
    const pair = fc.constantFrom('a=1', 'b=', 'MGW_SESSION=abc', 'MGW_SESSION=', 'c', 'x=y=z');
    const separator = fc.constantFrom(';', '; ', ';  ', ' ; ', ';\t');
    fc.assert(
      fc.property(fc.array(fc.tuple(pair, separator), { maxLength: 12, size: 'max' }), (parts) => {
        const pairsOf = (text: string): readonly string[] =>
          text
            .split(';')
            .map((part) => part.trim())
            .filter((part) => part !== '');
        const left = pairsOf(cut(parts.map(([text, end]) => text + end).join('')));
        const expected = parts.map(([text]) => text).filter((text) => !text.startsWith('MGW_'));
        assert.deepEqual(left, expected);
      }),
      { numRuns: 300 },
    );
  });
});
