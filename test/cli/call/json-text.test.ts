// JSON is laid out anew without becoming other JSON.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { compactJson, isJson, prettyJson } from '#cli/call/json-text.ts';

/** JSON texts with blanks wherever JSON lets them be. */
const spaced = fc
  .tuple(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 1, 3, '\t', ' \r\n'))
  .map(([value, space]) => JSON.stringify(value, null, space));

describe('prettyJson', () => {
  test('keeps the value of any JSON', () => {
    fc.assert(
      fc.property(spaced, (text) => {
        assert.deepEqual(JSON.parse(prettyJson(text)!), JSON.parse(text));
        assert.deepEqual(JSON.parse(compactJson(text)!), JSON.parse(text));
      }),
    );
  });

  test('lays out as JSON.stringify does, but for controls', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/[\x7f-\x9f]/.test(text));
        assert.equal(prettyJson(text), JSON.stringify(value, null, 2));
        assert.equal(compactJson(JSON.stringify(value, null, 4)), text);
      }),
    );
  });

  test('colours change nothing but the colour', () => {
    const paint = (colour: string, text: string) => `<${colour}|${text}>`;
    const painted = prettyJson('{"a":["b",-1.5e3,true,null]}', paint)!;
    assert.match(painted, /<blue\|"a">: \[/);
    assert.match(painted, /<green\|"b">,/);
    assert.match(painted, /<cyan\|-1\.5e3>,/);
    assert.match(painted, /<yellow\|true>,/);
    assert.match(painted, /<dim\|null>/);
    const bare = painted.replace(/<\w+\|([^>]*)>/g, '$1');
    assert.equal(bare, prettyJson('{"a":["b",-1.5e3,true,null]}'));
  });

  test('numbers and duplicate keys stay as they were written', () => {
    const text = '{"uid":18446744073709551615,"x":1.0,"x":1e2}';
    assert.equal(compactJson(text), text);
    assert.match(prettyJson(text)!, /18446744073709551615/);
  });

  test('controls that terminals obey are escaped', () => {
    assert.equal(compactJson('"\u009b2J\u007f"'), '"\\u009b2J\\u007f"');
  });

  test('deep nesting does not blow the text up', () => {
    const depth = 20_000;
    const pretty = prettyJson('['.repeat(depth) + ']'.repeat(depth))!;
    assert.ok(pretty.length < depth * 200, `${pretty.length} characters`);
  });

  test('answers null for all else', () => {
    for (const text of ['', '{', '{"a":1,}', "{'a':1}", '1 2', 'NaN', '\u00a01', '"\n"']) {
      assert.equal(prettyJson(text), null, text);
      assert.equal(compactJson(text), null, text);
      assert.equal(isJson(text), false, text);
    }
  });
});
