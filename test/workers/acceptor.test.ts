// The composition root of a process: it starts as a whole or not at all, takes configurations whole
// or not at all, and ends when everything accepted is answered.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '#core/base/clock.ts';
import { loadConfig } from '#config/load.ts';
import { startGateway, type ConfigValue, type TestGateway } from '#test/integration/gateway.ts';
import { Acceptor } from '#workers/acceptor.ts';
import { InputError } from '#workers/lane.ts';
import { ProcessLog } from '#workers/log.ts';

/** A service whose answers the test lets go. */
class HeldService {
  readonly #server: Server;
  readonly #held: (() => void)[] = [];
  #onRequest: () => void = () => {};

  constructor() {
    this.#server = createServer((_request, response) => {
      this.#held.push(() => response.end('late'));
      this.#onRequest();
    });
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Settles when the next request has arrived. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRequest = resolve;
    });
  }

  release(): void {
    for (const answer of this.#held.splice(0)) answer();
  }

  async stop(): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const service = new HeldService();
let servicePort = 0;

before(async () => {
  servicePort = await service.start();
});
after(() => service.stop());

function configOf(more: ConfigValue = {}): ConfigValue {
  return {
    upstreams: { app: { protocol: 'http', hosts: [`127.0.0.1:${servicePort}`] } },
    apis: [{ operationType: 'a.b', timeoutMs: 20_000 }],
    ...more,
  };
}

async function acceptorOf(value: ConfigValue): Promise<Acceptor> {
  const listeners = { httpPort: 0, mmtpPort: 'off', adminPort: 'off' };
  const telemetry = { logLevel: 'silent' };
  const builtIn = { name: 'test', value: { listeners, telemetry, ...value } };
  const loaded = await loadConfig({ argv: [], env: {}, cwd: '/', builtIn });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const log = new ProcessLog({ level: 'silent', role: 'test', clock: systemClock });
  return Acceptor.create({ ...loaded, log, cwd: '/' });
}

function callThrough({ httpPort }: TestGateway): Promise<Response> {
  return fetch(`http://127.0.0.1:${httpPort}/mgw.htm`, {
    method: 'POST',
    headers: { 'Operation-Type': 'a.b' },
    body: '{}',
  });
}

describe('Acceptor: start', () => {
  test('refuses what cannot be loaded, with every problem, before anything is bound', async () => {
    const value = configOf({
      sessions: { keysFile: '/nowhere/keys.json' },
      filters: { modules: ['/nowhere/filter.mjs'] },
    });
    await assert.rejects(acceptorOf(value), (error) => {
      assert.ok(error instanceof InputError);
      assert.deepEqual(
        error.problems.map(({ path }) => path),
        ['sessions.keysFile', 'filters.modules[0]'],
      );
      assert.match(error.message, /^sessions\.keysFile: .*\nfilters\.modules\[0\]: /);
      return true;
    });
  });

  test('a port that is taken is told with listener, port and flag', async () => {
    const first = await acceptorOf(configOf());
    const { http } = await first.open();
    const listeners = { httpPort: http, mmtpPort: 'off', adminPort: 'off' };
    const second = await acceptorOf(configOf({ listeners }));
    const reason = `port ${http} is in use; choose another with --http-port`;
    await assert.rejects(second.open(), { message: `Cannot bind listener "http": ${reason}` });
    await second.close();
    await first.close();
  });

  test('an address that is not of this machine is told with its flag', async () => {
    const listeners = { host: '192.0.2.1', httpPort: 0, mmtpPort: 'off', adminPort: 'off' };
    const acceptor = await acceptorOf(configOf({ listeners }));
    const reason =
      '"192.0.2.1" is no address of this machine (EADDRNOTAVAIL); give one with --host';
    await assert.rejects(acceptor.open(), { message: `Cannot bind listener "http": ${reason}` });
    await acceptor.close();
  });

  test('a listener that is off has no port', async () => {
    const acceptor = await acceptorOf(configOf());
    const ports = await acceptor.open();
    assert.ok(ports.http! > 0);
    assert.equal('mmtp' in ports, false);
    assert.deepEqual(acceptor.connections(), { http: 0 });
    await acceptor.close();
  });
});

describe('Acceptor: configurations', () => {
  test('a good one is applied and counted', async () => {
    const gateway = await startGateway(configOf());
    const result = await gateway.apply(configOf({ revision: 7 }));
    assert.equal(result.ok, true);
    assert.equal(gateway.acceptor.snapshot.revision, 7);
    assert.equal(gateway.acceptor.gateway.revision, 7);
    assert.equal(gateway.counters.configsApplied, 1);
    await gateway.stop();
  });

  const bad: readonly (readonly [name: string, value: ConfigValue])[] = [
    ['that breaks the schema', { revision: 8, limits: { nonsense: 1 } }],
    ['whose keys are missing', { revision: 8, sessions: { keysFile: '/nowhere/keys.json' } }],
    ['whose filter is missing', { revision: 8, filters: { modules: ['/nowhere/filter.mjs'] } }],
  ];
  for (const [name, value] of bad) {
    test(`one ${name} changes nothing`, async () => {
      const gateway = await startGateway(configOf());
      const { snapshot } = gateway.acceptor;
      const result = await gateway.apply(configOf(value));
      assert.equal(result.ok, false);
      assert.equal(gateway.acceptor.snapshot, snapshot);
      assert.notEqual(gateway.acceptor.gateway.revision, 8);
      assert.deepEqual([gateway.counters.configsApplied, gateway.counters.configsRefused], [0, 1]);
      await gateway.stop();
    });
  }

  test('one whose filter does not compile changes nothing, and starts nothing', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mgw-filter-'));
    const file = join(directory, 'undeclared.mjs');
    writeFileSync(
      file,
      `export const filters = [
        { name: 'x', maturity: 'beta', phases: [], create: () => ({ routed: () => 0 }) },
      ];`,
    );
    const filters = { modules: [file] };
    await assert.rejects(
      startGateway(configOf({ filters })),
      (error) => error instanceof InputError && error.message.startsWith('filters.modules: '),
    );
    const gateway = await startGateway(configOf());
    const { snapshot } = gateway.acceptor;
    const result = await gateway.apply(configOf({ revision: 8, filters }));
    rmSync(directory, { recursive: true });
    assert.ok(!result.ok);
    const { path, message } = result.problems[0]!;
    assert.equal(path, 'filters.modules');
    assert.match(message, /"x" implements the phase routed and does not declare it/);
    assert.ok(message.startsWith(`${file}: Filter "x" `), message);
    assert.equal(gateway.acceptor.snapshot, snapshot);
    assert.notEqual(gateway.acceptor.gateway.revision, 8);
    await gateway.stop();
  });
});

