// Open streams of a generator against a plain map.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { OpenStreams } from '#bench/load/open-streams.ts';

describe('OpenStreams', () => {
  test('gives odd ids upwards and takes each exactly once, in any order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat(), { maxLength: 200 }),
        (streamsMax, picks) => {
          const streams = new OpenStreams(streamsMax);
          const open = new Map<number, { readonly dueMs: number; readonly tag: number }>();
          let lastId = -1;
          for (const [step, pick] of picks.entries()) {
            if (open.size < streamsMax && pick % 2 === 0) {
              const id = streams.open(step, pick);
              assert.equal(id % 2, 1);
              assert.ok(id > lastId);
              lastId = id;
              open.set(id, { dueMs: step, tag: pick });
            } else if (open.size > 0) {
              const [id, entry] = [...open][pick % open.size]!;
              assert.equal(streams.tryTake(id), true);
              assert.deepEqual({ dueMs: streams.dueMs, tag: streams.tag }, entry);
              assert.equal(streams.tryTake(id), false);
              open.delete(id);
            }
            assert.equal(streams.count, open.size);
          }
        },
      ),
    );
  });

  test('does not know ids that nobody opened', () => {
    const streams = new OpenStreams(4);
    streams.open(0, 0);
    for (const id of [0, 2, 3, 33, 0x7fff_ffff]) assert.equal(streams.tryTake(id), false);
  });
});
