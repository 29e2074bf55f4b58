// Lanes of a running gateway: they die under load in every way that a thread can die, and are
// replaced; configurations, limits, repeated requests and drains hold across all of them.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { startGateway, type ConfigValue, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf } from './http-wire.ts';
import { LaneBench } from './lane-support.ts';
import { Service } from './service.ts';
import { until, within } from './wait.ts';

const LOST = 5000;
const OK = 1000;

/** Ways to end a thread from within. */
const KILLERS = `
export const filters = [{
  name: 'killer',
  maturity: 'beta',
  phases: ['requestBody'],
  create: ({ api }) => {
    const deeds = {
      throws: () => setImmediate(() => { throw new Error('thrown on purpose'); }),
      hangs: () => { for (;;); },
      eats: () => { const kept = []; for (;;) kept.push(new Array(1e5).fill({})); },
    };
    const deed = deeds[api.operationType];
    return deed === undefined ? null : { requestBody() { deed(); return 0; } };
  },
}];`;

const bench = new LaneBench(['echo', 'throws', 'hangs', 'eats']);
const killers = join(bench.directory, 'killers.mjs');

before(() => writeFileSync(killers, KILLERS));

/** Calls over several connections until it is stopped; every call must have exactly one answer. */
class Load {
  readonly codes = new Map<number, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  /** Answers by result code. */
  count(code: number): number {
    return this.codes.get(code) ?? 0;
  }

  get total(): number {
    return [...this.codes.values()].reduce((sum, count) => sum + count, 0);
  }

  async start(port: number, connections: number, streams: number): Promise<this> {
    for (let c = 0; c < connections; c++) {
      const client = await connectMmtp({ port });
      const streamsDone = Array.from({ length: streams }, (_, s) => this.#call(client, c, s));
      this.#running.push(Promise.all(streamsDone).then(() => client.close()));
    }
    return this;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await within(Promise.all(this.#running), 'every call is answered');
  }

  async #call(
    client: Awaited<ReturnType<typeof connectMmtp>>,
    c: number,
    s: number,
  ): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const text = `${c}.${s}.${n}`;
      const { resultCode, body } = await client.call('echo', text);
      if (resultCode === OK) assert.equal(body.toString(), text);
      this.codes.set(resultCode, this.count(resultCode) + 1);
    }
  }
}

async function lanesOf({ acceptor }: TestGateway) {
  return acceptor.pool!.status();
}

