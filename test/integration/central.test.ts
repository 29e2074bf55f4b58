// `mgw central`: in front of several instances of a service it spreads the load, loses nothing but
// what is under way when one dies, refuses what is above its cap, and says who it is.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import {
  protobufText,
  startBoltInstance,
  startHttpInstance,
  type Instance,
} from './central-support.ts';
import { makeKeyDirectory, startProcess, type ConfigValue, type Sidecar } from './gateway.ts';
import { callBytes, codeOf, openWire } from './http-wire.ts';
import { startService } from './service.ts';
import { until } from './wait.ts';

/** Calls that are always under way. */
const LOOPS = 16;

const PROTOBUF = { contentType: 1 };

let directory: string;
let files = 0;

before(() => {
  ({ directory } = makeKeyDirectory());
});
after(() => rmSync(directory, { recursive: true, force: true }));

function startCentral(config: ConfigValue, ...flags: readonly string[]): Promise<Sidecar> {
  const file = join(directory, `central-${files++}.json`);
  writeFileSync(file, JSON.stringify(config));
  return startProcess('central', ['--config', file, ...flags]);
}

const KINDS = [
  { name: 'HTTP', protocol: 'http', start: startHttpInstance, api: { path: '/call' } },
  {
    name: 'Bolt',
    protocol: 'bolt',
    start: startBoltInstance,
    api: { service: 'com.test.Service:1.0', method: 'call', codec: 'protobuf' },
  },
] as const;

/** Keeps {@link LOOPS} calls under way until it is stopped. */
class Load {
  answers = 0;
  /** Result codes that were not 1000. */
  readonly failures: number[] = [];
  #isOver = false;
  readonly #ended: Promise<unknown>;
  readonly #close: () => Promise<void>;

  constructor(client: Awaited<ReturnType<typeof connectMmtp>>) {
    this.#close = () => client.close();
    const loop = async (name: number): Promise<void> => {
      for (let i = 0; !this.#isOver; i++) {
        const body = protobufText(`${name}-${i}`);
        const answer = await client.call('call', body, PROTOBUF);
        if (answer.resultCode !== 1000) this.failures.push(answer.resultCode);
        else {
          assert.deepEqual(answer.body, body);
          this.answers++;
        }
      }
    };
    this.#ended = Promise.all(Array.from({ length: LOOPS }, (_, name) => loop(name)));
  }

  /** Waits for `count` more answers. */
  async more(count: number): Promise<void> {
    const wanted = this.answers + count;
    await until(() => this.answers >= wanted, `${count} more answers`);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#ended;
    await this.#close();
  }
}

for (const { name, protocol, start, api } of KINDS) {
  describe(`mgw central over two instances by ${name}`, () => {
    let instances: readonly [Instance, Instance];
    let central: Sidecar;

    before(async () => {
      instances = [await start(), await start()];
      const hosts = instances.map(({ host }) => host);
      const upstreams = { service: { protocol, hosts } };
      const apis = [{ operationType: 'call', upstream: { name: 'service', ...api } }];
      central = await startCentral({ upstreams, apis });
    });
    after(async () => {
      await central.stop('SIGKILL');
      for (const instance of instances) await instance.kill();
    });

    test('spreads the load, survives the death of either, and goes back to it', async () => {
      const load = new Load(await connectMmtp({ port: central.mmtpPort }));
      await load.more(400);
      const [one, two] = instances;
      const least = Math.min(one.requests, two.requests);
      assert.ok(least > 0.3 * (one.requests + two.requests), `${one.requests} ${two.requests}`);
      assert.deepEqual(load.failures, []);
      for (const dying of instances) {
        const failed = load.failures.length;
        await dying.kill();
        await load.more(400);
        // One call of each loop was under way; nothing that came later may fail.
        const lost = load.failures.slice(failed);
        assert.ok(lost.length <= LOOPS, `${lost.length} calls failed`);
        assert.ok(
          lost.every((code) => code === 4002),
          `${lost.join()}`,
        );
        const settled: number = load.failures.length;
        await load.more(400);
        assert.equal(load.failures.length, settled, 'calls fail though an instance is there');
        await dying.revive();
        const { requests } = dying;
        await until(() => dying.requests > requests + 50, 'the instance is used again');
        assert.equal(load.failures.length, settled);
      }
      await load.stop();
    });
  });
}

