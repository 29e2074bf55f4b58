// Makes lane 0 with memory that other threads can read, and the pool of the lanes beside it.

import { SlotArena, arenaBytes } from '#core/slot-arena.ts';
import { Lane } from '../lane.ts';
import type { LaneConfig } from '../load-input.ts';
import type { ProcessLog } from '../log.ts';
import { LanePool } from './lane-pool.ts';
import { ACCEPTOR_SLOTS } from './lane-slots.ts';

/** Opens lane 0 and `count` lanes beside it, whose threads are yet to be started. */
export async function openLanes(
  count: number,
  config: LaneConfig,
  log: ProcessLog,
): Promise<{ readonly lane: Lane; readonly pool: LanePool }> {
  const memory = new SharedArrayBuffer(arenaBytes(ACCEPTOR_SLOTS));
  const arena = new SlotArena(ACCEPTOR_SLOTS, memory);
  const lane = await Lane.open({ config, log, arena });
  const { placement, laneHeapMbMax, laneHangMs } = config.config.runtime;
  const pool = new LanePool({
    count,
    placement,
    heapMbMax: laneHeapMbMax,
    hangMs: laneHangMs,
    config,
    lane,
    arena,
    memory,
    clock: lane.clock,
    log,
    role: log.role,
  });
  return { lane, pool };
}
