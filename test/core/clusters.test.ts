// Pools over changes of the configuration: who is still served by which, and when one is closed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '#config/load.ts';
import { Clusters, compileTarget, type ClusterSet } from '#core/clusters.ts';
import { BOLT_V1 } from '#core/codec/bolt/types.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { serveBolt } from '#test/simulation/sim-bolt-service.ts';
import { CALM } from '#test/simulation/sim-http-service.ts';
import { FIRST_PORT, PoolBench, type TestTarget } from './upstream/support/pool-bench.ts';

/** A lane's clusters on a simulated network, in front of one Bolt service. */
class Bench extends PoolBench {
  readonly clusters = new Clusters(this.environment, new GatewayCounters());
  readonly service = serveBolt(this.network, FIRST_PORT, BOLT_V1);

  /** Pools for a configuration that differs from others with another `waitMs`. */
  async prepare(waitMs: number): Promise<readonly [ClusterSet, TestTarget]> {
    const hosts = [`first:${FIRST_PORT}`];
    const checked = await checkConfig({
      upstreams: { app: { protocol: 'bolt', hosts, waitMs, connections: 1 } },
      apis: [
        {
          operationType: 'test.call',
          upstream: { service: 'a.B:1.0', method: 'call', codec: 'json' },
        },
      ],
    });
    assert.ok(checked.ok);
    const { config, apis } = checked.snapshot;
    const set = this.clusters.prepare(config);
    return [set, compileTarget(set, apis[0]!) as unknown as TestTarget];
  }
}

test('a pool that comes back into use before it is closed stays open', async () => {
  const bench = new Bench();
  bench.clusters.use((await bench.prepare(1000))[0]);
  // As on a lane with a deep ring: both are prepared before the first one holds.
  const [between] = await bench.prepare(2000);
  const [back, target] = await bench.prepare(1000);
  bench.clusters.use(between);
  bench.clusters.use(back);
  bench.advance(200_000);
  bench.send(target, '"x"');
  bench.advance(1000);
  assert.equal(bench.calls[0]?.end, 'answered');
  bench.clusters.close();
});

test('a replaced pool is closed once nothing is open on it, not before', async () => {
  const bench = new Bench();
  const [first, target] = await bench.prepare(1000);
  bench.clusters.use(first);
  bench.service.chaos = { ...CALM, silence: 1 };
  const call = bench.send(target, '"takes its time"');
  bench.clusters.use((await bench.prepare(2000))[0]);
  bench.advance(100_000);
  assert.equal(call.end, 'open');
  bench.cancel(target, call);
  bench.advance(15_000);
  assert.deepEqual(bench.network.openTo(FIRST_PORT), []);
  bench.clusters.close();
});
