// The Mmtp load generator, a process of its own so that its CPU time is not the gateway's:
//   node bench/load/mmtp-load.ts --port 8004 --operation demo --connections 16 --streams 16
// Closed loop by default; `--rate N` makes it an open loop. Prints one JSON line with the result.

import { setTimeout as delay } from 'node:timers/promises';
import { defineFlags, type FlagValues } from '#config/flags.ts';
import { readOwnFlags, REQUEST_FLAGS } from '../peers/peer-flags.ts';
import { createPeerNetwork, HIGH_WATERMARK_BYTES, HOST } from '../peers/peer-network.ts';
import { TaggedMessage } from '../peers/tagged-message.ts';
import { announceResult } from '../rig/announce.ts';
import { WINDOW_FLAGS } from './load-flags.ts';
import { LoadConnection, type LoadShared } from './mmtp-connection.ts';
import { OpenLoop } from './open-loop.ts';
import { RandomGaps } from './random-gaps.ts';
import { RequestFrames } from './request-frames.ts';
import { createLegacySessions, createSessions } from './session-pool.ts';
import { Tally } from './tally.ts';

/** LIMIT: how long the last answers may take. */
const REST_MS_MAX = 3000;

/** Pause between looks at what is still open. */
const REST_STEP_MS = 5;

const CONNECT_MS_MAX = 5000;

/** A request that is due later than this is waited for by a timer, which is as coarse as 1 ms. */
const TIMER_MS_MIN = 2;

/**
 * Longest sleep between two looks at the sockets, unless told otherwise: the error that it may add
 * to a latency, and the system adds its own. Without any sleep a generator would keep a service
 * from the core that they share, for milliseconds; with a core of its own it need not sleep.
 */
const NAP_US_MAX = 50;

/** Gaps of random arrivals are the same in every run. */
const GAPS_SEED = 20_270_115;

/** Shorter sleeps cost more than they free. */
const NAP_MS_MIN = 0.01;

/** Nobody ever wakes this word: waiting for it is the only sleep below a millisecond. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

const FLAGS = defineFlags([
  ...WINDOW_FLAGS,
  ...REQUEST_FLAGS,
  { name: 'operation', type: 'string', description: 'Operation type.', default: 'bench.call' },
  {
    name: 'streams',
    type: 'number',
    description: 'Requests open on one connection; in an open loop the most there may be.',
    isInteger: true,
    minimum: 1,
    maximum: 4096,
    default: 1,
  },
  {
    name: 'session-form',
    type: 'string',
    description: 'Form of the sessions.',
    choices: ['compact', 'legacy'],
    default: 'compact',
  },
  {
    name: 'rate',
    type: 'number',
    description: 'Open loop: requests per second over all connections; 0: closed loop.',
    minimum: 0,
    default: 0,
  },
  {
    name: 'arrivals',
    type: 'string',
    description: 'Open loop: at an even pace, or at random as of users who do not take turns.',
    choices: ['even', 'random'],
    default: 'even',
  },
  {
    name: 'nap-us',
    type: 'number',
    description: 'Open loop: longest sleep between two looks at the sockets, µs; 0: never sleeps.',
    minimum: 0,
    maximum: 1000,
    default: NAP_US_MAX,
  },
]);

type Flags = FlagValues<typeof FLAGS>;

/** Connections that are accepted and ready to send. */
async function connectAll(flags: Flags, tally: Tally): Promise<LoadConnection[]> {
  const format = flags.format === 'protobuf' ? 'protobuf' : 'json';
  const keysFile = flags['session-keys'];
  const create = flags['session-form'] === 'legacy' ? createLegacySessions : createSessions;
  const ready = Promise.withResolvers<void>();
  let missing = flags.connections;
  const shared: LoadShared = {
    frames: new RequestFrames({
      operationType: flags.operation,
      sessions: keysFile === undefined ? [] : create(keysFile, flags.sessions),
      format,
      bodyBytes: flags['request-bytes'],
    }),
    expected: new TaggedMessage(format, flags['response-bytes']),
    tally,
    isClosedLoop: flags.rate === 0,
    onReady: () => {
      if (--missing === 0) ready.resolve();
    },
  };
  const network = createPeerNetwork(() => tally.complain('gateway does not read'));
  const options = { highWatermarkBytes: HIGH_WATERMARK_BYTES, connectTimeoutMs: CONNECT_MS_MAX };
  const connections = Array.from({ length: flags.connections }, (_, number) => {
    const connection = new LoadConnection(shared, number, flags.streams);
    network.connect({ host: HOST, port: flags.port }, options, connection, (transport) =>
      connection.opened(transport),
    );
    return connection;
  });
  await Promise.race([ready.promise, delay(CONNECT_MS_MAX, undefined, { ref: false })]);
  if (missing > 0) throw new Error(`${missing} connections to port ${flags.port} are not ready`);
  return connections;
}

/** Turns the loop until all that is due was sent. @param napMs longest sleep; 0: none */
function turn(loop: OpenLoop, napMs: number): void {
  const nowMs = performance.now();
  loop.pump(nowMs);
  if (loop.isDone) return;
  const restMs = loop.nextMs - nowMs;
  if (restMs > TIMER_MS_MIN) {
    setTimeout(turn, restMs - TIMER_MS_MIN, loop, napMs);
    return;
  }
  if (napMs > 0 && restMs > NAP_MS_MIN) Atomics.wait(NEVER, 0, 0, Math.min(restMs, napMs));
  setImmediate(turn, loop, napMs);
}

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const tally = new Tally(flags.watch, flags['watch-too']);
  const connections = await connectAll(flags, tally);
  const startMs = performance.now();
  const gaps = flags.arrivals === 'random' ? new RandomGaps(GAPS_SEED) : null;
  const { rate } = flags;
  const loop = rate === 0 ? null : new OpenLoop(connections, tally, rate, startMs, gaps);
  if (loop === null) for (const connection of connections) connection.fill(startMs);
  else turn(loop, flags['nap-us'] / 1000);
  await delay(flags['warm-up-ms']);
  tally.start(performance.now());
  await delay(flags.seconds * 1000);
  const endMs = performance.now();
  loop?.stopAt(endMs);
  for (const connection of connections) connection.isSending = false;
  tally.end(endMs);
  const open = () => connections.reduce((sum, { streams }) => sum + streams.count, 0);
  const hasMore = () => open() > 0 || loop?.isDone === false;
  while (hasMore() && performance.now() - endMs < REST_MS_MAX) await delay(REST_STEP_MS);
  announceResult(tally.result(open() + (loop?.unsent ?? 0)));
  for (const connection of connections) connection.end();
}

await main();
