// One run of a generator whose connections carry many requests at a time: connects, sends in a
// closed or an open loop, measures the window, waits for the last answers and says what was found.

import { setTimeout as delay } from 'node:timers/promises';
import type { FlagValues } from '#config/flags.ts';
import { createPeerNetwork, HIGH_WATERMARK_BYTES, HOST } from '../peers/peer-network.ts';
import { announceResult } from '../rig/announce.ts';
import type { LoadConnection, LoadShared } from './load-connection.ts';
import type { LOOP_FLAGS, WINDOW_FLAGS } from './load-flags.ts';
import { OpenLoop } from './open-loop.ts';
import { RandomGaps } from './random-gaps.ts';
import { Tally } from './tally.ts';

/** LIMIT: how long the last answers may take. */
const REST_MS_MAX = 3000;

/** Pause between looks at what is still open. */
const REST_STEP_MS = 5;

const CONNECT_MS_MAX = 5000;

/** A request that is due later than this is waited for by a timer, which is as coarse as 1 ms. */
const TIMER_MS_MIN = 2;

/** Gaps of random arrivals are the same in every run. */
const GAPS_SEED = 20_270_115;

/** Shorter sleeps cost more than they free. */
const NAP_MS_MIN = 0.01;

/** Nobody ever wakes this word: waiting for it is the only sleep below a millisecond. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** What the command line says about the window and the loop. */
type RunFlags = FlagValues<typeof WINDOW_FLAGS> & FlagValues<typeof LOOP_FLAGS>;

/** What generators of different protocols differ in. */
export interface Generator extends Pick<LoadShared, 'frames' | 'expected'> {
  /** @param number of the connection */
  connection(shared: LoadShared, number: number): LoadConnection;
}

/** Runs a generator from its first connection to the line with its result. */
export async function runGenerator(flags: RunFlags, generator: Generator): Promise<void> {
  const tally = new Tally(flags.watch, flags['watch-too']);
  const connections = await connectAll(flags, generator, tally);
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

/** Connections that are ready to send. */
async function connectAll(
  flags: RunFlags,
  generator: Generator,
  tally: Tally,
): Promise<LoadConnection[]> {
  const ready = Promise.withResolvers<void>();
  let missing = flags.connections;
  const shared: LoadShared = {
    frames: generator.frames,
    expected: generator.expected,
    tally,
    isClosedLoop: flags.rate === 0,
    onReady: () => {
      if (--missing === 0) ready.resolve();
    },
  };
  const network = createPeerNetwork(() => tally.complain('gateway does not read'));
  const options = { highWatermarkBytes: HIGH_WATERMARK_BYTES, connectTimeoutMs: CONNECT_MS_MAX };
  const connections = Array.from({ length: flags.connections }, (_, number) => {
    const connection = generator.connection(shared, number);
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
