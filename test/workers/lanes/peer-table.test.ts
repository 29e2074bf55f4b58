// What a lane says late about a connection that is gone must not touch the one that came after it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DownstreamConnection } from '#core/downstream/contract.ts';
import { PeerTable } from '#workers/lanes/peer-table.ts';

function connection(): DownstreamConnection & { brakes: number } {
  const made = {
    brakes: 0,
    pauseReading: () => void made.brakes++,
    resumeReading: () => void made.brakes--,
  };
  return made as unknown as DownstreamConnection & { brakes: number };
}

test('a late word about a connection that is gone does not reach the next one', () => {
  const table = new PeerTable();
  const [first, second] = [connection(), connection()];
  const old = table.add(first);
  table.setPaused(old.index, old.serial, true);
  table.setPaused(old.index, old.serial, true);
  assert.equal(first.brakes, 1, 'paused once');
  table.remove(first);
  const peer = table.add(second);
  assert.equal(peer.index, old.index, 'the index is used again');
  table.setPaused(old.index, old.serial, true);
  assert.equal(second.brakes, 0);
  table.setPaused(peer.index, peer.serial, true);
  table.setPaused(old.index, old.serial, false);
  assert.deepEqual([second.brakes, table.paused().length], [1, 1]);
});
