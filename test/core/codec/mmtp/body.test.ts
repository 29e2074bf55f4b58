// Compressed bodies of Mmtp: what comes back is what went in, and no body grows beyond its limit.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createZstdCompress, zstdCompressSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { BodyProblem, COMPRESS_BYTES_MIN } from '#core/codec/mmtp/body.ts';
import { compressBody, decompressBody } from '#core/codec/mmtp/body.ts';
import type { ZstdDictionary } from '#core/codec/mmtp/body.ts';
import { fromDump } from './support.ts';

const LIMIT = 1 << 20;
const text = Buffer.from('{"uid":"2088","message":"hello","account":"x"}'.repeat(20));
const dictionary: ZstdDictionary = {
  id: 7,
  bytes: Buffer.from('{"uid":"1","message":"hello","account":'.repeat(10)),
};

function decompress(bytes: Buffer, limit = LIMIT, dict: ZstdDictionary | null = null) {
  return decompressBody(bytes, 0, bytes.length, limit, dict);
}

describe('compressBody and decompressBody', () => {
  test('property: round trip, in the middle of other bytes, with and without dictionary', () => {
    const body = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.integer({ min: 20, max: 2000 }))
      .map(([unit, times]) => Buffer.concat(Array.from({ length: times }, () => unit)));
    fc.assert(
      fc.property(body, fc.boolean(), (plain, withDictionary) => {
        const dict = withDictionary ? dictionary : null;
        const packed = compressBody(plain, dict);
        if (packed === null) {
          assert.ok(plain.length < COMPRESS_BYTES_MIN);
          return;
        }
        assert.ok(packed.length < plain.length);
        const bytes = Buffer.concat([Buffer.from('ab'), packed, Buffer.from('cd')]);
        assert.deepEqual(decompressBody(bytes, 2, packed.length, LIMIT, dict), plain);
      }),
      { numRuns: 50 },
    );
  });

  test('leaves small bodies and bodies that do not shrink alone', () => {
    assert.equal(compressBody(Buffer.alloc(COMPRESS_BYTES_MIN - 1), null), null);
    assert.notEqual(compressBody(Buffer.alloc(COMPRESS_BYTES_MIN), null), null);
    const noise = Buffer.alloc(2000);
    let state = 1;
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      noise[i] = state >>> 24;
    }
    assert.equal(compressBody(noise, null), null);
  });

  test('a dictionary makes bodies smaller, and is needed to read them', () => {
    const packed = compressBody(text, dictionary)!;
    assert.ok(packed.length < compressBody(text, null)!.length);
    assert.equal(decompress(packed), BodyProblem.malformed);
  });
});

describe('decompressBody', () => {
  test('reads an empty body', () => {
    assert.deepEqual(decompress(zstdCompressSync(Buffer.alloc(0))), Buffer.alloc(0));
  });

  test('takes exactly the limit, refuses one byte more before decompressing', () => {
    const bomb = zstdCompressSync(Buffer.alloc(16 << 20));
    assert.ok(bomb.length < 2000);
    assert.equal(decompress(bomb), BodyProblem.tooLarge);
    assert.equal(decompress(bomb, (16 << 20) - 1), BodyProblem.tooLarge);
    assert.ok(decompress(bomb, 16 << 20) instanceof Buffer);
  });

  test('refuses sizes of 2^53 and more', () => {
    const header = fromDump(`
      28 b5 2f fd             | zstd magic
      e0                      | single segment, content size of 8 bytes
      ff ff ff ff ff ff ff ff | content size 2^64 - 1
      01 00 00                | last block, raw, empty`);
    assert.equal(decompress(header), BodyProblem.tooLarge);
  });

  test('refuses a bomb that understates its size', () => {
    const bomb = zstdCompressSync(Buffer.alloc(16 << 20));
    assert.equal(bomb[4], 0x80, 'a window descriptor, then a content size of 4 bytes');
    assert.equal(bomb.readUInt32LE(6), 16 << 20);
    bomb.writeUInt32LE(1000, 6);
    assert.equal(decompress(bomb), BodyProblem.malformed);
    bomb.writeUInt32LE(LIMIT, 6);
    assert.equal(decompress(bomb), BodyProblem.malformed);
  });

  test('refuses a frame that overstates its size', () => {
    const packed = zstdCompressSync(text);
    packed.writeUInt16LE(packed.readUInt16LE(5) + 1, 5);
    assert.equal(decompress(packed), BodyProblem.malformed);
  });

  test('refuses a frame without content size', async () => {
    const stream = createZstdCompress();
    stream.write(text);
    stream.flush(() => stream.end());
    assert.equal(decompress(await buffer(stream)), BodyProblem.sizeMissing);
  });

  test('refuses several frames, bytes behind the frame, and frames cut anywhere', () => {
    const packed = zstdCompressSync(text);
    for (const more of [packed, zstdCompressSync(Buffer.from('x'))]) {
      assert.equal(decompress(Buffer.concat([packed, more])), BodyProblem.malformed);
    }
    assert.equal(decompress(Buffer.concat([packed, Buffer.from('x')])), BodyProblem.malformed);
    for (let end = 0; end < packed.length; end++) {
      assert.equal(decompress(packed.subarray(0, end)), BodyProblem.malformed, `${end} bytes`);
    }
  });

  test('refuses a skippable frame, the reserved bit and plain text', () => {
    assert.equal(
      decompress(fromDump('50 2a 4d 18 04 00 00 00 61 62 63 64')),
      BodyProblem.malformed,
    );
    const packed = zstdCompressSync(text);
    packed[4]! |= 0x08;
    assert.equal(decompress(packed), BodyProblem.malformed);
    assert.equal(decompress(Buffer.from('{"plain":true}')), BodyProblem.malformed);
  });

  test('refuses a frame that names another dictionary than the agreed one', () => {
    const named = fromDump(`
      28 b5 2f fd | zstd magic
      21          | single segment, dictionary id of 1 byte, content size of 1 byte
      09 00       | dictionary 9, content size 0
      01 00 00    | last block, raw, empty`);
    assert.equal(decompress(named), BodyProblem.dictionaryWrong);
    assert.equal(decompress(named, LIMIT, dictionary), BodyProblem.dictionaryWrong);
  });

  test('property: mutated frames never throw and never exceed their limit', () => {
    const packed = zstdCompressSync(text);
    const change = fc.tuple(fc.nat(packed.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(packed);
        for (const [at, byte] of changes) bytes[at] = byte;
        const body = decompress(bytes, 2000);
        if (typeof body !== 'string') assert.ok(body.length <= 2000);
      }),
      { numRuns: 1000 },
    );
  });
});
