// Attribute runs: finding, listing, padding, and bytes that overrun.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import {
  areAttributesValid,
  AttributeType,
  encodeAttributes,
  findAttribute,
  listAttributes,
  paddingAttributes,
} from '#core/codec/session/attributes.ts';

const LIST = [
  { type: AttributeType.tenant, value: Buffer.from('acme') },
  { type: AttributeType.locale, value: Buffer.from('zh-CN') },
  { type: 16, value: Buffer.alloc(0) },
  { type: 16, value: Buffer.from('second') },
];

describe('attributes', () => {
  test('findAttribute gives the first value of a type, in the middle of a buffer', () => {
    const run = encodeAttributes(LIST);
    const bytes = Buffer.concat([Buffer.of(2, 1, 2), run, Buffer.of(3, 0)]);
    const at = findAttribute(bytes, 3, run.length, AttributeType.locale);
    assert.equal(bytes.latin1Slice(at, at + bytes[at - 1]!), 'zh-CN');
    const empty = findAttribute(bytes, 3, run.length, 16);
    assert.equal(bytes[empty - 1], 0);
    assert.equal(findAttribute(bytes, 3, run.length, 3), -1);
    assert.equal(findAttribute(bytes, 3, 0, AttributeType.tenant), -1);
  });

  test('listAttributes gives back what encodeAttributes took', () => {
    const any = fc.record(
      {
        type: fc.integer({ min: 1, max: 255 }),
        value: fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(any), (list) => {
        const run = encodeAttributes(list);
        assert.deepEqual(listAttributes(run, 0, run.length), list);
      }),
    );
  });

  test('no run of bytes is read outside its range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), fc.nat(255), (noise, cut, type) => {
        // Reads behind the range would find this type there.
        const bytes = Buffer.concat([noise, Buffer.alloc(600, type)]);
        const length = Math.min(cut, noise.length);
        const at = findAttribute(bytes, 0, length, type);
        if (at >= 0) assert.ok(at + bytes[at - 1]! <= length);
        const list = listAttributes(bytes, 0, length);
        assert.equal(list !== null, areAttributesValid(bytes, 0, length));
        if (list !== null) {
          assert.deepEqual(
            encodeAttributes(list.filter((one) => one.type > 0)).length <= length,
            true,
          );
        }
      }),
    );
  });

  test('a value that overruns is not found', () => {
    const bytes = Buffer.from('0103aabbcc', 'hex');
    assert.equal(findAttribute(bytes, 0, 5, 1), 2);
    assert.equal(findAttribute(bytes, 0, 4, 1), -1);
    assert.equal(findAttribute(bytes, 0, 1, 1), -1);
    assert.equal(areAttributesValid(bytes, 0, 4), false);
  });

  test('encodeAttributes refuses what does not fit', () => {
    for (const type of [0, 256, 1.5, -1]) {
      assert.throws(() => encodeAttributes([{ type, value: Buffer.alloc(0) }]), RangeError);
    }
    assert.throws(() => encodeAttributes([{ type: 1, value: Buffer.alloc(256) }]), /256 bytes/);
  });

  test('paddingAttributes takes exactly the bytes asked for', () => {
    for (let bytes = 0; bytes <= 600; bytes++) {
      if (bytes === 1) continue;
      const padding = paddingAttributes(bytes);
      assert.equal(padding.length, bytes);
      assert.ok(areAttributesValid(padding, 0, bytes), `${bytes}`);
    }
    assert.throws(() => paddingAttributes(1), RangeError);
    assert.throws(() => paddingAttributes(-2), RangeError);
  });
});
