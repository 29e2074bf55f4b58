// What all kernels have beyond the core ones, over both forms: batches of MACs in bound memory, and
// gzip and zstd from and into shared memory, bounded, with and without dictionary.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { PlainKernels } from '#native/codec-kernels.ts';
import type { CodecKernels } from '#native/codec-kernels.ts';
import { describeForms, nativeKernels, skipNative } from './support/forms.ts';

const shared = (bytes: number): Buffer => Buffer.from(new SharedArrayBuffer(bytes));

const TEXT = Buffer.from('{"uid":"2088","name":"Ada","roles":["user","admin"]}'.repeat(40));
const DICTIONARY = Buffer.from('{"uid":"","name":"","roles":["user","admin"]}'.repeat(8));

describeForms('MacBatch', (kernels) => {
  const key = kernels.prepareMacKey(Buffer.from('key'));
  const other = kernels.prepareMacKey(Buffer.from('other'));

  /** Sessions of 100 bytes and their MACs, one after the other; every third is damaged. */
  function fill(bytes: Buffer, count: number): void {
    randomBytes(bytes.length).copy(bytes);
    for (let i = 0; i < count; i++) {
      const at = i * 132;
      kernels.signMac(i % 2 === 0 ? key : other, bytes, at, 100, bytes, at + 100);
      if (i % 3 === 0) bytes[at + (i % 132)]! ^= 0x10;
    }
  }

  for (const [name, bytes] of [
    ['shared memory', shared(132 * 64)],
    ['plain memory', Buffer.alloc(132 * 64)],
    ['a part of the pool', Buffer.allocUnsafe(132 * 7)],
  ] as const) {
    test(`answers each entry as verifyMac does, in ${name}`, () => {
      const count = bytes.length / 132;
      fill(bytes, count);
      const memory = kernels.bindMemory(bytes);
      const batch = kernels.createMacBatch(64);
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < count; i++) {
          assert.equal(
            batch.add(i % 2 === 0 ? key : other, memory, i * 132, 100, i * 132 + 100),
            i,
          );
          assert.equal(batch.isGood(i), false);
        }
        assert.equal(batch.verify(), count - Math.ceil(count / 3));
        for (let i = 0; i < count; i++) assert.equal(batch.isGood(i), i % 3 !== 0, `${i}`);
        batch.clear();
        assert.equal(batch.count, 0);
        assert.equal(batch.isGood(1), false);
        assert.equal(batch.verify(), 0);
      }
      kernels.unbindMemory(memory);
    });
  }

  test('entries of several memories meet in one batch', () => {
    const memories = [shared(200), Buffer.alloc(300), shared(132)];
    const batch = kernels.createMacBatch(3);
    for (const bytes of memories) {
      kernels.signMac(key, bytes, 0, 100, bytes, 100);
      batch.add(key, kernels.bindMemory(bytes), 0, 100, 100);
    }
    assert.equal(batch.verify(), 3);
  });

  test('entries out of range are not good, wherever they point', () => {
    const bytes = shared(132);
    kernels.signMac(key, bytes, 0, 100, bytes, 100);
    const memory = kernels.bindMemory(bytes);
    const batch = kernels.createMacBatch(20);
    const wrong = [
      [0, 133, 100],
      [1, 132, 100],
      [0, 100, 101],
      [-1, 100, 100],
      [0, -1, 100],
      [0, 100, -1],
      [2 ** 32, 100, 100],
      [0, 2 ** 32 + 100, 100],
      [0, 100, 2 ** 32 + 100],
      [2 ** 31, 2 ** 31, 100],
      [0xffff_ffff, 1, 100],
      [Infinity, 100, 100],
      [0, 100, NaN],
    ] as const;
    for (const [offset, length, macOffset] of wrong) {
      batch.add(key, memory, offset, length, macOffset);
    }
    batch.add(key, memory, 0, 100, 100);
    assert.equal(batch.verify(), 1);
    assert.equal(batch.isGood(wrong.length), true);
  });

  test('a full batch and a wrong size are refused', () => {
    const batch = kernels.createMacBatch(1);
    const memory = kernels.bindMemory(shared(132));
    batch.add(key, memory, 0, 100, 100);
    assert.throws(() => batch.add(key, memory, 0, 100, 100), RangeError);
    for (const wrong of [0, -1, 1.5, NaN, 65_537]) {
      assert.throws(() => kernels.createMacBatch(wrong), RangeError);
    }
  });

  test('detached memory is empty, not read', () => {
    const bytes = Buffer.from(new ArrayBuffer(132));
    kernels.signMac(key, bytes, 0, 100, bytes, 100);
    const memory = kernels.bindMemory(bytes);
    const batch = kernels.createMacBatch(1);
    batch.add(key, memory, 0, 100, 100);
    assert.equal(batch.verify(), 1);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
    assert.equal(bytes.length, 0);
    assert.equal(batch.verify(), 0);
    assert.equal(kernels.verifyMac(key, bytes, 0, 100, 100), false);
  });
});

