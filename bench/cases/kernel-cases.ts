// The computations of core/codec/kernels.ts, and the copy of OutBuffer, on the sizes that requests
// have.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { crc32, gzipSync } from 'node:zlib';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { checked, seededBytes, type CorpusCase } from './corpus-case.ts';

/** What a compact session of 650 bytes signs. */
const SIGNED_BYTES = 618;
const MAC_BYTES = 32;
const FRAME_BYTES = 512;
const CLASS_BYTES = 44;
const SHORT_BYTES = 16;
const LONG_BYTES = 256;

const kernels = new TypeScriptKernels();

/** "abc" and its hash, seed 0: a published test vector of xxHash. */
const XXH32_TEXT = Buffer.from('abc', 'latin1');
const XXH32_OF_TEXT = 0x32d153ff;

/** The check value of CRC-32. */
const CRC32_TEXT = Buffer.from('123456789', 'latin1');
const CRC32_OF_TEXT = 0xcbf43926;

/** SHA-256 of DEVICE. */
const DEVICE = 'device-3f2a9c1e7b';
const SHA256_OF_DEVICE = '49304fa6fc29c4c67a5512269a250a1996291136ef95ea2e3487c946f1f0ce50';

function copyCase(name: string, length: number): CorpusCase {
  return {
    name,
    prepare() {
      const out = new OutBuffer();
      const source = seededBytes(1024, 'copy');
      const operation = () => {
        out.length = 0;
        out.append(source, 7, length);
        return out.length;
      };
      checked(operation, length);
      assert.deepEqual(out.bytes.subarray(0, length), source.subarray(7, 7 + length));
      return operation;
    },
  };
}

export const kernelCases: readonly CorpusCase[] = [
  {
    name: 'mac',
    prepare() {
      const secret = seededBytes(32, 'key');
      const bytes = seededBytes(SIGNED_BYTES + MAC_BYTES, 'message');
      const mac = createHmac('sha256', secret).update(bytes.subarray(0, SIGNED_BYTES)).digest();
      mac.copy(bytes, SIGNED_BYTES);
      const key = kernels.prepareMacKey(secret);
      return checked(() => Number(kernels.verifyMac(key, bytes, 0, SIGNED_BYTES, SIGNED_BYTES)), 1);
    },
  },
  {
    name: 'sha256',
    prepare() {
      const device = Buffer.from(DEVICE, 'latin1');
      const target = Buffer.alloc(MAC_BYTES);
      const operation = () => {
        kernels.sha256(device, 0, device.length, target, 0);
        return target[0]!;
      };
      operation();
      assert.equal(target.toString('hex'), SHA256_OF_DEVICE);
      return operation;
    },
  },
  {
    name: 'crc32',
    prepare() {
      assert.equal(kernels.crc32(CRC32_TEXT, 0, CRC32_TEXT.length), CRC32_OF_TEXT);
      const bytes = seededBytes(FRAME_BYTES, 'frame');
      return checked(() => kernels.crc32(bytes, 0, FRAME_BYTES), crc32(bytes));
    },
  },
  {
    name: 'xxh32',
    prepare() {
      assert.equal(kernels.xxh32(XXH32_TEXT, 0, XXH32_TEXT.length, 0), XXH32_OF_TEXT);
      const bytes = seededBytes(CLASS_BYTES, 'class');
      return checked(
        () => kernels.xxh32(bytes, 0, CLASS_BYTES, 0),
        kernels.xxh32(Buffer.concat([Buffer.alloc(3), bytes]), 3, CLASS_BYTES, 0),
      );
    },
  },
  {
    name: 'gunzip',
    prepare() {
      const plain = Buffer.from('{"profile":"benchmark"}'.repeat(300), 'latin1');
      const packed = gzipSync(plain);
      return checked(() => kernels.gunzip(packed, 0, packed.length, 65_536)!.length, plain.length);
    },
  },
  copyCase('copy short', SHORT_BYTES),
  copyCase('copy', LONG_BYTES),
];
