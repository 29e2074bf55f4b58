// Times one chain of filters in a process of its own, so that no chain runs code that another one
// shaped: node bench/load/filter-load.ts --chain chain-full --session-keys FILE
// A sample is some hundred requests; percentiles are over samples. Prints one JSON line.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { defineFlags } from '#config/flags.ts';
import { loadNative } from '#native/loader.ts';
import { createFilterRun, FULL_CHAIN } from '../cases/filter-cases.ts';
import { readOwnFlags } from '../peers/peer-flags.ts';
import { announceResult } from '../rig/announce.ts';
import { readUsage, usageBetween } from '../rig/process-usage.ts';
import { BATCH } from './filter-stage.ts';
import { POOL_SESSIONS } from './session-pool.ts';
import { curveOf, type LoadResult } from './tally.ts';

/** Batches of a sample: about a millisecond, so that the clock's own steps vanish. */
const SAMPLE_BATCHES = 32;

const FLAGS = defineFlags([
  { name: 'chain', type: 'string', description: 'Chain of filters.', default: FULL_CHAIN },
  {
    name: 'native',
    type: 'string',
    description: 'Kernels: those of the addon, or those in TypeScript.',
    choices: ['on', 'off'],
    default: 'off',
  },
  { name: 'session-keys', type: 'string', description: 'Key file.', default: '' },
  {
    name: 'sessions',
    type: 'number',
    description: 'Distinct sessions.',
    isInteger: true,
    minimum: 1,
    default: POOL_SESSIONS,
  },
  { name: 'seconds', type: 'number', description: 'Window.', minimum: 0.01, default: 1 },
  { name: 'warm-up-ms', type: 'number', description: 'Before it.', minimum: 0, default: 500 },
]);

const US_PER_MS = 1000;

/** Runs samples for `ms`; answers µs per request of each. */
async function sampleFor(ms: number, run: (batches: number) => void): Promise<number[]> {
  const samples: number[] = [];
  const endMs = performance.now() + ms;
  for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
    run(SAMPLE_BATCHES);
    const elapsedMs = performance.now() - nowMs;
    samples.push((elapsedMs * US_PER_MS) / (SAMPLE_BATCHES * BATCH));
    // Timers of the deadlines get their turn between samples, as they do between reads.
    await nextTurn();
  }
  return samples;
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const { kernels } = loadNative(flags.native === 'on' ? 'on' : 'off');
  const { chain, sessions } = flags;
  const run = await createFilterRun({ chain, kernels, sessions, keysFile: flags['session-keys'] });
  const { stage } = run;
  await sampleFor(flags['warm-up-ms'], (batches) => stage.run(batches));
  const before = readUsage(process.pid);
  const startMs = performance.now();
  const startRequests = stage.requests;
  const samples = await sampleFor(flags.seconds * 1000, (batches) => stage.run(batches));
  const seconds = (performance.now() - startMs) / 1000;
  const watched = usageBetween(before, readUsage(process.pid));
  run.check();
  run.close();
  const sorted = samples.toSorted((a, b) => a - b);
  const requests = stage.requests - startRequests;
  const result: LoadResult = {
    requests,
    wrong: stage.wrong,
    unanswered: stage.requests - stage.replies,
    problems: {},
    seconds,
    qps: requests / seconds,
    p50Us: percentile(sorted, 0.5),
    p90Us: percentile(sorted, 0.9),
    p99Us: percentile(sorted, 0.99),
    maxUs: percentile(sorted, 1),
    percentiles: curveOf(sorted.length, (percent) => percentile(sorted, percent / 100)),
    lateP99Us: 0,
    loadCpuUs: 0,
    watched,
  };
  announceResult(result);
}

await main();