describe('Acceptor: drain', () => {
  test('waits for what is open, then is over', async () => {
    const gateway = await startGateway(configOf());
    const arrived = service.nextRequest();
    const response = callThrough(gateway);
    await arrived;
    let isOver = false;
    let begun = 0;
    gateway.acceptor.onDrainStarted = () => begun++;
    const drained = gateway.acceptor.drain().then(() => {
      isOver = true;
    });
    assert.equal(gateway.acceptor.isDraining, true);
    void gateway.acceptor.drain();
    assert.equal(begun, 1);
    // A new connection is refused at once: the listener has stopped.
    await assert.rejects(callThrough(gateway));
    assert.equal(isOver, false);
    service.release();
    assert.equal(await (await response).text(), 'late');
    await drained;
    await gateway.settled();
    await gateway.stop();
  });

  test('with nothing open it is over at once', async () => {
    const gateway = await startGateway(configOf());
    await gateway.acceptor.drain();
    await gateway.stop();
  });

  test('gives up after the time for it', async () => {
    const gateway = await startGateway(configOf({ runtime: { drainMs: 50 } }));
    const arrived = service.nextRequest();
    const response = callThrough(gateway).catch(() => null);
    await arrived;
    await gateway.acceptor.drain();
    assert.equal(gateway.openCount, 1);
    await gateway.stop();
    assert.equal(await response, null);
  });
});
