// The output buffer against a growing array, and what it borrows from and gives back to the spares.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { OutBuffer } from '#core/base/out-buffer.ts';
import {
  LARGEST_BUFFER_BYTES,
  SMALLEST_BUFFER_BYTES,
  SpareBuffers,
} from '#core/base/spare-buffers.ts';

describe('OutBuffer', () => {
  test('holds no memory until the first write and after take', () => {
    const out = new OutBuffer();
    assert.equal(out.bytes.length, 0);
    out.appendLatin1('x');
    assert.ok(out.bytes.length >= 1);
    out.take();
    assert.equal(out.bytes.length, 0);
    assert.equal(out.length, 0);
  });

  test('gives its memory back on release, and what it grew out of', () => {
    const spare = new SpareBuffers();
    const out = new OutBuffer(spare);
    out.reserve(1);
    const first = out.bytes;
    out.reserve(first.length);
    assert.notEqual(out.bytes, first);
    assert.equal(spare.take(first.length), first);
    const second = out.bytes;
    out.release();
    assert.equal(spare.take(second.length), second);
  });

  test('what was taken stays as it is when more is written', () => {
    const out = new OutBuffer();
    out.appendLatin1('first');
    const taken = out.take();
    out.appendLatin1('other');
    assert.equal(taken.toString(), 'first');
  });

  test('follows the size of what is flushed, up and down', () => {
    const out = new OutBuffer();
    out.reserve(200_000);
    out.take();
    out.reserve(1);
    assert.equal(out.bytes.length, LARGEST_BUFFER_BYTES);
    for (let i = 0; i < 10; i++) {
      out.reserve(1);
      out.take();
    }
    out.reserve(1);
    assert.equal(out.bytes.length, SMALLEST_BUFFER_BYTES);
  });
});

const pieceArbitrary = fc.record({
  bytes: fc.uint8Array({ maxLength: 60 }),
  repeat: fc.constantFrom(1, 1, 1, 900),
  isLatin1: fc.boolean(),
  isTakenAfter: fc.constantFrom(false, false, false, true),
});

test('property: OutBuffer takes out what was put in', () => {
  fc.assert(
    fc.property(fc.array(pieceArbitrary, { maxLength: 20 }), (pieces) => {
      const out = new OutBuffer();
      let expected = Buffer.alloc(0);
      for (const { bytes, repeat, isLatin1, isTakenAfter } of pieces) {
        const piece = Buffer.concat(Array.from({ length: repeat }, () => bytes));
        if (isLatin1) {
          out.appendLatin1(piece.toString('latin1'));
        } else {
          // From the middle of something larger: the offset counts.
          const wrapped = Buffer.concat([Buffer.of(1, 2, 3), piece, Buffer.of(4)]);
          out.append(wrapped, 3, piece.length);
        }
        expected = Buffer.concat([expected, piece]);
        assert.equal(out.length, expected.length);
        if (!isTakenAfter) continue;
        assert.ok(out.take().equals(expected));
        expected = Buffer.alloc(0);
      }
      assert.ok(out.take().equals(expected));
    }),
    { numRuns: 200 },
  );
});

describe('SpareBuffers', () => {
  test('gives out buffers of at least the size asked for, in powers of two', () => {
    const spare = new SpareBuffers();
    for (const bytes of [0, 1, SMALLEST_BUFFER_BYTES, SMALLEST_BUFFER_BYTES + 1, 100_000]) {
      const { length } = spare.take(bytes);
      assert.ok(length >= bytes && length >= SMALLEST_BUFFER_BYTES);
      assert.equal(Math.log2(length) % 1, 0);
    }
  });

  test('reuses what came back, once', () => {
    const spare = new SpareBuffers();
    const buffer = spare.take(1);
    spare.give(buffer);
    assert.equal(spare.take(1), buffer);
    assert.notEqual(spare.take(1), buffer);
  });

  test('keeps neither oversize buffers nor parts of buffers', () => {
    const spare = new SpareBuffers();
    const large = spare.take(LARGEST_BUFFER_BYTES + 1);
    assert.equal(large.length, LARGEST_BUFFER_BYTES + 1);
    spare.give(large);
    assert.notEqual(spare.take(large.length), large);
    const part = spare.take(1).subarray(0, SMALLEST_BUFFER_BYTES - 1);
    spare.give(part);
    assert.notEqual(spare.take(1), part);
  });

  test('LIMIT: keeps 32 buffers of a class', () => {
    const spare = new SpareBuffers();
    const given = new Set<Buffer>(
      Array.from({ length: 40 }, () => Buffer.alloc(SMALLEST_BUFFER_BYTES)),
    );
    for (const buffer of given) spare.give(buffer);
    const reused = Array.from({ length: 40 }, () => spare.take(1)).filter((b) => given.has(b));
    assert.equal(reused.length, 32);
  });
});
