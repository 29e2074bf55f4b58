// The memory that the acceptor shares with one lane: control words and two rings. Everything about
// it that both sides must agree on stands here and nowhere else.
//
//   word   0        16        32         48      64       80        96      112      128
//        ┌────────┬─────────┬──────────┬───────┬────────┬─────────┬───────┬────────┬──────────┐
//        │version │ request │ request  │request│ lane   │response │respon.│acceptor│ lane     │
//        │        │ written │ claimed  │ read  │ sleeps │ written │ read  │ sleeps │heartbeat │
//        └────────┴─────────┴──────────┴───────┴────────┴─────────┴───────┴────────┴──────────┘
//   set by  both    acceptor   lane       lane    lane     lane     acceptor acceptor  lane
//
//   144: lane wants room (set by the lane) · 160: acceptor wants room (set by the acceptor)
//
// SAFETY: every word has one writer, and none shares a cache line with a word of another writer.
// Positions count words of a ring and only grow, modulo 2^32; a record is published by storing the
// position behind it, and its memory is free again once the reader has stored a position behind it.
// `Atomics` makes both stores visible after the plain ones before them.

/** Changes whenever anything in this file does: both sides must have been built from the same. */
export const LAYOUT_VERSION = 1;

/** Words per cache line of 64 bytes. */
const LINE_WORDS = 16;

/** Control words. */
export const Control = {
  version: 0,
  requestsWritten: LINE_WORDS,
  /** Records before it may have been run; those behind it certainly were not. */
  requestsClaimed: 2 * LINE_WORDS,
  requestsRead: 3 * LINE_WORDS,
  /** Odd: the side sleeps, and wants to be woken. One more for every change. */
  laneSleeps: 4 * LINE_WORDS,
  responsesWritten: 5 * LINE_WORDS,
  responsesRead: 6 * LINE_WORDS,
  acceptorSleeps: 7 * LINE_WORDS,
  /** Moved on by a timer of the lane: a lane whose loop hangs does not. */
  heartbeat: 8 * LINE_WORDS,
  /** 1: the side has something to write and found no room: it is to be woken when there is some. */
  laneWantsRoom: 9 * LINE_WORDS,
  acceptorWantsRoom: 10 * LINE_WORDS,
} as const;

/** How each side sleeps. */
export const LANE_SLEEP = {
  sleeps: Control.laneSleeps,
  wantsRoom: Control.laneWantsRoom,
} as const;
export const ACCEPTOR_SLEEP = {
  sleeps: Control.acceptorSleeps,
  wantsRoom: Control.acceptorWantsRoom,
} as const;

const CONTROL_WORDS = 11 * LINE_WORDS;

/** LIMIT: words of one ring, a power of two: room for about 1,500 requests with some headers. */
const RING_WORDS = 1 << 16;

const WORD_BYTES = 4;

/** The two rings, for `ring.ts`. */
export const REQUEST_RING = {
  base: CONTROL_WORDS,
  size: RING_WORDS,
  written: Control.requestsWritten,
  read: Control.requestsRead,
} as const;
export const RESPONSE_RING = {
  base: CONTROL_WORDS + RING_WORDS,
  size: RING_WORDS,
  written: Control.responsesWritten,
  read: Control.responsesRead,
} as const;

/** Kinds of records that the acceptor writes. */
export const RequestKind = {
  /** Fills the rest of the ring: the next record is at its beginning. */
  wrap: 0,
  /** A whole request. */
  request: 1,
  /** The head of a request whose body follows. */
  begin: 2,
  /** That body. */
  body: 3,
  /** The client took the request back, or is gone. */
  abort: 4,
  /** The request broke a rule: it ends with the error named. */
  refuse: 5,
  /** The client has taken so much of a streamed answer. */
  taken: 6,
  /** A client connection that requests may name from now on. */
  peer: 7,
  peerGone: 8,
  /** The configuration that was prepared holds for every request behind this record. */
  commit: 9,
  /** A request that is to be refused by the next record about it: nothing of it runs. */
  open: 10,
} as const;

/** Kinds of records that a lane writes. */
export const ResponseKind = {
  wrap: 0,
  /** A whole answer. */
  reply: 1,
  /** The head of an answer that is streamed. */
  head: 2,
  /** A piece of its body. */
  piece: 3,
  /** Its end. */
  end: 4,
  /** A piece of a whole answer that is too large for one record; the rest follows. */
  part: 5,
  /** Reading from a client must stop: it feeds a service that does not keep up. */
  pause: 6,
  resume: 7,
} as const;

/** What one lane and the acceptor share; other threads can be sent it. */
export interface LaneMemory {
  readonly rings: SharedArrayBuffer;
  /** The acceptor's arena: requests. All lanes have the same. */
  readonly requests: SharedArrayBuffer;
  /** The lane's arena: answers. */
  readonly responses: SharedArrayBuffer;
}

/** Zeroed memory for the rings of one lane. */
export function createRings(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((CONTROL_WORDS + 2 * RING_WORDS) * WORD_BYTES);
  new Int32Array(memory)[Control.version] = LAYOUT_VERSION;
  return memory;
}

/** The words of `memory`; throws when it was laid out by another version. */
export function ringWords(memory: SharedArrayBuffer): Int32Array {
  const words = new Int32Array(memory);
  const version = words[Control.version];
  if (version !== LAYOUT_VERSION || words.length !== CONTROL_WORDS + 2 * RING_WORDS) {
    throw new Error(`Lane memory has layout ${version}; this code has ${LAYOUT_VERSION}`);
  }
  return words;
}
