// Prints ns per call of the kernels with and without addon, side by side. `node native/bench.ts`:
// the MAC of a session of 650 bytes, alone and by batches. `--thresholds`: all kernels at several
// sizes; to see the addon below NATIVE_BYTES_MIN set those to 0. Forms take turns, and each figure
// is the best of its rounds, so that other load on the machine hardly shows.

import assert from 'node:assert/strict';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { PlainKernels, type CodecKernels } from './codec-kernels.ts';
import { loadNative } from './loader.ts';

/** What a compact session of 650 bytes signs. */
const SIGNED_BYTES = 618;
/** Sizes of batches: from two at once to more than a turn of a ring brings. */
const BATCH_ENTRIES = [2, 8, 16, 64];
const ROUNDS = 15;
/** Time of one round of one case. */
const ROUND_NS = 8_000_000;

/** A case: a name, the calls it counts for, and what to time. */
interface Case {
  readonly name: string;
  readonly calls: number;
  run(): void;
}

/** Best ns per call of each case. */
function measure(cases: readonly Case[]): number[] {
  const best = cases.map(() => Infinity);
  const repeats = cases.map((one) => {
    const start = process.hrtime.bigint();
    let count = 0;
    for (; Number(process.hrtime.bigint() - start) < ROUND_NS; count++) one.run();
    return count;
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, one] of cases.entries()) {
      const repeat = repeats[index]!;
      const start = process.hrtime.bigint();
      for (let i = 0; i < repeat; i++) one.run();
      const ns = Number(process.hrtime.bigint() - start) / (repeat * one.calls);
      best[index] = Math.min(best[index]!, ns);
    }
  }
  return best;
}

function bytesOf(length: number): Buffer {
  const bytes = Buffer.from(new SharedArrayBuffer(length));
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(i + 1, 0x9e3779b1) >>> 24;
  return bytes;
}

/** A session alone, in the memory it arrived in. */
function macCase(name: string, kernels: CodecKernels): Case {
  const key = kernels.prepareMacKey(Buffer.alloc(32, 7));
  const bytes = bytesOf(SIGNED_BYTES + 32);
  kernels.signMac(key, bytes, 0, SIGNED_BYTES, bytes, SIGNED_BYTES);
  const run = (): void => {
    assert.ok(kernels.verifyMac(key, bytes, 0, SIGNED_BYTES, SIGNED_BYTES));
  };
  return { name, calls: 1, run };
}

/** Several sessions in one memory, filling the batch included. */
function batchCase(name: string, kernels: CodecKernels, entries: number): Case {
  const key = kernels.prepareMacKey(Buffer.alloc(32, 7));
  const slot = SIGNED_BYTES + 32;
  const bytes = bytesOf(entries * slot);
  for (let at = 0; at < bytes.length; at += slot) {
    kernels.signMac(key, bytes, at, SIGNED_BYTES, bytes, at + SIGNED_BYTES);
  }
  const memory = kernels.bindMemory(bytes);
  const batch = kernels.createMacBatch(entries);
  const run = (): void => {
    batch.clear();
    for (let at = 0; at < bytes.length; at += slot) {
      batch.add(key, memory, at, SIGNED_BYTES, at + SIGNED_BYTES);
    }
    assert.equal(batch.verify(), entries);
  };
  return { name, calls: entries, run };
}

function printMacs(plain: CodecKernels, native: CodecKernels): void {
  const cases = [
    macCase('TypeScript, one', plain),
    macCase('native, one', native),
    ...BATCH_ENTRIES.map((entries) => batchCase(`native, batch of ${entries}`, native, entries)),
  ];
  const figures = measure(cases);
  process.stdout.write(`HMAC-SHA-256 of ${SIGNED_BYTES} bytes, ns per MAC\n`);
  for (const [index, { name }] of cases.entries()) {
    process.stdout.write(`  ${name.padEnd(22)}${figures[index]!.toFixed(0).padStart(8)}\n`);
  }
}

/** One kernel at one size: what to time on given kernels. */
type Work = (kernels: CodecKernels, size: number) => () => unknown;

