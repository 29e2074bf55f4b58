// The nearest known name: close misspellings are found, anything else is not guessed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { editDistance, nearest, suggestion } from '#config/nearest.ts';

describe('editDistance', () => {
  test('counts insertions, deletions, replacements and swaps', () => {
    assert.equal(editDistance('demo', 'dmeo'), 1);
    assert.equal(editDistance('ab', 'ba'), 1);
    assert.equal(editDistance('', 'abc'), 3);
    assert.equal(editDistance('kitten', 'sitting'), 3);
    assert.equal(editDistance('flaw', 'lawn'), 2);
  });

  test('is symmetric, zero for equal texts only, and at most the longer length', () => {
    const text = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a));
        assert.equal(editDistance(a, b) === 0, a === b);
        assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
        assert.ok(editDistance(a, b) >= Math.abs(a.length - b.length));
      }),
    );
  });
});

describe('nearest', () => {
  test('finds the closest name and ignores case', () => {
    assert.equal(nearest('htpPort', ['mmtpPort', 'httpPort', 'host']), 'httpPort');
    assert.equal(nearest('HTTPPORT', ['httpPort']), 'httpPort');
  });

  test('does not guess', () => {
    assert.equal(nearest('colour', ['httpPort', 'host']), undefined);
    assert.equal(nearest('x', []), undefined);
  });
});

describe('suggestion', () => {
  test('names the nearest, else all, else how many', () => {
    assert.equal(suggestion('ap', ['app', 'pay']), 'did you mean "app"?');
    assert.equal(suggestion('zzz', ['app', 'pay']), 'known: "app", "pay"');
    assert.equal(suggestion('zzz', []), 'there is none');
    const many = Array.from({ length: 20 }, (_, index) => `name${index}`);
    assert.equal(suggestion('zzz', many), 'there are 20, none with a similar name');
  });
});