describeForms('gunzipInto', (kernels) => {
  test('inflates inside of one shared memory', () => {
    const bytes = shared(8000);
    const gzip = gzipSync(TEXT);
    gzip.copy(bytes, 11);
    assert.equal(kernels.gunzipInto(bytes, 11, gzip.length, bytes, 5000, 3000), TEXT.length);
    assert.deepEqual(bytes.subarray(5000, 5000 + TEXT.length), TEXT);
  });

  test('needs exactly the room of the text', () => {
    const gzip = gzipSync(TEXT);
    const target = Buffer.alloc(TEXT.length + 2, 0x77);
    const into = (room: number): number =>
      kernels.gunzipInto(gzip, 0, gzip.length, target, 1, room);
    assert.equal(into(TEXT.length - 1), -1);
    assert.equal(into(0), -1);
    target.fill(0x77);
    assert.equal(into(TEXT.length), TEXT.length);
    assert.equal(target[0], 0x77);
    assert.equal(target.at(-1), 0x77);
    const empty = gzipSync('');
    assert.equal(kernels.gunzipInto(empty, 0, empty.length, target, 0, 0), 0);
  });

  test('members in a row are one text; bytes after a zero byte are ignored', () => {
    const twice = Buffer.concat([gzipSync('ab'), gzipSync('cd')]);
    assert.equal(kernels.gunzip(twice, 0, twice.length, 4)?.toString(), 'abcd');
    assert.equal(kernels.gunzip(twice, 0, twice.length, 3), null);
    const padded = Buffer.concat([twice, Buffer.of(0, 7, 7)]);
    assert.equal(kernels.gunzip(padded, 0, padded.length, 4)?.toString(), 'abcd');
    const dirty = Buffer.concat([twice, Buffer.of(7)]);
    assert.equal(kernels.gunzip(dirty, 0, dirty.length, 4), null);
  });

  test('texts beyond the kept memory grow up to their bound', () => {
    const text = Buffer.alloc(1_000_000, 'grow ');
    const gzip = gzipSync(text);
    assert.deepEqual(kernels.gunzip(gzip, 0, gzip.length, 2_000_000), text);
    assert.deepEqual(kernels.gunzip(gzip, 0, gzip.length, 1_000_000), text);
    assert.equal(kernels.gunzip(gzip, 0, gzip.length, 999_999), null);
  });
});

