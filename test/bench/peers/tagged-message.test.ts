// Bodies of the benchmark: of the length asked for, valid in their form, and told apart by one bit.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  MESSAGE_BYTES_MIN,
  MESSAGE_FORMATS,
  TaggedMessage,
  writeTag,
} from '#bench/peers/tagged-message.ts';
import { looksLikeProtobuf } from '#core/codec/bolt/protobuf-shape.ts';

const sizes = fc.integer({ min: MESSAGE_BYTES_MIN, max: 70_000 });
const tags = fc.integer({ min: 0, max: 0xffff_ffff });
const formats = fc.constantFrom(...MESSAGE_FORMATS);

describe('TaggedMessage', () => {
  test('has the length asked for and is valid in its form', () => {
    fc.assert(
      fc.property(sizes, (length) => {
        const protobuf = new TaggedMessage('protobuf', length).bytes;
        assert.equal(protobuf.length, length);
        assert.ok(looksLikeProtobuf(protobuf, 0, length));
        const json = new TaggedMessage('json', length).bytes;
        assert.equal(json.length, length);
        const { tag } = JSON.parse(json.toString('latin1')) as { readonly tag: string };
        assert.equal(tag, '00000000');
      }),
    );
  });

  test('equals a body with its tag, and none with another byte, tag or length', () => {
    fc.assert(
      fc.property(formats, sizes, tags, fc.nat(), (format, length, tag, at) => {
        const message = new TaggedMessage(format, length);
        const source = Buffer.alloc(length + 9);
        message.bytes.copy(source, 5);
        writeTag(source, 5 + message.tagOffset, tag);
        assert.ok(message.equals(source, 5, length, tag));
        assert.ok(!message.equals(source, 5, length, (tag + 1) >>> 0));
        assert.ok(!message.equals(source, 5, length - 1, tag));
        source[5 + (at % length)]! ^= 0x40;
        assert.ok(!message.equals(source, 5, length, tag));
      }),
    );
  });
});