describe('mgw central', () => {
  test('prefers the first instance where the configuration says so', async () => {
    const instances = [await startHttpInstance(), await startHttpInstance()];
    const hosts = instances.map(({ host }) => host);
    const upstreams = { service: { protocol: 'http', hosts, balance: 'first' } };
    const central = await startCentral({ upstreams });
    const wire = await openWire(central.httpPort);
    for (let i = 0; i < 20; i++) await wire.call(callBytes('any', 'x'));
    assert.deepEqual(
      instances.map(({ requests }) => requests),
      [20, 0],
    );
    await wire.close();
    await central.stop('SIGKILL');
    for (const instance of instances) await instance.kill();
  });

  test('refuses what is above its cap at once, and answers what is within', async () => {
    const replies: (() => void)[] = [];
    const service = await startService((seen, response) => {
      replies.push(() => response.end(seen.body));
    });
    const upstreams = { service: { protocol: 'http', hosts: [service.host] } };
    const central = await startCentral({ upstreams, runtime: { exchangesMax: 2 } });
    const client = await connectMmtp({ port: central.mmtpPort });
    const within = [client.call('a', '1'), client.call('a', '2')];
    await until(() => replies.length === 2, 'both calls');
    assert.equal((await client.call('a', '3')).resultCode, 1002);
    for (const reply of replies) reply();
    const answers = await Promise.all(within);
    assert.deepEqual(
      answers.map(({ resultCode, body }) => [resultCode, body.toString()]),
      [
        [1000, '1'],
        [1000, '2'],
      ],
    );
    await client.close();
    await central.stop();
    await service.stop();
  });

  test('says who it is: ready line, statistics, metrics and access log', async () => {
    const service = await startService();
    const log = join(directory, 'access.log');
    const upstreams = { service: { protocol: 'http', hosts: [service.host] } };
    const flags = ['--zone=rz01', '--app=pay', `--access-log=${log}`];
    // Every request is logged, whatever share the profile says.
    const telemetry = { accessLogSample: 1 };
    const central = await startCentral({ upstreams, telemetry }, ...flags);
    const identity = { generation: 'central', zone: 'rz01', app: 'pay' };
    const { role, generation, zone, app } = central.ready;
    assert.deepEqual({ role, generation, zone, app }, { role: 'central', ...identity });
    const wire = await openWire(central.httpPort);
    assert.equal(codeOf(await wire.call(callBytes('any', 'x'))), 1000);
    await wire.close();
    const stats = (await (await central.admin('/stats')).json()) as Record<string, unknown>;
    assert.equal(stats['role'], 'central');
    for (const [key, value] of Object.entries(identity)) assert.equal(stats[key], value);
    const metrics = await (await central.admin('/metrics')).text();
    const labels = 'role="central",generation="central",zone="rz01",app="pay"';
    assert.match(metrics, new RegExp(`mgw_build_info\\{[^}]*${labels}\\} 1\\n`));
    assert.equal(await central.stop(), 0);
    const line = JSON.parse(await readFile(log, 'utf8')) as Record<string, unknown>;
    assert.deepEqual([line['generation'], line['zone'], line['app']], ['central', 'rz01', 'pay']);
    await service.stop();
  });

  test('keeps its defaults when a new configuration comes', async () => {
    const service = await startService();
    const upstreams = { service: { protocol: 'http', hosts: [service.host] } };
    const central = await startCentral({ upstreams });
    const config = async () => {
      const answer = (await (await central.admin('/config')).json()) as {
        readonly config: {
          readonly runtime: ConfigValue;
          readonly limits: ConfigValue;
          readonly upstreams: { readonly service: ConfigValue };
        };
      };
      const { runtime, limits } = answer.config;
      return [
        runtime['generation'],
        runtime['exchangesMax'],
        limits['upstreamBalance'],
        answer.config.upstreams.service['balance'],
      ];
    };
    const expected = ['central', 16_384, 'least-open', 'least-open'];
    assert.deepEqual(await config(), expected);
    const put = await central.admin('/config', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ revision: 5, upstreams }),
    });
    assert.equal(put.status, 200);
    assert.deepEqual(await config(), expected);
    await central.stop();
    await service.stop();
  });
});
