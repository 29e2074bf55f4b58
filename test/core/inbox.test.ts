// Unconsumed input in all of its places: whatever a connection reads and uses, it sees its bytes in
// order, and bytes that a record refers to stay as they are until the record was read.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Inbox } from '#core/inbox.ts';
import { arenaBytes, SlotArena, type Slot, type SlotClass } from '#core/slot-arena.ts';

const SMALL = 16 * 1024;
const LARGE = 64 * 1024;
const CLASSES: readonly SlotClass[] = [
  { bytes: SMALL, count: 3 },
  { bytes: LARGE, count: 2 },
];

/** One connection whose peer sends 0, 1, 2 ... 250, 0, 1 ... */
class Peer {
  readonly inbox: Inbox;
  readonly arena: SlotArena;
  #view: Buffer | undefined;
  #sent = 0;
  #used = 0;

  constructor(arena: SlotArena) {
    this.arena = arena;
    this.inbox = new Inbox(arena);
  }

  /** The kernel writes up to `count` bytes where the inbox wants them. @returns bytes read */
  read(count: number): number {
    this.#view = this.inbox.nextView() ?? this.#view;
    const view = this.#view!;
    const length = Math.min(count, view.length);
    for (let i = 0; i < length; i++) view[i] = this.#sent++ % 251;
    this.inbox.landed(length);
    return length;
  }

