// A thread that takes tokens until there are none, beginning together with the others.

import { parentPort, workerData } from 'node:worker_threads';
import { TokenBucket } from '#core/base/token-bucket.ts';

const { memory, gate, threads, qps, burst, nowMs } = workerData as {
  readonly memory: SharedArrayBuffer;
  readonly gate: SharedArrayBuffer;
  readonly threads: number;
  readonly qps: number;
  readonly burst: number;
  readonly nowMs: number;
};

const bucket = new TokenBucket(new Int32Array(memory), 0, qps, burst);
const arrived = new Int32Array(gate);
Atomics.add(arrived, 0, 1);
Atomics.notify(arrived, 0);
for (let count = Atomics.load(arrived, 0); count < threads; count = Atomics.load(arrived, 0)) {
  Atomics.wait(arrived, 0, count);
}
let taken = 0;
while (bucket.tryTake(nowMs)) taken++;
parentPort!.postMessage(taken);
