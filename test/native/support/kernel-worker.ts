// A thread that computes with its own kernels on memory it shares with others: it checks every
// answer and posts how many were right, then ends or waits to be terminated.

import { parentPort, workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { loadNative } from '#native/loader.ts';

/** What a thread is given. */
export interface KernelWork {
  /** Bytes that all threads read. */
  readonly memory: SharedArrayBuffer;
  /** Where this thread writes; 4096 bytes from here on are its own. */
  readonly offset: number;
  readonly rounds: number;
  /** Ends by itself; otherwise it goes on until it is terminated. */
  readonly ends: boolean;
}

const work = workerData as KernelWork;
const { kernels, native } = loadNative('on');
const bytes = Buffer.from(work.memory);
const key = kernels.prepareMacKey(Buffer.from(`key ${work.offset}`));
const memory = kernels.bindMemory(bytes);
const batch = kernels.createMacBatch(4);
const text = Buffer.from(`text of ${work.offset} `.repeat(50));
const gzip = gzipSync(text);

function isRoundRight(round: number): boolean {
  const at = work.offset;
  bytes.writeUInt32LE(round, at);
  kernels.signMac(key, bytes, at, 600, bytes, at + 600);
  batch.clear();
  for (let i = 0; i < 4; i++) batch.add(key, memory, at, 600, at + 600);
  const isGood = batch.verify() === 4 && kernels.verifyMac(key, bytes, at, 600, at + 600);
  bytes[at + 100]! ^= 1;
  const isBad = batch.verify() === 0;
  bytes[at + 100]! ^= 1;
  const length = kernels.gunzipInto(gzip, 0, gzip.length, bytes, at + 1000, 2000);
  const isText = length === text.length && text.compare(bytes, at + 1000, at + 1000 + length) === 0;
  const packed = kernels.zstdCompressInto(text, 0, text.length, bytes, at + 3000, 1000, null);
  const plain = kernels.zstdDecompress(bytes, at + 3000, packed, text.length, null);
  return isGood && isBad && isText && plain !== null && plain.equals(text);
}

let right = 0;
for (let round = 0; round < work.rounds; round++) if (isRoundRight(round)) right++;
parentPort!.postMessage({ native, right }, []);
while (!work.ends) isRoundRight(0);