describe('a lane that dies under load', () => {
  const ways: readonly (readonly [string, ConfigValue, (gateway: TestGateway) => void])[] = [
    ['ended from outside', {}, ({ acceptor }) => acceptor.pool!.kill(1)],
    ['by an exception', {}, (gateway) => void callOnce(gateway.httpPort, callBytes('throws'))],
    [
      'by its memory limit',
      { laneHeapMbMax: 32 },
      (gateway) => void callOnce(gateway.httpPort, callBytes('eats')),
    ],
    [
      'because it hangs',
      { laneHangMs: 500 },
      (gateway) => void callOnce(gateway.httpPort, callBytes('hangs')),
    ],
  ];
  for (const [name, runtime, kill] of ways) {
    test(`${name}: is replaced, its requests are answered once`, async (t) => {
      const filters = { modules: [killers] };
      const gateway = await bench.gateway(t, { workers: 1, ...runtime }, { filters });
      const load = await new Load().start(gateway.mmtpPort, 4, 16);
      await until(() => load.total > 500, 'load runs');
      kill(gateway);
      const { counters } = gateway.acceptor;
      await until(() => counters.lanesLost > 0, 'the lane is dead', 20_000);
      const deadAtMs = performance.now();
      const before = load.count(OK);
      await until(() => load.count(OK) > before + 500, 'requests are run again');
      const backMs = performance.now() - deadAtMs;
      await load.stop();
      const [lane] = await lanesOf(gateway);
      assert.equal(lane?.starts, 2);
      assert.deepEqual([...load.codes.keys()].sort(), load.count(LOST) > 0 ? [OK, LOST] : [OK]);
      // Those that the lane had, and the one that killed it.
      assert.ok(load.count(LOST) <= 64, `${load.count(LOST)} were lost`);
      assert.equal(gateway.openCount, 0);
      t.diagnostic(
        `back after ${Math.round(backMs)} ms, ${load.count(LOST)} of 64 lost, ` +
          `${counters.laneRequestsLost} counted`,
      );
    });
  }

  test('leaves what it has counted, and nothing that is open', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    for (let i = 0; i < 50; i++) assert.equal((await client.call('echo', 'x')).resultCode, OK);
    const before = await gateway.counted();
    assert.equal(before.exchangesStarted, 50);
    const { counters, pool } = gateway.acceptor;
    pool!.kill(1);
    await until(() => counters.lanesLost === 1, 'the lane is dead');
    await until(() => pool!.dispatcher.links[0] !== null, 'the lane is replaced');
    const after = await gateway.acceptor.totals();
    assert.equal(after.counters.exchangesStarted, 50);
    assert.equal(after.counters.exchangesCompleted, 50);
    assert.equal(after.counters.upstream('app').requestsSent, 50);
    assert.equal(after.counters.upstream('app').connectionsOpen, 0);
    assert.equal(
      after.stats.summaries().find(({ operationType }) => operationType === 'echo')?.requests,
      50,
    );
    for (let i = 0; i < 10; i++) assert.equal((await client.call('echo', 'x')).resultCode, OK);
    assert.equal((await gateway.counted()).exchangesCompleted, 60);
    await client.close();
  });

  test('a new one serves within a second, one time of three at least', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1 });
    const pool = gateway.acceptor.pool!;
    const times: number[] = [];
    for (let starts = 2; starts <= 4; starts++) {
      const startedMs = performance.now();
      pool.kill(1);
      for (let isBack = false; !isBack;) {
        await turn();
        const [lane] = await pool.status();
        isBack = lane?.starts === starts && lane.isServing;
      }
      times.push(Math.round(performance.now() - startedMs));
      assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('echo', 'x'))), OK);
    }
    t.diagnostic(`${times.join(', ')} ms`);
    assert.ok(Math.min(...times) < 1000, `${times.join(', ')} ms`);
  });

  test('others go on: nothing of a lane beside it is lost', async (t) => {
    const gateway = await bench.gateway(t, { workers: 2 });
    const load = await new Load().start(gateway.mmtpPort, 4, 16);
    await until(() => load.total > 500, 'load runs');
    const before = await lanesOf(gateway);
    gateway.acceptor.pool!.kill(1);
    const at = load.total;
    await until(() => load.total > at + 2000, 'load goes on');
    await load.stop();
    const [first, second] = await lanesOf(gateway);
    assert.deepEqual([first?.starts, second?.starts], [2, 1]);
    assert.ok(before.every(({ report }) => report!.counters.own['exchangesCompleted']! > 0));
    assert.ok(load.count(LOST) < 64, 'at most what the dead lane had');
  });

  test('one that cannot live is started ever more slowly; requests run inline', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1 });
    const pool = gateway.acceptor.pool!;
    for (let i = 0; i < 4; i++) {
      pool.kill(1);
      await until(() => gateway.acceptor.counters.lanesLost > i, 'it is dead');
      assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('echo', 'x'))), OK);
      if (i < 3) await until(() => pool.dispatcher.links[0] !== null, 'it is back');
    }
  });
});

