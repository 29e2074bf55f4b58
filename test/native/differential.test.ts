// Both forms of the kernels on 10,000 random inputs each time: valid, damaged, cut and nonsense.
// What one answers the other has to answer. The seed of a failure is in its message.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { PlainKernels } from '#native/codec-kernels.ts';
import { nativeKernels, SeededNumbers, skipNative } from './support/forms.ts';

const CASES = 10_000;
/** A seed of this run, not 0. */
const SEED = randomBytes(4).readUInt32LE(0) | 1;

describe(`both forms, seed ${SEED}`, { skip: skipNative }, () => {
  const plain = new PlainKernels();
  const native = nativeKernels;

  test(`MACs, digests and checksums of ${CASES} random ranges`, () => {
    const numbers = new SeededNumbers(SEED);
    const bytes = Buffer.from(new SharedArrayBuffer(4096));
    numbers.fill(bytes);
    const secrets = [0, 1, 32, 63, 64, 65, 200].map((length) => {
      const secret = Buffer.alloc(length);
      numbers.fill(secret);
      return [plain.prepareMacKey(secret), native.prepareMacKey(secret)] as const;
    });
    const ours = Buffer.alloc(64);
    const theirs = Buffer.alloc(64);
    for (let i = 0; i < CASES; i++) {
      const offset = numbers.below(1000);
      const length = numbers.below(i % 10 === 0 ? 3000 : 400);
      const seed = numbers.next();
      const [plainKey, nativeKey] = secrets[numbers.below(secrets.length)]!;
      const what = `case ${i}: ${offset} ${length}`;
      native.signMac(nativeKey, bytes, offset, length, ours, 3);
      plain.signMac(plainKey, bytes, offset, length, theirs, 3);
      assert.equal(ours.compare(theirs), 0, what);
      native.sha256(bytes, offset, length, ours, 7);
      plain.sha256(bytes, offset, length, theirs, 7);
      assert.equal(ours.compare(theirs), 0, what);
      const crc = plain.crc32(bytes, offset, length);
      assert.equal(native.crc32(bytes, offset, length), crc, what);
      const hash = plain.xxh32(bytes, offset, length, seed);
      assert.equal(native.xxh32(bytes, offset, length, seed), hash, what);
    }
  });

  test(`verifyMac of ${CASES} good, damaged and misplaced MACs, alone and in a batch`, () => {
    const numbers = new SeededNumbers(SEED);
    const bytes = Buffer.from(new SharedArrayBuffer(1024));
    const secret = Buffer.alloc(32);
    numbers.fill(secret);
    const plainKey = plain.prepareMacKey(secret);
    const nativeKey = native.prepareMacKey(secret);
    const memory = native.bindMemory(bytes);
    const batch = native.createMacBatch(1);
    let good = 0;
    for (let i = 0; i < CASES; i++) {
      const length = numbers.below(700);
      const offset = numbers.below(200);
      bytes[offset] = i;
      plain.signMac(plainKey, bytes, offset, length, bytes, offset + length);
      if (i % 3 === 1) bytes[offset + numbers.below(length + 32)]! ^= 1 << numbers.below(8);
      const macOffset = offset + length + (i % 7 === 0 ? numbers.below(100) : 0);
      const expected = plain.verifyMac(plainKey, bytes, offset, length, macOffset);
      const what = `case ${i}: ${offset} ${length} ${macOffset}`;
      assert.equal(native.verifyMac(nativeKey, bytes, offset, length, macOffset), expected, what);
      batch.clear();
      batch.add(nativeKey, memory, offset, length, macOffset);
      assert.equal(batch.verify(), expected ? 1 : 0, what);
      if (expected) good++;
    }
    assert.ok(good > CASES / 3 && good < CASES, `${good} good`);
  });

  test(`gunzip of ${CASES} files, damaged, cut, joined and padded`, () => {
    const numbers = new SeededNumbers(SEED);
    let good = 0;
    for (let i = 0; i < CASES; i++) {
      const file = mutate(gzipFiles(numbers), numbers);
      const bytesMax = numbers.below(3000);
      const expected = plain.gunzip(file, 0, file.length, bytesMax);
      const made = native.gunzip(file, 0, file.length, bytesMax);
      assert.deepEqual(made, expected, `case ${i}: ${bytesMax} ${file.toString('hex')}`);
      if (expected !== null) good++;
    }
    assert.ok(good > CASES / 5 && good < CASES, `${good} good`);
  });

  test(`zstd of ${CASES} frames, damaged and cut, with and without dictionary`, () => {
    const numbers = new SeededNumbers(SEED);
    const dictionary = Buffer.from('{"uid":"2088","roles":["user"]}'.repeat(4));
    const ofPlain = plain.prepareZstdDictionary(dictionary);
    const ofNative = native.prepareZstdDictionary(dictionary);
    let good = 0;
    for (let i = 0; i < CASES; i++) {
      const text = textOf(numbers);
      const isWith = numbers.below(2) === 1;
      const options = isWith ? { dictionary } : {};
      const whole = zstdCompressSync(text, { pledgedSrcSize: text.length, ...options });
      const frame = mutate(whole, numbers);
      const size = text.length + (numbers.below(9) === 0 ? 1 : 0);
      const expected = plain.zstdDecompress(frame, 0, frame.length, size, isWith ? ofPlain : null);
      const made = native.zstdDecompress(frame, 0, frame.length, size, isWith ? ofNative : null);
      assert.deepEqual(made, expected, `case ${i}: ${size} ${frame.toString('hex')}`);
      if (expected !== null) good++;
      const packed = native.zstdCompress(text, 0, size === text.length ? size : 0, null);
      if (packed === null) continue;
      assert.deepEqual(plain.zstdDecompress(packed, 0, packed.length, size, null), text);
    }
    assert.ok(good > CASES / 5 && good < CASES, `${good} good`);
  });

  test('nonsense after the right first bytes', () => {
    const starts = ['1f8b08', '1f8b0800000000000003', '28b52ffd', '28b52ffd2005'];
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ maxLength: 120 }),
        fc.nat({ max: 300 }),
        (start, noise, size) => {
          const bytes = Buffer.concat([Buffer.from(start, 'hex'), noise]);
          const args = [bytes, 0, bytes.length, size] as const;
          assert.deepEqual(native.gunzip(...args), plain.gunzip(...args));
          assert.deepEqual(
            native.zstdDecompress(...args, null),
            plain.zstdDecompress(...args, null),
          );
        },
      ),
      { numRuns: 5000, seed: SEED },
    );
  });
});

