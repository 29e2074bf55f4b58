// The computations of core/codec/kernels.ts, and the copy of OutBuffer, on the sizes that requests
// have. A kernel is timed over its TypeScript form and, where the addon is, over the native one;
// both must give the same answers first, also at sizes and to inputs that are not timed. Keys are
// prepared once per configuration, so preparing them is no case.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { crc32, gzipSync, zstdCompressSync } from 'node:zlib';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { PlainKernels, type CodecKernels } from '#native/codec-kernels.ts';
import { checked, seededBytes, type CorpusCase, type Operation } from './corpus-case.ts';

/** What a compact session of 650 bytes signs. */
const SIGNED_BYTES = 618;
const MAC_BYTES = 32;
/** Sessions that a turn of the loop brings together. */
const BATCH_ENTRIES = 16;
const FRAME_BYTES = 512;
const CLASS_BYTES = 44;
const SHORT_BYTES = 16;
const LONG_BYTES = 256;
/** The most that a case inflates to. */
const PLAIN_BYTES_MAX = 65_536;

/** Sizes that answers are compared at: from some on the addon is used, below it is not. */
const COMPARED_BYTES = [0, 1, 15, 16, 64, 127, 128, 384, 619, 2000];

/** The form that is timed everywhere. */
const typeScript = new PlainKernels();

/** "abc" and its hash, seed 0: a published test vector of xxHash. */
const XXH32_TEXT = Buffer.from('abc', 'latin1');
const XXH32_OF_TEXT = 0x32d153ff;

/** The check value of CRC-32. */
const CRC32_TEXT = Buffer.from('123456789', 'latin1');
const CRC32_OF_TEXT = 0xcbf43926;

/** SHA-256 of DEVICE. */
const DEVICE = 'device-3f2a9c1e7b';
const SHA256_OF_DEVICE = '49304fa6fc29c4c67a5512269a250a1996291136ef95ea2e3487c946f1f0ce50';

/** RFC 5869, test case 3: no salt, no info. */
const HKDF_SECRET = Buffer.alloc(22, 0x0b);
const HKDF_OF_SECRET = '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d';

/** A kernel over one form. */
interface PreparedKernel {
  /** What is timed. */
  readonly operation: Operation;
  /** What the form answers to this and other inputs, good ones and bad ones. */
  readonly answers: readonly unknown[];
}

function kernelCase(name: string, over: (kernels: CodecKernels) => PreparedKernel): CorpusCase {
  return {
    name,
    prepare: () => over(typeScript).operation,
    prepareOver(kernels) {
      const expected = over(typeScript);
      const { operation, answers } = over(kernels);
      assert.deepEqual(answers, expected.answers, `${name}: ${kernels.name} answers differ`);
      return checked(operation, expected.operation());
    },
  };
}

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

/** Sessions one behind the other, each with its MAC. */
function signedSessions(count: number): { readonly secret: Buffer; readonly bytes: Buffer } {
  const secret = seededBytes(32, 'key');
  const slot = SIGNED_BYTES + MAC_BYTES;
  const bytes = seededBytes(count * slot, 'message');
  for (let at = 0; at < bytes.length; at += slot) {
    const message = bytes.subarray(at, at + SIGNED_BYTES);
    createHmac('sha256', secret)
      .update(message)
      .digest()
      .copy(bytes, at + SIGNED_BYTES);
  }
  return { secret, bytes };
}

function overMac(kernels: CodecKernels): PreparedKernel {
  const { secret, bytes } = signedSessions(1);
  const key = kernels.prepareMacKey(secret);
  const verify = () => kernels.verifyMac(key, bytes, 0, SIGNED_BYTES, SIGNED_BYTES);
  const operation = checked(() => Number(verify()), 1);
  const others = COMPARED_BYTES.map((length) => kernels.verifyMac(key, bytes, 0, length, length));
  return { operation, answers: [verify(), ...others] };
}

function overSignedMac(kernels: CodecKernels): PreparedKernel {
  const { secret, bytes } = signedSessions(1);
  const key = kernels.prepareMacKey(secret);
  const target = Buffer.alloc(MAC_BYTES);
  const sign = (length: number) => kernels.signMac(key, bytes, 0, length, target, 0);
  const answers = COMPARED_BYTES.map((length) => {
    sign(Math.min(length, bytes.length));
    return target.toString('hex');
  });
  const operation = () => {
    sign(SIGNED_BYTES);
    return target[0]!;
  };
  operation();
  assert.deepEqual(target, bytes.subarray(SIGNED_BYTES));
  return { operation, answers };
}