describeForms('zstd', (kernels) => {
  const prepared = kernels.prepareZstdDictionary(DICTIONARY)!;

  for (const [name, dictionary] of [
    ['no dictionary', null],
    ['a dictionary', prepared],
  ] as const) {
    test(`round trip in shared memory with ${name}`, () => {
      const bytes = shared(8000);
      TEXT.copy(bytes, 3);
      const length = kernels.zstdCompressInto(bytes, 3, TEXT.length, bytes, 4000, 1000, dictionary);
      assert.ok(length > 0 && length < TEXT.length);
      const size = TEXT.length;
      assert.ok(kernels.zstdDecompressInto(bytes, 4000, length, size, bytes, 5000, dictionary));
      assert.deepEqual(bytes.subarray(5000, 5000 + TEXT.length), TEXT);
    });

    test(`understands Node and is understood by it with ${name}`, () => {
      const options = dictionary === null ? {} : { dictionary: DICTIONARY };
      const frame = kernels.zstdCompress(TEXT, 0, TEXT.length, dictionary);
      assert.deepEqual(zstdDecompressSync(frame!, options), TEXT);
      const theirs = zstdCompressSync(TEXT, { pledgedSrcSize: TEXT.length, ...options });
      const plain = kernels.zstdDecompress(theirs, 0, theirs.length, TEXT.length, dictionary);
      assert.deepEqual(plain, TEXT);
    });
  }

  test('a dictionary makes small bodies smaller and is needed to read them', () => {
    const body = Buffer.from('{"uid":"1","name":"Bo","roles":["user","admin"]}');
    const frame = kernels.zstdCompress(body, 0, body.length, prepared)!;
    const without = kernels.zstdCompress(body, 0, body.length, null);
    assert.ok(frame.length < (without?.length ?? body.length));
    assert.deepEqual(kernels.zstdDecompress(frame, 0, frame.length, body.length, prepared), body);
    assert.equal(kernels.zstdDecompress(frame, 0, frame.length, body.length, null), null);
  });

  test('what would not get smaller is not compressed', () => {
    const noise = randomBytes(600);
    assert.equal(kernels.zstdCompress(noise, 0, 600, null), null);
    assert.equal(kernels.zstdCompress(noise, 0, 0, null), null);
    assert.equal(kernels.zstdCompress(noise, 0, 1, prepared), null);
    assert.equal(kernels.zstdCompressInto(noise, 0, 600, Buffer.alloc(700), 0, 700, null), -1);
    assert.equal(kernels.zstdCompressInto(TEXT, 0, TEXT.length, Buffer.alloc(9), 0, 9, null), -1);
  });

  test('only one frame that states its size is decompressed', () => {
    const frame = zstdCompressSync(TEXT, { pledgedSrcSize: TEXT.length });
    const refused = (bytes: Buffer, size: number, why: string): void =>
      assert.equal(kernels.zstdDecompress(bytes, 0, bytes.length, size, null), null, why);
    refused(frame, TEXT.length - 1, 'stated one more');
    refused(frame, TEXT.length + 1, 'stated one less');
    const silent = Buffer.from('28b52ffd0058290000', 'hex');
    refused(Buffer.concat([silent, Buffer.from('hello')]), 5, 'not stated');
    const empty = zstdCompressSync('', { pledgedSrcSize: 0 });
    assert.equal(kernels.zstdDecompress(empty, 0, empty.length, 0, null)?.length, 0);
    refused(Buffer.concat([frame, empty]), TEXT.length, 'two frames');
    const skippable = Buffer.from('502a4d1801000000aa', 'hex');
    refused(Buffer.concat([frame, skippable]), TEXT.length, 'skippable frame behind');
    refused(Buffer.concat([skippable, frame]), TEXT.length, 'skippable frame before');
    refused(skippable, 0, 'skippable frame only');
    refused(Buffer.concat([frame, Buffer.of(0)]), TEXT.length, 'a byte behind');
    for (let end = 0; end < frame.length; end++) {
      refused(frame.subarray(0, end), TEXT.length, `cut at ${end}`);
    }
  });

  test('a bomb produces nothing', () => {
    const bomb = zstdCompressSync(Buffer.alloc(20_000_000), { pledgedSrcSize: 20_000_000 });
    assert.equal(kernels.zstdDecompress(bomb, 0, bomb.length, 1000, null), null);
    // The stated size is a lie: the blocks hold 20 MB.
    const lie = Buffer.from(bomb);
    const at = lie.indexOf(Buffer.from('002d3101', 'hex'));
    assert.ok(at > 0 && at < 12);
    lie.writeUInt32LE(1000, at);
    assert.equal(kernels.zstdDecompress(lie, 0, lie.length, 1000, null), null);
  });

  test('a broken trained dictionary is refused, any other bytes are one', () => {
    const marked = Buffer.concat([Buffer.from('37a430ec01000000', 'hex'), Buffer.alloc(60, 9)]);
    assert.equal(kernels.prepareZstdDictionary(marked), null);
    assert.notEqual(kernels.prepareZstdDictionary(Buffer.from('words')), null);
  });

  test('the dictionary is copied', () => {
    const bytes = Buffer.from(DICTIONARY);
    const own = kernels.prepareZstdDictionary(bytes)!;
    bytes.fill(0);
    const frame = kernels.zstdCompress(TEXT, 0, TEXT.length, own)!;
    const plain = zstdDecompressSync(frame, { dictionary: DICTIONARY });
    assert.deepEqual(plain, TEXT);
  });
});

