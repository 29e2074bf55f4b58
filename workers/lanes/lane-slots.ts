// How large the shared arenas are. Pages that nothing was read into take no memory.

import type { SlotClass } from '#core/slot-arena.ts';

const KIB = 1024;

/** LIMIT: 12 MiB of slots for requests: what clients sent and lanes have not taken. */
export const ACCEPTOR_SLOTS: readonly SlotClass[] = [
  { bytes: 16 * KIB, count: 128 },
  { bytes: 64 * KIB, count: 64 },
  { bytes: 256 * KIB, count: 24 },
];

/** LIMIT: 8 MiB of slots for answers of one lane: what the acceptor has not taken. */
export const LANE_SLOTS: readonly SlotClass[] = [
  { bytes: 16 * KIB, count: 128 },
  { bytes: 64 * KIB, count: 32 },
  { bytes: 256 * KIB, count: 16 },
];

/** Large slots of the acceptor's arena that are kept for copies. */
export const ACCEPTOR_SPILL_SLOTS = 8;

/** LIMIT: larger requests run inline: several must fit into the slots kept for copies. Bytes. */
export const REMOTE_REQUEST_BYTES_MAX = 128 * KIB;
