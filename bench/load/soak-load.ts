// The generator of a soak, a process of its own: mixed traffic at a fixed rate, open loop, every
// answer checked: node bench/load/soak-load.ts --port 8004 --http-port 8003 --session-keys FILE
// Latency counts from the time a request was due. Prints one JSON line with the result.

import { setTimeout as delay } from 'node:timers/promises';
import { defineFlags } from '#config/flags.ts';
import { readOwnFlags } from '../peers/peer-flags.ts';
import { announceResult } from '../rig/announce.ts';
import { Traffic } from '../soak/traffic.ts';
import { SESSION_FLAGS, WINDOW_FLAGS } from './load-flags.ts';
import { createSessions } from './session-pool.ts';
import { Tally } from './tally.ts';

/** LIMIT: requests under way. More: the gateway has stalled, and memory is not without end. */
const OPEN_MAX = 20_000;

/** LIMIT: how long the last answers may take. */
const REST_MS_MAX = 15_000;

/** Pause between looks at what is still open. */
const REST_STEP_MS = 5;

/** Sessions live longer than the run by this. Seconds. */
const SESSION_SPARE_SECONDS = 3600;

const FLAGS = defineFlags([
  ...WINDOW_FLAGS,
  ...SESSION_FLAGS,
  { name: 'http-port', type: 'number', description: 'HTTP port of the gateway.', default: 8003 },
  {
    name: 'rate',
    type: 'number',
    description: 'Requests per second.',
    minimum: 1,
    default: 1000,
  },
]);

/** Starts acts when they are due until it is stopped. */
class Schedule {
  isStopped = false;
  readonly #traffic: Traffic;
  readonly #tally: Tally;
  readonly #gapMs: number;
  readonly #startMs = performance.now();
  #index = 0;

  constructor(traffic: Traffic, tally: Tally, rate: number) {
    this.#traffic = traffic;
    this.#tally = tally;
    this.#gapMs = 1000 / rate;
    this.#turn();
  }

  #turn(): void {
    if (this.isStopped) return;
    const nowMs = performance.now();
    let dueMs = this.#dueMs();
    while (dueMs <= nowMs) {
      if (this.#traffic.open < OPEN_MAX) {
        this.#tally.sent(dueMs, nowMs);
        void this.#traffic.act(this.#index, dueMs);
      } else this.#tally.complain('too many requests without an answer');
      this.#index++;
      dueMs = this.#dueMs();
    }
    setTimeout(() => this.#turn(), Math.max(1, dueMs - nowMs));
  }

  #dueMs(): number {
    return this.#startMs + this.#index * this.#gapMs;
  }
}

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const tally = new Tally(flags.watch);
  const ttl = flags.seconds + flags['warm-up-ms'] / 1000 + SESSION_SPARE_SECONDS;
  const keysFile = flags['session-keys'] ?? '';
  const sessions = createSessions(keysFile, flags.sessions, Math.ceil(ttl));
  const ports = { mmtpPort: flags.port, httpPort: flags['http-port'] };
  const traffic = new Traffic({ ...ports, sessions, tally });
  await traffic.start();
  const schedule = new Schedule(traffic, tally, flags.rate);
  await delay(flags['warm-up-ms']);
  tally.start(performance.now());
  await delay(flags.seconds * 1000);
  const endMs = performance.now();
  tally.end(endMs);
  schedule.isStopped = true;
  while (traffic.open > 0 && performance.now() - endMs < REST_MS_MAX) await delay(REST_STEP_MS);
  const unanswered = traffic.open;
  await traffic.close();
  announceResult({ ...tally.result(unanswered), acts: traffic.counts });
}

await main();