  /** The handler looks at everything and uses the first `count` bytes. */
  use(count: number): void {
    const { bytes, start, end } = this.inbox;
    for (let at = start; at < end; at++) {
      if (bytes[at] !== (this.#used + at - start) % 251) assert.fail(`wrong byte at ${at - start}`);
    }
    const length = Math.min(count, this.inbox.length);
    this.#used += length;
    this.inbox.consume(length);
  }

  /** The slot that the unconsumed bytes begin in. */
  get slot(): Slot | null {
    const { bytes, start } = this.inbox;
    return bytes === this.arena.bytes ? this.arena.slotAt(start) : null;
  }
}

function sharingArena(): SlotArena {
  const arena = new SlotArena(CLASSES);
  arena.isSharing = true;
  return arena;
}

/** A connection that has read enough to have a slot. */
function busyPeer(arena: SlotArena): Peer {
  const peer = new Peer(arena);
  for (let i = 0; i < 2; i++) {
    peer.read(10);
    peer.use(10);
    peer.inbox.settle();
  }
  return peer;
}

describe('Inbox', () => {
  test('without sharing everything lands in the landing, and only rests are kept', () => {
    const peer = new Peer(new SlotArena(CLASSES));
    const { landing } = peer.arena;
    for (let i = 0; i < 5; i++) {
      peer.read(100);
      assert.equal(peer.inbox.bytes, peer.arena.bytes);
      peer.use(100);
      peer.inbox.settle();
      assert.equal(peer.inbox.nextView(), undefined, 'the landing, as before');
    }
    peer.read(100);
    peer.use(60);
    peer.inbox.settle();
    landing.fill(255);
    assert.equal(peer.inbox.length, 40);
    peer.use(0);
    peer.read(100);
    peer.use(140);
    peer.inbox.settle();
    assert.equal(peer.inbox.length, 0);
    assert.equal(peer.arena.freeSlots, 5);
  });

  test('a busy connection gets a slot, a quiet one does not', () => {
    const arena = sharingArena();
    const quiet = new Peer(arena);
    for (let epoch = 1; epoch < 5; epoch++) {
      arena.epoch = epoch;
      quiet.read(10);
      quiet.use(10);
      quiet.inbox.settle();
    }
    assert.equal(arena.freeSlots, 5);
    busyPeer(arena);
    assert.equal(arena.freeSlots, 4);
  });

  test('the next read lands behind a unit that is not whole: it needs no copy', () => {
    const peer = busyPeer(sharingArena());
    peer.read(100);
    const { start } = peer.inbox;
    peer.inbox.settle();
    peer.read(100);
    assert.deepEqual([peer.inbox.start, peer.inbox.length], [start, 200]);
    peer.use(200);
  });

  test('what a record refers to is not read over, and is free once it was read', () => {
    const arena = sharingArena();
    const peer = busyPeer(arena);
    peer.read(1000);
    const slot = peer.slot!;
    const { start } = peer.inbox;
    const before = Buffer.from(arena.bytes.subarray(start, start + 1000));
    arena.refer(slot);
    peer.use(1000);
    peer.inbox.settle();
    for (let i = 0; i < 30; i++) {
      peer.read(1000);
      peer.use(1000);
      peer.inbox.settle();
    }
    assert.notEqual(peer.slot, slot);
    assert.deepEqual(arena.bytes.subarray(start, start + 1000), before);
    const free = arena.freeSlots;
    arena.release(slot);
    assert.equal(arena.freeSlots, free + 1);
  });

  test('full reads get a larger slot', () => {
    const peer = busyPeer(sharingArena());
    peer.read(LARGE);
    peer.use(LARGE);
    peer.inbox.settle();
    assert.equal(peer.read(LARGE), LARGE);
  });

  test('a unit that no slot holds goes to the heap, and the slot to others', () => {
    const arena = sharingArena();
    const peer = busyPeer(arena);
    for (let i = 0; i < 40; i++) {
      peer.read(16_000);
      peer.inbox.settle();
    }
    assert.equal(arena.freeSlots, 5);
    peer.use(Infinity);
  });

  test('without a free slot a connection reads like others', () => {
    const arena = sharingArena();
    const taken = [1, 1, 1, LARGE, LARGE].map((bytes) => arena.acquire(bytes)!);
    const peer = busyPeer(arena);
    peer.read(500);
    peer.use(100);
    peer.inbox.settle();
    assert.equal(peer.slot, null);
    for (const slot of taken) arena.drop(slot);
    peer.read(10);
    peer.inbox.settle();
    assert.notEqual(peer.slot, null, 'there is one now: what was kept moves into it');
    peer.use(Infinity);
  });

  test('gives its slot back when sharing ends, and when the connection does', () => {
    const arena = sharingArena();
    const [one, two] = [busyPeer(arena), busyPeer(arena)];
    two.inbox.release();
    assert.equal(arena.freeSlots, 4);
    arena.isSharing = false;
    one.read(10);
    one.use(10);
    one.inbox.settle();
    assert.equal(arena.freeSlots, 5);
    one.read(10);
    one.use(10);
  });

  test('property: bytes come in order, referred ones stay, and no slot is lost', () => {
    const step = fc.record({
      peer: fc.nat({ max: 3 }),
      bytes: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 40_000 })),
      usedShare: fc.constantFrom(0, 0.3, 0.9, 1, 1),
      refers: fc.boolean(),
      releases: fc.nat({ max: 3 }),
      sharing: fc.constantFrom(true, true, true, true, false),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const arena = new SlotArena(CLASSES, new SharedArrayBuffer(arenaBytes(CLASSES)));
        const peers = Array.from({ length: 4 }, () => new Peer(arena));
        const records: { slot: Slot; at: number; bytes: Buffer }[] = [];
        for (const { peer: index, bytes, usedShare, refers, releases, sharing } of steps) {
          const peer = peers[index]!;
          arena.isSharing = sharing;
          peer.read(bytes + 1);
          const { slot } = peer;
          if (refers && slot !== null && records.length < 8) {
            const { start, end } = peer.inbox;
            const at = start;
            arena.refer(slot);
            records.push({ slot, at, bytes: Buffer.from(arena.bytes.subarray(at, end)) });
          }
          peer.use(Math.floor(peer.inbox.length * usedShare));
          peer.inbox.settle();
          for (let i = 0; i < releases && records.length > 0; i++) release(arena, records);
        }
        while (records.length > 0) release(arena, records);
        for (const { inbox } of peers) inbox.release();
        assert.equal(arena.freeSlots, 5);
      }),
      { numRuns: 200 },
    );
  });
});

function release(arena: SlotArena, records: { slot: Slot; at: number; bytes: Buffer }[]): void {
  const { slot, at, bytes } = records.shift()!;
  assert.ok(arena.bytes.subarray(at, at + bytes.length).equals(bytes), 'a record kept its bytes');
  arena.release(slot);
}

test('memory that is kept follows what is left, not what has been there', () => {
  const peer = new Peer(new SlotArena([]));
  for (let read = 0; read < 2_000_000;) {
    read += peer.read(200_000);
    peer.inbox.settle();
  }
  assert.equal(peer.inbox.keptBytes, 2 * 1024 * 1024);
  peer.use(peer.inbox.length - 100);
  peer.inbox.settle();
  assert.equal(peer.inbox.keptBytes, 4096);
  peer.use(100);
  peer.inbox.settle();
  assert.equal(peer.inbox.keptBytes, 0);
});
