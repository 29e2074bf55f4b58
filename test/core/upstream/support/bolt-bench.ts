// A Bolt pool for tests on a simulated network.

import { BOLT_V2_CRC, Codec } from '#core/codec/bolt/types.ts';
import type { BoltSettings } from '#core/upstream/bolt/bolt-connection.ts';
import { BoltPool } from '#core/upstream/bolt/bolt-pool.ts';
import { BoltTarget } from '#core/upstream/bolt/bolt-target.ts';
import { FIRST_PORT, type PoolBench } from './pool-bench.ts';

/** Connections per host unless a test says otherwise. */
export const CONNECTIONS = 2;
export const FORM = BOLT_V2_CRC;

/** A pool on the network of `bench`, and a target in front of it. */
export function makePool(
  bench: PoolBench,
  change: Partial<BoltSettings> = {},
): {
  readonly pool: BoltPool;
  readonly target: BoltTarget;
} {
  const settings = {
    ...bench.settings(),
    connections: CONNECTIONS,
    form: FORM,
    heartbeatMs: 15_000,
    heartbeatMissesMax: 3,
    stallMs: 5000,
    ...change,
  };
  const pool = new BoltPool(settings, bench.environment);
  const target = new BoltTarget(pool, {
    operationType: 'test.call',
    service: 'com.test.Service:1.0',
    method: 'call',
    codec: Codec.hessian,
    form: settings.form,
    addedHeaders: [],
    forwardedHeaders: [],
  });
  return { pool, target };
}

/** A change of the settings: one host. */
export const FIRST_ONLY = { hosts: [{ host: 'first', port: FIRST_PORT }] };
