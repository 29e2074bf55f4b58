// The header map: reading by cursor, finding, appending, and lying lengths.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { OutBuffer } from '#core/base/out-buffer.ts';
import {
  appendEntry,
  encodeHeaderMap,
  findHeaderValue,
  HeaderMapCursor,
  HeaderValue,
} from '#core/codec/bolt/header-map.ts';

function read(map: Buffer): { entries: [string | null, string | null][]; isMalformed: boolean } {
  const entries: [string | null, string | null][] = [];
  const cursor = new HeaderMapCursor();
  cursor.open(map, 0, map.length);
  const text = (offset: number, length: number): string | null =>
    length < 0 ? null : map.toString('utf8', offset, offset + length);
  while (cursor.next()) {
    entries.push([
      text(cursor.keyOffset, cursor.keyLength),
      text(cursor.valueOffset, cursor.valueLength),
    ]);
  }
  return { entries, isMalformed: cursor.isMalformed };
}

function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function find(map: Buffer, key: string): string | null | undefined {
  const value = new HeaderValue();
  if (!findHeaderValue(map, 0, map.length, Buffer.from(key), value)) return undefined;
  return value.length < 0 ? null : map.toString('utf8', value.offset, value.offset + value.length);
}

describe('header map', () => {
  test('has the bytes of the Java serializer', () => {
    const map = encodeHeaderMap([
      ['sofa_head_response_error', 'false'],
      ['k', null],
      ['', ''],
    ]);
    const expected = fromHex(
      '00000018 736f66615f686561645f726573706f6e73655f6572726f72 00000005 66616c7365 ' +
        '00000001 6b ffffffff 00000000 00000000',
    );
    assert.deepEqual(map, expected);
  });

  test('reads back what was written', () => {
    const nullable = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(null));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), nullable)), (entries) => {
        const wellFormed = entries.map(([key, value]): [string, string | null] => [
          key.toWellFormed(),
          value?.toWellFormed() ?? null,
        ]);
        const map = encodeHeaderMap(wellFormed);
        assert.deepEqual(read(map), { entries: wellFormed, isMalformed: false });
        const last = new Map(wellFormed);
        for (const [key] of wellFormed) assert.equal(find(map, key), last.get(key));
      }),
    );
  });

  test('finds the last of several entries, null and empty values, and nothing else', () => {
    const map = encodeHeaderMap([
      ['a', '1'],
      ['b', null],
      ['a', '2'],
      ['c', ''],
    ]);
    assert.equal(find(map, 'a'), '2');
    assert.equal(find(map, 'b'), null);
    assert.equal(find(map, 'c'), '');
    assert.equal(find(map, 'd'), undefined);
    assert.equal(find(map, 'aa'), undefined);
    assert.equal(find(Buffer.alloc(0), 'a'), undefined);
  });

  test('stops at an entry that overruns the map', () => {
    const map = encodeHeaderMap([
      ['a', '1'],
      ['b', '22'],
    ]);
    for (let length = 11; length < map.length; length++) {
      const cut = map.subarray(0, length);
      assert.deepEqual(read(cut), { entries: [['a', '1']], isMalformed: true }, `${length}`);
      assert.equal(find(cut, 'a'), '1');
      assert.equal(find(cut, 'b'), undefined);
    }
  });

  test('accepts a null key and refuses lengths below -1', () => {
    const nullKey = fromHex('ffffffff 00000001 31');
    assert.deepEqual(read(nullKey), { entries: [[null, '1']], isMalformed: false });
    assert.ok(read(fromHex('fffffffe 00000001 31')).isMalformed);
    assert.ok(read(fromHex('00000000 80000000')).isMalformed);
    assert.ok(read(fromHex('7fffffff 00000000')).isMalformed);
    assert.ok(read(fromHex('00000000 7fffffff')).isMalformed);
  });

  test('never leaves the map, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(0, 0, 0, 1, 2, 0xff), fc.nat(255)), { maxLength: 48 }),
        (noise) => {
          const map = Buffer.from(noise);
          const cursor = new HeaderMapCursor();
          // Twice as long as the map, so that a read behind its end would find bytes.
          const bytes = Buffer.concat([map, Buffer.alloc(48, 0)]);
          cursor.open(bytes, 0, map.length);
          let before = 0;
          while (cursor.next()) {
            const after = cursor.valueOffset + Math.max(0, cursor.valueLength);
            assert.ok(cursor.keyOffset >= before + 4);
            assert.ok(after <= map.length);
            before = after;
          }
          assert.equal(cursor.isMalformed, before !== map.length);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('appending entries', () => {
  test('in every way gives the same bytes as encoding a map', () => {
    const out = new OutBuffer();
    const source = Buffer.from('xxkeyvalue of more than twenty-four bytesyy');
    appendEntry(out, Buffer.from('a'), source, 5, 36);
    appendEntry(out, Buffer.from('none'), source, 0, -1);
    appendEntry(out, Buffer.from('key'), source, 5, 5);
    const expected = encodeHeaderMap([
      ['a', 'value of more than twenty-four bytes'],
      ['none', null],
      ['key', 'value'],
    ]);
    assert.equal(out.take().toString('hex'), expected.toString('hex'));
  });
});
