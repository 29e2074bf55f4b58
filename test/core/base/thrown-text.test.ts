// What was thrown as one line: with the place where the runtime tells one, never with the caller's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { thrownText } from '#core/base/thrown-text.ts';

const OWN = 'file:///gateway/own.ts';

/** An error whose stack is what V8 would say. */
function errorWith(...stack: readonly string[]): Error {
  const error = new Error('no luck');
  error.stack = stack.join('\n');
  return error;
}

describe('thrownText', () => {
  const places: readonly (readonly [name: string, stack: readonly string[], text: string])[] = [
    [
      'a function',
      ['Error: no luck', '    at create (file:///a/b.mjs:3:7)', `    at open (${OWN}:1:1)`],
      'no luck (/a/b.mjs:3)',
    ],
    [
      'the top of a module, behind frames of the runtime',
      ['Error: no luck', '    at node:internal/a/b:1:2', '    at async file:///a/b.mjs:3:7'],
      'no luck (/a/b.mjs:3)',
    ],
    ['a script', ['Error: no luck', '    at new A (/a/b.cjs:12:7)'], 'no luck (/a/b.cjs:12)'],
    [
      'code that does not parse',
      ['/a/b c.ts:3', 'x x', '', 'Error: no luck'],
      'no luck (/a/b c.ts:3)',
    ],
    ['the caller', ['Error: no luck', `    at async load (${OWN}:9:9)`], 'no luck'],
    ['the runtime alone', ['Error: no luck', '    at a (node:internal/b:1:2)'], 'no luck'],
    ['nothing', [''], 'no luck'],
  ];
  for (const [name, stack, text] of places) {
    test(`an error of ${name}`, () => {
      assert.equal(thrownText(errorWith(...stack), OWN), text);
    });
  }

  test('what is no error', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const values: readonly unknown[] = ['text', undefined, null, 5n, Object.create(null), cycle];
    assert.deepEqual(
      values.map((value) => thrownText(value, OWN)),
      [
        'text',
        'undefined',
        'null',
        '5n',
        '[Object: null prototype] {}',
        '<ref *1> { self: [Circular *1] }',
      ],
    );
  });
});
