// The token bucket against one that counts tokens, over the wrap of its time, and taken from by
// several threads at once: never one token too many, and none that is lost.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { BUCKET_WORDS, TokenBucket } from '#core/base/token-bucket.ts';

function bucketOf(qps: number, burst: number, nowMs = 0): TokenBucket {
  const bucket = new TokenBucket(new Int32Array(BUCKET_WORDS), 0, qps, burst);
  bucket.fill(nowMs);
  return bucket;
}

function takeAll(bucket: TokenBucket, nowMs: number): number {
  let taken = 0;
  while (bucket.tryTake(nowMs)) taken++;
  return taken;
}

describe('TokenBucket', () => {
  test('a full bucket gives its burst at once and no more', () => {
    const bucket = bucketOf(10, 7);
    assert.equal(takeAll(bucket, 5000), 7);
    assert.equal(bucket.limited, 1);
  });

  test('property: agrees with a bucket that counts tokens', () => {
    const shape = fc.record({
      startMs: fc.nat({ max: 2 ** 40 }),
      qps: fc.integer({ min: 1, max: 1000 }),
      burst: fc.integer({ min: 1, max: 20 }),
      waits: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200, size: 'max' }),
    });
    fc.assert(
      fc.property(shape, ({ startMs, qps, burst, waits }) => {
        const bucket = bucketOf(qps, burst, startMs);
        // Thousandths of a token, so that the model counts in whole numbers.
        let tokens = burst * 1000;
        let nowMs = startMs;
        for (const waitMs of waits) {
          nowMs += waitMs;
          tokens = Math.min(burst * 1000, tokens + waitMs * qps);
          const isThere = tokens >= 1000;
          assert.equal(bucket.tryTake(nowMs), isThere);
          if (isThere) tokens -= 1000;
        }
      }),
      { numRuns: 300 },
    );
  });

  test('over a long time the rate is the configured one, also of large and of broken ones', () => {
    for (const qps of [0.37, 50, 299.7, 100_000]) {
      const bucket = bucketOf(qps, 5);
      const seconds = Math.ceil(2000 / qps);
      let taken = takeAll(bucket, 0);
      const stepMs = 250 / qps;
      for (let ms = stepMs; ms <= seconds * 1000; ms += stepMs) if (bucket.tryTake(ms)) taken++;
      const expected = 5 + seconds * qps;
      assert.ok(Math.abs(taken - expected) <= 2, `${qps}: ${taken} instead of ${expected}`);
    }
  });

  test('time goes on beyond 2^32 ticks', () => {
    const bucket = bucketOf(1000, 3);
    const wrapMs = 2 ** 32 / 4.096 / 1000;
    const freshenMs = bucket.freshenMs / 4;
    for (let nowMs = 0; nowMs < 3 * wrapMs; nowMs += freshenMs) bucket.freshen(nowMs);
    for (let round = 3; round < 6; round++) {
      const nowMs = round * wrapMs * 1000 + 17;
      bucket.fill(nowMs - 1000);
      bucket.freshen(nowMs - 500);
      assert.equal(takeAll(bucket, nowMs), 3);
      assert.equal(takeAll(bucket, nowMs + 2), 2);
    }
  });

  test('freshening neither gives nor takes', () => {
    const bucket = bucketOf(1, 4);
    assert.equal(bucket.tryTake(0), true);
    assert.equal(bucket.tryTake(0), true);
    bucket.freshen(500);
    assert.equal(takeAll(bucket, 900), 2);
    bucket.freshen(100_000);
    assert.equal(takeAll(bucket, 100_000), 4);
  });

  test('threads that take at once get as many tokens as there are', async () => {
    const tokens = 200_000;
    const threads = 3;
    const memory = new SharedArrayBuffer(BUCKET_WORDS * 4);
    new TokenBucket(new Int32Array(memory), 0, 1e-3, tokens).fill(1000);
    const gate = new SharedArrayBuffer(4);
    const workers = Array.from({ length: threads }, () => {
      return new Worker(new URL('./support/bucket-worker.ts', import.meta.url), {
        workerData: { memory, gate, threads, qps: 1e-3, burst: tokens, nowMs: 1000 },
      });
    });
    const counts = await Promise.all(
      workers.map(async (worker) => {
        const [count] = (await once(worker, 'message')) as [number];
        return count;
      }),
    );
    await Promise.all(workers.map((worker) => worker.terminate()));
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      tokens,
    );
    assert.ok(
      counts.every((count) => count > 0),
      `every thread took part: ${counts.join(', ')}`,
    );
  });
});
