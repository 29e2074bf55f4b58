// Scenes that tests of the driver begin with: one scripted filter, one client, one service.

import assert from 'node:assert/strict';
import type { Exchange } from '#core/pipeline/exchange.ts';
import type { Phase } from '#core/pipeline/filter.ts';
import { DriverBench, FakeDownstream } from './fakes.ts';
import { ScriptFilter } from './script-filter.ts';

/** Phases before the service. */
export const REQUEST_PHASES = ['requestHead', 'requestBody', 'routed'] as const;

/** Phases after it. */
export const RESPONSE_PHASES = ['responseHead', 'responseBody'] as const;

/** Phases in which a filter may answer or pause. */
export const WAITING_PHASES = [...REQUEST_PHASES, ...RESPONSE_PHASES];

/** Deadline of requests. Ms. */
export const TIMEOUT_MS = 3000;

/** Who takes part. */
export interface Scene {
  readonly filter: ScriptFilter;
  readonly bench: DriverBench;
  readonly client: FakeDownstream;
}

/** A filter with all phases. */
export function scene(overrides: ConstructorParameters<typeof DriverBench>[1] = {}): Scene {
  const filter = new ScriptFilter();
  const bench = new DriverBench([filter.factory], overrides);
  return { filter, bench, client: new FakeDownstream() };
}

/** A scene whose filter lets answers be streamed: it does not want the whole body. */
export function streamScene(): Scene {
  const phases: readonly Phase[] = ['requestHead', 'responseHead', 'complete'];
  const filter = new ScriptFilter('script', phases);
  return { filter, bench: new DriverBench([filter.factory]), client: new FakeDownstream() };
}

/** Runs a request up to the pause of its filter in `phase`. */
export function pauseIn({ filter, bench, client }: Scene, phase: Phase): Exchange {
  filter.actions.set(phase, 'pause');
  const exchange = bench.call(client);
  if ((RESPONSE_PHASES as readonly Phase[]).includes(phase)) bench.answer(exchange);
  assert.equal(exchange.isPaused, true);
  filter.actions.delete(phase);
  return exchange;
}
