// The addon in several threads at once, and in threads that come and go: state is per thread, and a
// thread that ends, by itself or not, takes nothing of the others with it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { nativeKernels as kernels, skipNative } from './support/forms.ts';
import type { KernelWork } from './support/kernel-worker.ts';

const SLOT_BYTES = 4096;
const FILE = new URL('support/kernel-worker.ts', import.meta.url);

function start(workerData: KernelWork): Worker {
  return new Worker(FILE, { workerData });
}

describe('addon in threads', { skip: skipNative }, () => {
  test('four threads and this one compute at once on one shared memory', async () => {
    const memory = new SharedArrayBuffer(5 * SLOT_BYTES);
    const workers = [0, 1, 2, 3].map((slot) =>
      start({ memory, offset: slot * SLOT_BYTES, rounds: 400, ends: true }),
    );
    const answers = Promise.all(workers.map((worker) => once(worker, 'message')));
    const exits = Promise.all(workers.map((worker) => once(worker, 'exit')));
    const own = Buffer.from(memory, 4 * SLOT_BYTES);
    const key = kernels.prepareMacKey(Buffer.from('key 0'));
    for (let round = 0; round < 2000; round++) {
      own.writeUInt32LE(round, 0);
      kernels.signMac(key, own, 0, 600, own, 600);
      assert.equal(kernels.verifyMac(key, own, 0, 600, 600), true);
    }
    for (const [answer] of await answers) assert.deepEqual(answer, { native: true, right: 400 });
    for (const [code] of await exits) assert.equal(code, 0);
    // A MAC of the first thread is good under a key that this thread made of the same bytes.
    assert.equal(kernels.verifyMac(key, Buffer.from(memory), 0, 600, 600), true);
  });

  test('threads end one after the other, and one is terminated amid its work', async () => {
    const memory = new SharedArrayBuffer(SLOT_BYTES);
    const key = kernels.prepareMacKey(Buffer.from('stays'));
    const bytes = Buffer.alloc(64);
    kernels.signMac(key, bytes, 0, 32, bytes, 32);
    for (let round = 0; round < 6; round++) {
      const isEnding = round % 2 === 0;
      const worker = start({ memory, offset: 0, rounds: 5, ends: isEnding });
      const exit = once(worker, 'exit');
      const [answer] = await once(worker, 'message');
      assert.deepEqual(answer, { native: true, right: 5 });
      if (!isEnding) await worker.terminate();
      const [code] = await exit;
      assert.equal(code, isEnding ? 0 : 1);
      assert.equal(kernels.verifyMac(key, bytes, 0, 32, 32), true);
    }
  });
});
