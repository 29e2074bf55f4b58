// Kernels against published vectors and against node's own functions: one suite over every form
// that there is. Without the addon its part is skipped and says why.

import assert from 'node:assert/strict';
import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { TypeScriptKernels } from '#core/codec/kernels.ts';
import type { Kernels } from '#core/codec/kernels.ts';
import { loadNative } from '#native/loader.ts';
import { RFC_5869 } from './rfc-5869.ts';

const EMPTY = Buffer.alloc(0);

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** RFC 4231: key, data, HMAC-SHA-256. Case 5 truncates and is left out. */
const RFC_4231: readonly (readonly [number, Buffer, Buffer, string])[] = [
  [
    1,
    Buffer.alloc(20, 0x0b),
    Buffer.from('Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  ],
  [
    2,
    Buffer.from('Jefe'),
    Buffer.from('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    3,
    Buffer.alloc(20, 0xaa),
    Buffer.alloc(50, 0xdd),
    '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
  ],
  [
    4,
    hex('0102030405060708090a0b0c0d0e0f10111213141516171819'),
    Buffer.alloc(50, 0xcd),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  [
    6,
    Buffer.alloc(131, 0xaa),
    Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    7,
    Buffer.alloc(131, 0xaa),
    Buffer.from(
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
];

/** Test data of the reference implementation: the top bytes of PRIME32, squared again and again. */
function xxhashBuffer(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let word = 2654435761;
  for (let i = 0; i < length; i++) {
    bytes[i] = word >>> 24;
    word = Math.imul(word, word) >>> 0;
  }
  return bytes;
}

/** Text, seed, xxh32. */
const XXH32: readonly (readonly [Buffer, number, number])[] = [
  [Buffer.alloc(0), 0, 0x02cc5d05],
  [Buffer.alloc(0), 2654435761, 0x36b78ae7],
  [Buffer.from('a'), 0, 0x550d7456],
  [Buffer.from('abc'), 0, 0x32d153ff],
  [Buffer.from('Nobody inspects the spammish repetition'), 0, 0xe2293b2f],
  [xxhashBuffer(1), 0, 0xb85cbee5],
  [xxhashBuffer(1), 2654435761, 0xd5845d64],
  [xxhashBuffer(14), 0, 0xe5aa0ab4],
  [xxhashBuffer(14), 2654435761, 0x4481951d],
  [xxhashBuffer(101), 0, 0x1f1aa412],
  [xxhashBuffer(101), 2654435761, 0x498ec8e2],
];

function runSuite(kernels: Kernels): void {
  for (const [number, key, data, expected] of RFC_4231) {
    test(`MAC of RFC 4231 case ${number}`, () => {
      const bytes = Buffer.concat([Buffer.of(1, 2, 3), data, hex(expected)]);
      const prepared = kernels.prepareMacKey(key);
      const end = 3 + data.length;
      assert.equal(kernels.verifyMac(prepared, bytes, 3, data.length, end), true);
      const made = Buffer.alloc(40);
      kernels.signMac(prepared, bytes, 3, data.length, made, 4);
      assert.equal(made.toString('hex', 4, 36), expected);
      for (let bit = 0; bit < 256; bit++) {
        bytes[end + (bit >> 3)]! ^= 1 << (bit & 7);
        assert.equal(kernels.verifyMac(prepared, bytes, 3, data.length, end), false, `${bit}`);
        bytes[end + (bit >> 3)]! ^= 1 << (bit & 7);
      }
    });
  }

  test('MAC equals createHmac for every length around the scratch size, keys alternating', () => {
    const keys = [randomBytes(32), randomBytes(32)];
    const prepared = keys.map((key) => kernels.prepareMacKey(key));
    const bytes = randomBytes(4200);
    const lengths = [...Array(700).keys(), 1000, 2500, 4096];
    for (const length of lengths) {
      const which = length % 2;
      const message = bytes.subarray(7, 7 + length);
      const made = Buffer.alloc(32);
      kernels.signMac(prepared[which]!, bytes, 7, length, made, 0);
      assert.deepEqual(made, createHmac('sha256', keys[which]!).update(message).digest());
    }
  });

  test('verifyMac answers false outside of the buffer', () => {
    const key = kernels.prepareMacKey(randomBytes(32));
    const bytes = Buffer.alloc(100);
    assert.equal(kernels.verifyMac(key, bytes, 0, 101, 0), false);
    assert.equal(kernels.verifyMac(key, bytes, 0, 69, 69), false);
    assert.equal(kernels.verifyMac(key, bytes, 90, 11, 0), false);
  });

  test('every kernel reads shared memory', () => {
    const shared = Buffer.from(new SharedArrayBuffer(2000));
    const gzip = gzipSync('shared');
    gzip.copy(shared, 100);
    const key = kernels.prepareMacKey(Buffer.alloc(32, 3));
    for (const length of [60, 1500]) {
      const at = 1600;
      kernels.signMac(key, shared, 0, length, shared, at);
      assert.equal(kernels.verifyMac(key, shared, 0, length, at), true);
    }
    kernels.sha256(shared, 100, gzip.length, shared, 1700);
    assert.equal(
      shared.toString('hex', 1700, 1732),
      createHash('sha256').update(gzip).digest('hex'),
    );
    const inflated = kernels.gunzip(shared, 100, gzip.length, 100);
    assert.equal(inflated?.toString(), 'shared');
    assert.equal(kernels.crc32(shared, 0, 4), kernels.crc32(Buffer.alloc(4), 0, 4));
  });

  test('sha256 equals createHash on both sides of the kept length', () => {
    const bytes = randomBytes(600);
    for (const length of [0, 1, 55, 64, 255, 256, 257, 500]) {
      const made = Buffer.alloc(34);
      kernels.sha256(bytes, 9, length, made, 1);
      const expected = createHash('sha256')
        .update(bytes.subarray(9, 9 + length))
        .digest('hex');
      assert.equal(made.toString('hex', 1, 33), expected);
    }
  });

  test('hkdf gives RFC 5869 cases 1, 2 and 3', () => {
    for (const { secret, salt, info, key } of RFC_5869) {
      assert.equal(kernels.hkdf(secret, salt, info, key.length / 2).toString('hex'), key);
    }
  });

  test('hkdf equals hkdfSync at every kind of length, and refuses what HKDF cannot make', () => {
    for (const length of [1, 31, 32, 33, 64, 8160]) {
      const [secret, salt, info] = [randomBytes(200), randomBytes(70), randomBytes(100)];
      const expected = Buffer.from(hkdfSync('sha256', secret, salt, info, length));
      assert.ok(kernels.hkdf(secret, salt, info, length).equals(expected), `${length} bytes`);
    }
    for (const wrong of [-1, 0, 1.5, NaN, 8161]) {
      assert.throws(() => kernels.hkdf(EMPTY, EMPTY, EMPTY, wrong), RangeError);
    }
  });

  test('crc32 of the check word, whole and inside', () => {
    assert.equal(kernels.crc32(Buffer.from('123456789'), 0, 9), 0xcbf43926);
    assert.equal(kernels.crc32(Buffer.from('..123456789.'), 2, 9), 0xcbf43926);
    assert.equal(kernels.crc32(Buffer.alloc(0), 0, 0), 0);
  });

  for (const [bytes, seed, expected] of XXH32) {
    test(`xxh32 of ${bytes.length} bytes with seed ${seed}`, () => {
      const padded = Buffer.concat([Buffer.of(9), bytes, Buffer.of(9)]);
      assert.equal(kernels.xxh32(padded, 1, bytes.length, seed), expected);
    });
  }

  test('gunzip inflates up to its bound and refuses the rest', () => {
    const gzip = gzipSync(Buffer.alloc(1000, 'x'));
    const bytes = Buffer.concat([Buffer.of(1), gzip]);
    assert.equal(kernels.gunzip(bytes, 1, gzip.length, 1000)?.length, 1000);
    assert.equal(kernels.gunzip(bytes, 1, gzip.length, 999), null);
    assert.equal(kernels.gunzip(bytes, 1, gzip.length - 1, 1000), null);
    assert.equal(kernels.gunzip(bytes, 0, gzip.length, 1000), null);
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    assert.equal(kernels.gunzip(bomb, 0, bomb.length, 65_536), null);
  });

  test('gunzip never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = Buffer.concat([hex('1f8b08'), noise]);
        kernels.gunzip(bytes, 0, bytes.length, 1000);
      }),
    );
  });
}

const native = loadNative('auto');

describe('TypeScriptKernels', () => runSuite(new TypeScriptKernels()));
describe('kernels without addon', () => runSuite(loadNative('off').kernels));
describe('kernels over the addon', { skip: native.native ? false : native.reason }, () => {
  runSuite(native.kernels);
});