/** Filling the batch is a part of the operation, which is all of its MACs. */
function overMacBatch(kernels: CodecKernels): PreparedKernel {
  const { secret, bytes } = signedSessions(BATCH_ENTRIES);
  const key = kernels.prepareMacKey(secret);
  const slot = SIGNED_BYTES + MAC_BYTES;
  const memory = kernels.bindMemory(bytes);
  const batch = kernels.createMacBatch(BATCH_ENTRIES);
  const operation = () => {
    batch.clear();
    for (let at = 0; at < bytes.length; at += slot) {
      batch.add(key, memory, at, SIGNED_BYTES, at + SIGNED_BYTES);
    }
    return batch.verify();
  };
  checked(operation, BATCH_ENTRIES);
  bytes[3 * slot]! ^= 1;
  const count = operation();
  const answers = Array.from({ length: BATCH_ENTRIES }, (_, entry) => batch.isGood(entry));
  bytes[3 * slot]! ^= 1;
  return { operation, answers: [count, ...answers] };
}

function overSha256(kernels: CodecKernels): PreparedKernel {
  const device = Buffer.from(DEVICE, 'latin1');
  const target = Buffer.alloc(MAC_BYTES);
  const bytes = seededBytes(2048, 'digest');
  const answers = COMPARED_BYTES.map((length) => {
    kernels.sha256(bytes, 3, length, target, 0);
    return target.toString('hex');
  });
  const operation = () => {
    kernels.sha256(device, 0, device.length, target, 0);
    return target[0]!;
  };
  operation();
  assert.equal(target.toString('hex'), SHA256_OF_DEVICE);
  return { operation, answers };
}

function overHkdf(kernels: CodecKernels): PreparedKernel {
  const none = Buffer.alloc(0);
  const derive = (length: number) => kernels.hkdf(HKDF_SECRET, none, none, length);
  assert.equal(derive(MAC_BYTES).toString('hex'), HKDF_OF_SECRET);
  const answers = [1, 33, 200].map((length) => derive(length).toString('hex'));
  return { operation: () => derive(MAC_BYTES)[0]!, answers };
}

function overCrc32(kernels: CodecKernels): PreparedKernel {
  assert.equal(kernels.crc32(CRC32_TEXT, 0, CRC32_TEXT.length), CRC32_OF_TEXT);
  const bytes = seededBytes(FRAME_BYTES, 'frame');
  const more = seededBytes(2048, 'frame');
  const answers = COMPARED_BYTES.map((length) => kernels.crc32(more, 3, length));
  const operation = checked(() => kernels.crc32(bytes, 0, FRAME_BYTES), crc32(bytes));
  return { operation, answers };
}

function overXxh32(kernels: CodecKernels): PreparedKernel {
  assert.equal(kernels.xxh32(XXH32_TEXT, 0, XXH32_TEXT.length, 0), XXH32_OF_TEXT);
  const bytes = seededBytes(CLASS_BYTES, 'class');
  const more = seededBytes(2048, 'class');
  const answers = COMPARED_BYTES.map((length) => kernels.xxh32(more, 3, length, length));
  const operation = checked(
    () => kernels.xxh32(bytes, 0, CLASS_BYTES, 0),
    kernels.xxh32(Buffer.concat([Buffer.alloc(3), bytes]), 3, CLASS_BYTES, 0),
  );
  return { operation, answers };
}

function overGunzip(kernels: CodecKernels): PreparedKernel {
  const plain = Buffer.from('{"profile":"benchmark"}'.repeat(300), 'latin1');
  const packed = gzipSync(plain);
  const inflate = (length: number, bytesMax: number) =>
    kernels.gunzip(packed, 0, length, bytesMax)?.toString('latin1') ?? null;
  const cut = inflate(packed.length - 1, PLAIN_BYTES_MAX);
  const tooLarge = inflate(packed.length, plain.length - 1);
  const answers = [inflate(packed.length, plain.length), cut, tooLarge];
  const operation = () => kernels.gunzip(packed, 0, packed.length, PLAIN_BYTES_MAX)!.length;
  return { operation: checked(operation, plain.length), answers };
}

function overZstd(kernels: CodecKernels): PreparedKernel {
  const plain = Buffer.from('{"id":1,"name":"user","active":true},'.repeat(54), 'latin1');
  const frame = zstdCompressSync(plain, { pledgedSrcSize: plain.length });
  const inflate = (length: number, size: number) =>
    kernels.zstdDecompress(frame, 0, length, size, null)?.toString('latin1') ?? null;
  const cut = inflate(frame.length - 1, plain.length);
  const answers = [inflate(frame.length, plain.length), cut, inflate(frame.length, 100)];
  const operation = () =>
    kernels.zstdDecompress(frame, 0, frame.length, plain.length, null)!.length;
  return { operation: checked(operation, plain.length), answers };
}

export const kernelCases: readonly CorpusCase[] = [
  kernelCase('mac', overMac),
  kernelCase('mac signed', overSignedMac),
  kernelCase(`mac batch of ${BATCH_ENTRIES}`, overMacBatch),
  kernelCase('sha256', overSha256),
  kernelCase('hkdf', overHkdf),
  kernelCase('crc32', overCrc32),
  kernelCase('xxh32', overXxh32),
  kernelCase('gunzip', overGunzip),
  kernelCase('zstd', overZstd),
  copyCase('copy short', SHORT_BYTES),
  copyCase('copy', LONG_BYTES),
];