describe('all lanes together', () => {
  /** The revision is in a header that the configuration adds. */
  function revisionConfig(revision: number): ConfigValue {
    const headers = { response: { add: { 'X-Revision': String(revision) }, remove: [] } };
    return {
      revision,
      runtime: { placement: 'pool', workers: 2 },
      upstreams: { app: { protocol: 'http', hosts: [bench.service.host] } },
      apis: [{ operationType: 'echo', headers }],
    };
  }

  test('change their configuration at one request: none behind it has the old one', async (t) => {
    const gateway = await startGateway(revisionConfig(1));
    t.after(() => gateway.stop());
    const client = await connectMmtp({ port: gateway.mmtpPort });
    const calls: Promise<number>[] = [];
    const over = new AbortController();
    const sending = (async () => {
      while (!over.signal.aborted) {
        for (let i = 0; i < 20; i++) {
          const call = client.call('echo', 'x').then(({ headers }) => {
            return Number(headers.find(([name]) => name.toLowerCase() === 'x-revision')?.[1]);
          });
          calls.push(call);
        }
        await calls.at(-1);
      }
    })();
    await until(() => calls.length > 20, 'answers under the first configuration');
    for (let revision = 2; revision <= 12; revision++) {
      const result = await gateway.apply(revisionConfig(revision));
      assert.ok(result.ok);
      const sent = calls.length;
      await until(() => calls.length > sent + 40, 'calls go on');
    }
    over.abort();
    await sending;
    const seen = await Promise.all(calls);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.deepEqual([...new Set(seen)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const lanes = await lanesOf(gateway);
    assert.ok(lanes.every(({ report }) => report!.counters.own['exchangesCompleted']! > 0));
    await client.close();
  });

  test('a lane that was replaced follows the configuration in force', async (t) => {
    const gateway = await startGateway(revisionConfig(1));
    t.after(() => gateway.stop());
    const pool = gateway.acceptor.pool!;
    assert.ok((await gateway.apply(revisionConfig(5))).ok);
    pool.kill(1);
    pool.kill(2);
    await until(() => gateway.acceptor.counters.lanesLost === 2, 'both are dead');
    await until(() => pool.dispatcher.links.every((link) => link !== null), 'both are back');
    for (const { report } of await pool.status()) assert.equal(report?.revision, 5);
  });

  test('a limit is exact, whatever lane a request runs on', async (t) => {
    const limit = { qps: 0.001, burst: 137 };
    const apis = [{ operationType: 'limited', limit }];
    const gateway = await bench.gateway(t, { workers: 2 }, { apis });
    const clients = await Promise.all([1, 2, 3].map(() => connectMmtp({ port: gateway.mmtpPort })));
    const answers = await Promise.all(
      Array.from({ length: 900 }, (_, i) => clients[i % 3]!.call('limited', 'x')),
    );
    const passed = answers.filter(({ resultCode }) => resultCode === OK).length;
    assert.equal(passed, 137);
    assert.ok(answers.every(({ resultCode }) => resultCode === OK || resultCode === 1002));
    const lanes = await lanesOf(gateway);
    assert.ok(lanes.every(({ report }) => report!.counters.own['exchangesCompleted']! > 0));
    for (const client of clients) await client.close();
  });

  test('a repeated request runs once, wherever its repetition arrives', async (t) => {
    const gateway = await bench.gateway(t, { workers: 2 });
    const options = { port: gateway.mmtpPort, deviceId: 'phone' };
    const [one, two] = [await connectMmtp(options), await connectMmtp(options)];
    const before = bench.service.seen.length;
    for (let i = 0; i < 20; i++) {
      const requestId = Buffer.from(`request-${String(i).padStart(4, '0')}`);
      const bodies = await Promise.all(
        [one, two, one].map((client) => client.call('echo', `body ${i}`, { requestId })),
      );
      for (const { body } of bodies) assert.equal(body.toString(), `body ${i}`);
    }
    assert.equal(bench.service.seen.length - before, 20);
    await one.close();
    await two.close();
  });

  test('a drain waits for what lanes have, and leaves nothing', async (t) => {
    const held: (() => void)[] = [];
    const slow = await new Service((seen, response) => {
      held.push(() => response.end(seen.body));
    }).listen();
    t.after(() => slow.stop());
    const upstreams = { app: { protocol: 'http', hosts: [slow.host], connectionsMax: 200 } };
    const gateway = await bench.gateway(t, { workers: 2 }, { upstreams });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    const calls = Array.from({ length: 100 }, (_, i) => client.call('echo', `${i}`));
    await until(() => held.length === 100, 'all have arrived');
    let isOver = false;
    const drained = gateway.acceptor.drain().then(() => (isOver = true));
    assert.equal(isOver, false);
    for (const answer of held) answer();
    const answers = await Promise.all(calls);
    answers.forEach(({ body }, i) => assert.equal(body.toString(), `${i}`));
    await within(drained, 'drained');
    assert.equal(gateway.openCount, 0);
  });

  test('figures of all threads are one', async (t) => {
    const gateway = await bench.gateway(t, { workers: 2 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    await Promise.all(Array.from({ length: 300 }, () => client.call('echo', 'x')));
    const { counters, stats } = await gateway.acceptor.totals();
    assert.equal(counters.exchangesCompleted, 300);
    assert.equal(counters.mmtp.requestsIn, 300);
    assert.equal(counters.upstream('app').requestsSent, 300);
    assert.equal(stats.acquire('echo').requests, 300);
    assert.equal(stats.acquire('echo').latency.count, 300);
    await client.close();
  });
});

describe('placement', () => {
  test('adaptive: a calm gateway runs everything on the acceptor', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1, placement: 'adaptive' });
    for (let i = 0; i < 20; i++) {
      assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('echo', `${i}`))), OK);
    }
    assert.equal(gateway.acceptor.counters.exchangesCompleted, 20);
  });

  test('adaptive: a busy one hands over, and takes back when it is calm', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1, placement: 'adaptive' });
    const { dispatcher } = gateway.acceptor.pool!;
    const load = await new Load().start(gateway.mmtpPort, 8, 32);
    assert.equal((await lanesOf(gateway))[0]?.starts, 0, 'no thread before it is needed');
    await until(() => (dispatcher.links[0]?.openCount ?? 0) > 0, 'requests are spread');
    await load.stop();
    const [lane] = await lanesOf(gateway);
    assert.ok(lane!.report!.counters.own['exchangesCompleted']! > 0);
    await until(() => !dispatcher.isSpreading, 'requests are run inline again');
  });

  test('inline: there is no pool', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1, placement: 'inline' });
    assert.equal(gateway.acceptor.pool, null);
    assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('echo', 'x'))), OK);
  });

  test('pool: requests that are too large for it run on the acceptor', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    const lengths = [0, 1, 16_000, 65_000, 127_000, 132_000, 300_000, 900_000];
    for (const length of lengths) {
      const body = 'z'.repeat(length);
      assert.equal((await client.call('echo', body)).body.toString(), body);
    }
    const { exchangesCompleted } = gateway.acceptor.counters;
    assert.equal(exchangesCompleted, 3, 'three of them were too large');
    await client.close();
  });
});