/** Ranges that are not inside of 100 bytes. */
const WRONG_RANGES = [
  [0, 101],
  [100, 1],
  [101, 0],
  [-1, 10],
  [5, -1],
  [2 ** 32, 1],
  [0, 2 ** 32],
  [2 ** 53, 2 ** 53],
] as const;

describeForms('ranges of our own faults', (kernels: CodecKernels) => {
  const bytes = Buffer.alloc(100);
  const target = shared(100);

  for (const [offset, length] of WRONG_RANGES) {
    test(`[${offset}, ${offset} + ${length}) of 100 bytes throws RangeError`, () => {
      const calls = [
        () => kernels.gunzipInto(bytes, offset, length, target, 0, 10),
        () => kernels.gunzipInto(bytes, 0, 50, target, offset, length),
        () => kernels.zstdCompress(bytes, offset, length, null),
        () => kernels.zstdCompressInto(bytes, offset, length, target, 0, 10, null),
        () => kernels.zstdCompressInto(bytes, 0, 50, target, offset, length, null),
        () => kernels.zstdDecompress(bytes, offset, length, 10, null),
        () => kernels.zstdDecompressInto(bytes, 0, 50, length, target, offset, null),
      ];
      for (const call of calls) assert.throws(call, RangeError, String(call));
    });
  }
});

describe('ranges of the core kernels, over the addon', { skip: skipNative }, () => {
  const kernels = nativeKernels;
  const key = kernels.prepareMacKey(Buffer.from('key'));
  const bytes = Buffer.alloc(100);
  const target = Buffer.alloc(100);

  for (const [offset, length] of WRONG_RANGES) {
    test(`[${offset}, ${offset} + ${length}) of 100 bytes is never read`, () => {
      assert.equal(kernels.verifyMac(key, bytes, offset, length, 0), false);
      const calls = [
        () => kernels.crc32(bytes, offset, length),
        () => kernels.xxh32(bytes, offset, length, 0),
        () => kernels.gunzip(bytes, offset, length, 100),
        () => kernels.sha256(bytes, offset, length, target, 0),
        () => kernels.signMac(key, bytes, offset, length, target, 0),
      ];
      for (const call of calls) assert.throws(call, RangeError, String(call));
    });
  }

  test('targets out of range are never written', () => {
    for (const at of [69, 100, -1, 2 ** 32, 2 ** 40]) {
      assert.equal(kernels.verifyMac(key, bytes, 0, 10, at), false);
      assert.throws(() => kernels.sha256(bytes, 0, 10, target, at), RangeError);
      assert.throws(() => kernels.signMac(key, bytes, 0, 10, target, at), RangeError);
    }
    assert.deepEqual(target, Buffer.alloc(100));
  });

  test('input and target must not overlap', () => {
    const gzip = gzipSync(TEXT);
    const memory = Buffer.alloc(6000);
    gzip.copy(memory, 100);
    const end = 100 + gzip.length;
    const into = (at: number, room: number): number =>
      kernels.gunzipInto(memory, 100, gzip.length, memory, at, room);
    assert.throws(() => into(end - 1, 3000), RangeError);
    assert.throws(() => into(0, 101), RangeError);
    assert.equal(into(end, 3000), TEXT.length);
  });

  test('a key of other kernels works, one of a batch is refused', () => {
    const plain = new PlainKernels();
    const foreign = plain.prepareMacKey(Buffer.from('key'));
    const memory = kernels.bindMemory(bytes);
    kernels.signMac(foreign, bytes, 0, 10, bytes, 20);
    assert.equal(kernels.verifyMac(key, bytes, 0, 10, 20), true);
    assert.equal(kernels.verifyMac(foreign, bytes, 0, 10, 20), true);
    const batch = kernels.createMacBatch(1);
    assert.throws(() => batch.add(foreign, memory, 0, 10, 20), TypeError);
    assert.throws(() => batch.add(key, { bytes }, 0, 10, 20), TypeError);
  });

  test('an unbound memory is empty', () => {
    kernels.signMac(key, bytes, 0, 10, bytes, 20);
    const memory = kernels.bindMemory(bytes);
    const batch = kernels.createMacBatch(1);
    kernels.unbindMemory(memory);
    kernels.unbindMemory(memory);
    batch.add(key, memory, 0, 10, 20);
    assert.equal(batch.verify(), 0);
  });
});
