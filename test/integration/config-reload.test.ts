// A running gateway gets new configuration under load: all at once, or not at all, and without a
// failed request. Limits keep their state over it.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import {
  makeKeyDirectory,
  startGateway,
  startSidecar,
  type ConfigValue,
  type Sidecar,
} from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf, openWire } from './http-wire.ts';
import { startService, type Service } from './service.ts';
import { until } from './wait.ts';

/** A service that answers its own name: which revision of the configuration a call followed. */
function named(name: string): Promise<Service> {
  return startService((_seen, response) => void setTimeout(() => response.end(name), 2));
}

describe('a new configuration under load', () => {
  let one: Service;
  let two: Service;
  let sidecar: Sidecar;
  let directory: string;
  let file: string;

  /** Both APIs go to the same service, in every revision. */
  function config(revision: number, service: Service): string {
    const app = { protocol: 'http', hosts: [service.host] };
    const apis = [{ operationType: 'a' }, { operationType: 'b' }];
    return JSON.stringify({ revision, upstreams: { app }, apis });
  }

  before(async () => {
    one = await named('one');
    two = await named('two');
    const keys = makeKeyDirectory();
    directory = keys.directory;
    file = join(directory, 'gateway.json');
    writeFileSync(file, config(1, one));
    sidecar = await startSidecar(['--config', file, '--session-keys', keys.keysFile]);
  });
  after(async () => {
    await sidecar.stop('SIGKILL');
    await one.stop();
    await two.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Keeps calls going by both protocols while `during` runs; answers the names in order. */
  async function underLoad(during: () => Promise<void>): Promise<string[]> {
    const names: string[] = [];
    const load = new AbortController();
    const client = await connectMmtp({ port: sidecar.mmtpPort });
    const wires = await Promise.all([1, 2, 3, 4].map(() => openWire(sidecar.httpPort)));
    const byMmtp = Array.from({ length: 8 }, async (_, i) => {
      while (!load.signal.aborted) {
        const answer = await client.call(i % 2 === 0 ? 'a' : 'b', 'x');
        assert.equal(answer.resultCode, 1000);
        names.push(answer.body.toString());
      }
    });
    const byHttp = wires.map(async (wire, i) => {
      while (!load.signal.aborted) {
        const answer = await wire.call(callBytes(i % 2 === 0 ? 'a' : 'b', 'x'));
        assert.equal(codeOf(answer), 1000);
        names.push(answer.body.toString());
      }
    });
    await until(() => names.length > 50, 'the load runs');
    await during();
    const enough = names.length + 50;
    await until(() => names.length > enough, 'the load runs on');
    load.abort();
    await Promise.all([...byMmtp, ...byHttp]);
    await client.close();
    for (const wire of wires) await wire.close();
    return names;
  }

  async function revision(): Promise<number> {
    const answer = await sidecar.admin('/config');
    return ((await answer.json()) as { revision: number }).revision;
  }

  async function put(text: string): Promise<Response> {
    const headers = { 'Content-Type': 'application/json' };
    return sidecar.admin('/config', { method: 'PUT', headers, body: text });
  }

  test('by PUT /config: calls before follow the old one, calls after the new one', async () => {
    const names = await underLoad(async () => {
      const answer = await put(config(2, two));
      assert.equal(answer.status, 200);
      assert.equal(((await answer.json()) as { revision: number }).revision, 2);
    });
    assert.ok(names.includes('one') && names.includes('two'));
    assert.deepEqual(new Set(names.slice(-20)), new Set(['two']));
    assert.equal(await revision(), 2);
  });

  test('a late push of an older revision is refused', async () => {
    const answer = await put(config(1, one));
    assert.equal(answer.status, 422);
    assert.match(await answer.text(), /revision 2 is in force/);
    assert.equal(await revision(), 2);
  });

  test('an older revision does not replace a newer one that is still being prepared', async () => {
    const answers = await Promise.all([put(config(4, two)), put(config(3, one))]);
    const newest = answers[0]!.status === 200 ? 4 : 3;
    assert.equal(answers[0]!.status, 200);
    assert.equal(await revision(), newest);
  });

  test('by SIGHUP, many times over', async () => {
    const names = await underLoad(async () => {
      for (let round = 0; round < 6; round++) {
        const next = 10 + round;
        writeFileSync(file, config(next, round % 2 === 0 ? one : two));
        sidecar.child.kill('SIGHUP');
        while ((await revision()) !== next);
      }
    });
    assert.ok(names.includes('one') && names.includes('two'));
    assert.equal(await revision(), 15);
  });

  test('tells what of it waits for a restart, compared with what runs', async () => {
    const waiting = async (revision: number, more: ConfigValue): Promise<readonly string[]> => {
      const value = { ...(JSON.parse(config(revision, two)) as ConfigValue), ...more };
      const answer = await put(JSON.stringify(value));
      const { needsRestart } = (await answer.json()) as { needsRestart: string[] };
      const shown = (await (await sidecar.admin('/config')).json()) as { needsRestart: string[] };
      assert.deepEqual(shown.needsRestart, needsRestart);
      return needsRestart;
    };
    const warnings = (): number => sidecar.errors.split('only after a restart').length - 1;
    const paths = ['listeners.headersMax', 'telemetry.accessLog'];
    const listeners = { headersMax: 33 };
    const telemetry = { accessLog: 'elsewhere.log' };
    assert.deepEqual(await waiting(16, { listeners, telemetry }), paths);
    await until(() => warnings() === 2, 'the log says so');
    assert.deepEqual(await waiting(17, { listeners, telemetry }), paths);
    assert.deepEqual(await waiting(18, {}), []);
    assert.deepEqual(await waiting(19, { listeners }), paths.slice(0, 1));
    await until(() => warnings() === 3, 'the log says what is new');
    writeFileSync(file, config(20, two));
    sidecar.child.kill('SIGHUP');
    await until(() => sidecar.errors.includes('"revision":20'), 'the file is in force');
    assert.equal(warnings(), 3);
  });

  test('a refused one changes nothing and says every problem', async () => {
    const names = await underLoad(async () => {
      for (const bad of [
        '{"revision":99,"upstreams":{"app":{"protocol":"http","hosts":["nonsense"]}},"apiz":[]}',
        '{"revision":99,',
        '{"revision":99,"filters":{"modules":["/no/such.js"]},' +
          '"upstreams":{"app":{"protocol":"http","hosts":["a:1"]}}}',
      ]) {
        const answer = await put(bad);
        assert.equal(answer.status, 422);
        const { problems } = (await answer.json()) as { problems: unknown[] };
        assert.ok(problems.length >= 1);
      }
      writeFileSync(file, '{"revision":99,"apis":[{"operationType":"a"},{"operationType":"a"}]}');
      sidecar.child.kill('SIGHUP');
      await until(() => sidecar.errors.includes('config refused'), 'the log says so');
    });
    assert.deepEqual(new Set(names), new Set(['two']));
    assert.equal(await revision(), 20);
    const { gateway } = (await (await sidecar.admin('/stats')).json()) as {
      gateway: Record<string, number>;
    };
    assert.equal(
      gateway['configsRefused'] ?? gateway['configs_refused'],
      4,
      JSON.stringify(gateway),
    );
  });
});

describe('limits', () => {
  let service: Service;
  before(async () => {
    service = await named('served');
  });
  after(() => service.stop());

  function config(limit: ConfigValue, more: ConfigValue = {}): ConfigValue {
    return {
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'limited', limit }, { operationType: 'free' }],
      ...more,
    };
  }

  test('let the burst through, then answer 1002; other APIs do not notice', async (t) => {
    const gateway = await startGateway(config({ qps: 0.001, burst: 3 }));
    t.after(() => gateway.stop());
    const codes: number[] = [];
    for (let i = 0; i < 6; i++) {
      codes.push(codeOf(await callOnce(gateway.httpPort, callBytes('limited', 'x'))));
    }
    assert.deepEqual(codes, [1000, 1000, 1000, 1002, 1002, 1002]);
    assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('free', 'x'))), 1000);
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    // One bucket for all protocols.
    assert.equal((await client.call('limited', 'x')).resultCode, 1002);
    assert.equal(service.seen.length, 4);
  });

  test('give back what time brings', async (t) => {
    const gateway = await startGateway(config({ qps: 20, burst: 1 }));
    t.after(() => gateway.stop());
    const startedMs = performance.now();
    let served = 0;
    while (served < 6) {
      const code = codeOf(await callOnce(gateway.httpPort, callBytes('limited', 'x')));
      if (code === 1000) served++;
    }
    const ms = performance.now() - startedMs;
    assert.ok(ms >= 245, `six at 20 per second took ${ms} ms`);
  });

  test('answer what the API says instead', async (t) => {
    const response = { resultStatus: 1099, tips: 'come back', result: '{"queue":true}' };
    const gateway = await startGateway(config({ qps: 0.001, burst: 1, response }));
    t.after(() => gateway.stop());
    await callOnce(gateway.httpPort, callBytes('limited', 'x'));
    const answer = await callOnce(gateway.httpPort, callBytes('limited', 'x'));
    assert.equal(codeOf(answer), 1099);
    assert.equal(decodeURIComponent(headerOf(answer, 'tips')!), 'come back');
    assert.equal(answer.body.toString(), '{"queue":true}');
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const byMmtp = await client.call('limited', 'x');
    assert.deepEqual(
      [byMmtp.resultCode, byMmtp.tips, byMmtp.body.toString()],
      [1099, 'come back', '{"queue":true}'],
    );
  });

  test('only count in monitor mode, do nothing when closed', async (t) => {
    for (const mode of ['monitor', 'closed']) {
      const gateway = await startGateway(config({ qps: 0.001, burst: 1, mode }));
      t.after(() => gateway.stop());
      for (let i = 0; i < 4; i++) {
        assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('limited', 'x'))), 1000);
      }
    }
  });

  test('stay used up over a new configuration', async (t) => {
    const gateway = await startGateway(config({ qps: 0.001, burst: 2 }));
    t.after(() => gateway.stop());
    const call = async (): Promise<number> =>
      codeOf(await callOnce(gateway.httpPort, callBytes('limited', 'x')));
    assert.deepEqual([await call(), await call(), await call()], [1000, 1000, 1002]);
    for (let revision = 2; revision < 5; revision++) {
      const result = await gateway.apply(config({ qps: 0.001, burst: 2 }, { revision }));
      assert.ok(result.ok);
      assert.equal(await call(), 1002);
    }
    // A larger bucket holds what the old one had used, too.
    assert.ok((await gateway.apply(config({ qps: 0.001, burst: 3 }, { revision: 9 }))).ok);
    assert.deepEqual([await call(), await call()], [1000, 1002]);
  });
});