const WORKS: Readonly<Record<string, readonly [readonly number[], Work]>> = {
  verifyMac: [
    [0, 64, 256, SIGNED_BYTES, 2500],
    (kernels, size) => {
      const key = kernels.prepareMacKey(Buffer.alloc(32, 7));
      const bytes = bytesOf(size + 32);
      kernels.signMac(key, bytes, 0, size, bytes, size);
      return () => assert.ok(kernels.verifyMac(key, bytes, 0, size, size));
    },
  ],
  sha256: [
    [8, 32, 200, 600],
    (kernels, size) => {
      const bytes = bytesOf(size);
      const target = Buffer.alloc(32);
      return () => kernels.sha256(bytes, 0, size, target, 0);
    },
  ],
  'hkdf, 32 bytes': [
    [32],
    (kernels, size) => {
      const [salt, info] = [Buffer.from('mgw-session-v1'), Buffer.of(1)];
      const secret = bytesOf(size);
      return () => kernels.hkdf(secret, salt, info, 32);
    },
  ],
  'crc32, a part': [
    [32, 64, 128, 256, 512, 4096],
    (kernels, size) => {
      const bytes = bytesOf(size + 1);
      return () => kernels.crc32(bytes, 1, size);
    },
  ],
  xxh32: [
    [64, 128, 256, 384, 512, 1024],
    (kernels, size) => {
      const bytes = bytesOf(size);
      return () => kernels.xxh32(bytes, 0, size, 0);
    },
  ],
  gunzip: [
    [100, 7000, 60_000],
    (kernels, size) => {
      const file = gzipSync(textOf(size));
      return () => assert.ok(kernels.gunzip(file, 0, file.length, 65_536));
    },
  ],
  zstdDecompress: [
    [200, 2000, 60_000],
    (kernels, size) => {
      const frame = zstdCompressSync(textOf(size), { pledgedSrcSize: size });
      return () => assert.ok(kernels.zstdDecompress(frame, 0, frame.length, size, null));
    },
  ],
  'zstdDecompress, dictionary': [
    [200, 2000],
    (kernels, size) => {
      const dictionary = kernels.prepareZstdDictionary(textOf(4000));
      const frame = kernels.zstdCompress(textOf(size), 0, size, dictionary)!;
      return () => assert.ok(kernels.zstdDecompress(frame, 0, frame.length, size, dictionary));
    },
  ],
  'zstdCompress, dictionary': [
    [200, 2000, 60_000],
    (kernels, size) => {
      const dictionary = kernels.prepareZstdDictionary(textOf(4000));
      const text = textOf(size);
      return () => assert.ok(kernels.zstdCompress(text, 0, size, dictionary));
    },
  ],
};

/** JSON-like text that compresses about as well as real bodies. */
function textOf(length: number): Buffer {
  let text = '';
  for (let i = 1; text.length < length; i++) {
    text += `{"id":${Math.imul(i, 0x9e3779b1) >>> 0},"name":"user ${i}","active":${i % 3 === 0}},`;
  }
  return Buffer.from(text.slice(0, length), 'latin1');
}

function printThresholds(plain: CodecKernels, native: CodecKernels): void {
  process.stdout.write('ns per call                      bytes  TypeScript    native\n');
  for (const [name, [sizes, work]] of Object.entries(WORKS)) {
    for (const size of sizes) {
      const cases = [plain, native].map((kernels) => {
        const once = work(kernels, size);
        return { name, calls: 1, run: () => void once() };
      });
      const figures = measure(cases).map((ns) => ns.toFixed(0));
      const row = [name.padEnd(30), String(size).padStart(8), figures[0]!.padStart(12)];
      process.stdout.write(`${row.join('')}${figures[1]!.padStart(10)}\n`);
    }
  }
}

const { kernels, native, reason } = loadNative('auto');
if (!native) process.stdout.write(`${reason}: both columns are without it\n`);
if (process.argv.includes('--thresholds')) printThresholds(new PlainKernels(), kernels);
else printMacs(new PlainKernels(), kernels);
