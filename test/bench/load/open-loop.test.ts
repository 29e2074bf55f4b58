// The open loop keeps its pace whatever the answers do, and a stall shows in full.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { OpenLoop, type OpenLoopSender } from '#bench/load/open-loop.ts';
import { RandomGaps } from '#bench/load/random-gaps.ts';

class FakeSender implements OpenLoopSender {
  readonly streams: { count: number; streamsMax: number };
  readonly dues: number[] = [];

  constructor(streamsMax: number) {
    this.streams = { count: 0, streamsMax };
  }

  send(dueMs: number): void {
    this.dues.push(dueMs);
    this.streams.count++;
  }
}

const ignore = { sent: () => {} };

describe('OpenLoop', () => {
  test('due times do not depend on when the loop turns', () => {
    const turns = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(turns, fc.integer({ min: 1, max: 5 }), (gaps, connections) => {
        const senders = Array.from({ length: connections }, () => new FakeSender(10_000));
        const loop = new OpenLoop(senders, ignore, 1000, 0);
        let nowMs = 0;
        for (const gap of gaps) loop.pump((nowMs += gap));
        const dues = senders.flatMap((sender) => sender.dues).toSorted((a, b) => a - b);
        assert.deepEqual(
          dues,
          Array.from({ length: Math.floor(nowMs) + 1 }, (_, index) => index),
        );
        const counts = senders.map((sender) => sender.dues.length);
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, 'connections take turns');
      }),
    );
  });

  test('requests that found no stream keep their due time', () => {
    const sender = new FakeSender(2);
    const late: number[] = [];
    const tally = { sent: (dueMs: number, nowMs: number) => void late.push(nowMs - dueMs) };
    const loop = new OpenLoop([sender], tally, 1000, 0);
    loop.pump(5);
    assert.deepEqual(sender.dues, [0, 1]);
    sender.streams.count = 0;
    loop.pump(100);
    assert.deepEqual(sender.dues, [0, 1, 2, 3]);
    assert.deepEqual(late, [5, 4, 98, 97]);
  });

  test('random gaps have the rate asked for and do not depend on turns', () => {
    const duesOf = (stepMs: number): number[] => {
      const sender = new FakeSender(100_000);
      const loop = new OpenLoop([sender], ignore, 1000, 0, new RandomGaps(7));
      for (let nowMs = 0; nowMs <= 10_000; nowMs += stepMs) loop.pump(nowMs);
      return sender.dues;
    };
    const dues = duesOf(10);
    assert.ok(Math.abs(dues.length - 10_000) < 400, `${dues.length} requests instead of 10,000`);
    assert.deepEqual(duesOf(2), dues);
    const gaps = dues.slice(1).map((due, index) => due - dues[index]!);
    // Of a Poisson process: 1 - 1/e of the gaps are below the mean one.
    const isShort = gaps.filter((gap) => gap < 1).length / gaps.length;
    assert.ok(Math.abs(isShort - 0.632) < 0.03, `${isShort} of the gaps are short`);
  });

  test('is done when all requests due before the end were sent', () => {
    const sender = new FakeSender(3);
    const loop = new OpenLoop([sender], ignore, 1000, 0);
    loop.stopAt(5);
    loop.pump(50);
    assert.equal(loop.isDone, false);
    assert.equal(loop.unsent, 2);
    sender.streams.count = 0;
    loop.pump(51);
    assert.equal(loop.isDone, true);
    assert.equal(loop.unsent, 0);
    assert.deepEqual(sender.dues, [0, 1, 2, 3, 4]);
  });
});
