// The traceparent header against the examples and rules of W3C Trace Context, section 3.2.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { TRACE_BYTES } from '#core/codec/message.ts';
import { tryReadTraceparent } from '#core/downstream/traceparent.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const GOOD = `00-${TRACE_ID}-${PARENT_ID}-01`;

function read(text: string): string | null {
  const trace = Buffer.alloc(TRACE_BYTES);
  const bytes = Buffer.from(`#${text}#`, 'latin1');
  return tryReadTraceparent(bytes, 1, text.length, trace) ? trace.toString('hex') : null;
}

describe('tryReadTraceparent', () => {
  test('reads ids and flags', () => {
    assert.equal(read(GOOD), `${TRACE_ID}${PARENT_ID}01`);
  });

  test('a later version may have more behind it, version 00 may not', () => {
    assert.notEqual(read(`cc-${TRACE_ID}-${PARENT_ID}-01`), null);
    assert.notEqual(read(`cc-${TRACE_ID}-${PARENT_ID}-01-what`), null);
    assert.equal(read(`cc-${TRACE_ID}-${PARENT_ID}-01.what`), null);
    assert.equal(read(`${GOOD}-what`), null);
  });

  const bad: readonly (readonly [name: string, text: string])[] = [
    ['nothing', ''],
    ['version ff', `ff-${TRACE_ID}-${PARENT_ID}-01`],
    ['upper case', GOOD.toUpperCase()],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT_ID}-01`],
    ['a parent id of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['a short end', GOOD.slice(0, -1)],
    ['an underscore', GOOD.replace('-', '_')],
    ['flags that are not hex', `00-${TRACE_ID}-${PARENT_ID}-0x`],
    ['an id that is not hex', `00-${TRACE_ID.replace('4', 'g')}-${PARENT_ID}-01`],
  ];
  for (const [name, text] of bad) test(`refuses ${name}`, () => assert.equal(read(text), null));

  test('property: what is read is what the grammar of the specification takes', () => {
    const grammar = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
    const changed = fc
      .tuple(fc.nat(GOOD.length - 1), fc.constantFrom(...'0123abcfgA-_ '))
      .map(([at, character]) => GOOD.slice(0, at) + character + GOOD.slice(at + 1))
      .filter((text) => text.startsWith('00'));
    fc.assert(fc.property(changed, (text) => (read(text) !== null) === grammar.test(text)));
  });
});