/** Up to 2000 bytes that compress well, badly or not at all. */
function textOf(numbers: SeededNumbers): Buffer {
  const text = Buffer.alloc(numbers.below(2000));
  const alphabet = 1 + numbers.below(256);
  for (let i = 0; i < text.length; i++) text[i] = 32 + numbers.below(alphabet);
  if (numbers.below(3) === 0) text.fill(text.subarray(0, 20));
  return text;
}

/** One to three gzip members, some stored, some with what zlib pads files with. */
function gzipFiles(numbers: SeededNumbers): Buffer {
  const members = Array.from({ length: 1 + (numbers.below(4) === 0 ? numbers.below(3) : 0) }, () =>
    gzipSync(textOf(numbers), { level: numbers.below(10) }),
  );
  if (numbers.below(5) === 0) members.push(Buffer.alloc(numbers.below(20)));
  return Buffer.concat(members);
}

/** The bytes as they are, or with some of them changed, removed or added. */
function mutate(bytes: Buffer, numbers: SeededNumbers): Buffer {
  const changed = Buffer.from(bytes);
  switch (numbers.below(7)) {
    case 0: {
      for (let i = numbers.below(3); i >= 0; i--) {
        changed[numbers.below(changed.length)]! ^= 1 << numbers.below(8);
      }
      return changed;
    }
    case 1:
      // The head and the tail, where every bit has a meaning.
      changed[numbers.below(Math.min(20, changed.length))] = numbers.below(256);
      return changed;
    case 2:
      changed[changed.length - 1 - numbers.below(Math.min(9, changed.length))]! ^= 0x20;
      return changed;
    case 3:
      return changed.subarray(0, numbers.below(changed.length));
    case 4:
      return Buffer.concat([changed, Buffer.from([numbers.below(256), numbers.below(256)])]);
    default:
      return changed;
  }
}
