// The gateway inside a service's process: real clients on both ports, handlers that answer at once,
// later, wrongly or never, draining, and two gateways side by side.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  EmbeddedConfigError,
  startEmbeddedGateway,
  type EmbeddedCall,
  type EmbeddedGateway,
} from '#workers/embedded.ts';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import {
  issueLegacySession,
  issueSession,
  makeKeyDirectory,
  runSidecar,
  sessionText,
  startGateway,
} from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf, HttpWire } from './http-wire.ts';
import { until, within } from './wait.ts';

const UID = 208_812_345;
const { directory, keysFile } = makeKeyDirectory();

/** Handlers that wait until the test lets them go. */
const held: { readonly call: EmbeddedCall; readonly release: (text: string) => void }[] = [];
const failures: string[] = [];

const handlers = {
  echo: (call: EmbeddedCall) => ({ body: call.view, headers: { 'X-From': 'handler' } }),
  account: (call: EmbeddedCall) =>
    JSON.stringify({ uid: call.uid, shard: call.shard, client: call.header('x-client') }),
  later: async (call: EmbeddedCall) => {
    await new Promise((resolve) => setImmediate(resolve));
    return `"${call.text()}"`;
  },
  hold: (call: EmbeddedCall) =>
    new Promise<string>((resolve) => held.push({ call, release: resolve })),
  broken: () => assert.fail('secret reason'),
};

const SILENT = { telemetry: { logLevel: 'silent' } };

function start(more: Readonly<Record<string, unknown>> = {}): Promise<EmbeddedGateway> {
  return startEmbeddedGateway({
    config: {
      ...SILENT,
      listeners: { httpPort: 0, mmtpPort: 0 },
      sessions: { keysFile, accept: ['compact', 'legacy'] },
      apis: [
        { operationType: 'echo' },
        { operationType: 'account', session: 'required' },
        { operationType: 'later', upstream: { path: '/x/later' } },
        { operationType: 'hold', timeoutMs: 8000 },
        { operationType: 'never', timeoutMs: 40 },
        { operationType: 'broken' },
        { operationType: 'planned' },
      ],
      ...more,
    },
    handlers: { ...handlers, never: handlers.hold },
    onHandlerError: (operationType, error) =>
      void failures.push(`${operationType}: ${(error as Error).message}`),
  });
}

let gateway: EmbeddedGateway;

function http(operationType: string, body = '{}', headers: readonly string[] = []) {
  return callOnce(gateway.ports.http!, callBytes(operationType, body, headers));
}

before(async () => {
  gateway = await start();
});

after(async () => {
  await gateway.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('calls', () => {
  test('over HTTP, with session, headers and path', async () => {
    const echo = await http('echo', '{"n":9007199254740993}');
    assert.equal(codeOf(echo), 1000);
    assert.equal(echo.body.toString(), '{"n":9007199254740993}');
    assert.equal(headerOf(echo, 'x-from'), 'handler');
    const session = `Mgw-Session: ${sessionText(UID)}`;
    const account = await http('account', '{}', [session, 'X-Client: phone']);
    assert.deepEqual(JSON.parse(account.body.toString()), {
      uid: String(UID),
      shard: '34',
      client: 'phone',
    });
    assert.equal(codeOf(await http('account')), 2000);
    const bytes = 'GET /any/later HTTP/1.1\r\nHost: x\r\n\r\n';
    const byPath = await callOnce(gateway.ports.http!, bytes);
    assert.equal(byPath.body.toString(), '""');
  });

  test('over Mmtp, many at once, answers to the right requests', async (t) => {
    const client = await connectMmtp({ port: gateway.ports.mmtp! });
    t.after(() => client.close());
    const session = issueSession(UID);
    const calls = Array.from({ length: 200 }, async (_, index) => {
      const [later, account] = await Promise.all([
        client.call('later', `body ${index}`),
        client.call('account', '', { session }),
      ]);
      assert.equal(later.body.toString(), `"body ${index}"`);
      assert.equal((JSON.parse(account.body.toString()) as { uid: string }).uid, String(UID));
    });
    await Promise.all(calls);
  });

  test('legacy sessions are taken and exchanged', async (t) => {
    const client = await connectMmtp({ port: gateway.ports.mmtp! });
    t.after(() => client.close());
    const answer = await client.call('account', '', { session: issueLegacySession(UID) });
    assert.equal(answer.resultCode, 1000);
    assert.ok(answer.headers.some(([name]) => name === 'Mgw-Session'));
  });

  test('failures have their codes and keep their reasons to themselves', async () => {
    const broken = await http('broken');
    assert.equal(codeOf(broken), 6666);
    assert.doesNotMatch(broken.head + broken.body.toString(), /secret/);
    assert.deepEqual(failures, ['broken: secret reason']);
    assert.equal(codeOf(await http('planned')), 6000);
    assert.equal(codeOf(await http('unknown')), 3000);
  });

  test('a handler that never answers costs its request 4001 and is told to stop', async () => {
    const answer = await http('never');
    assert.equal(codeOf(answer), 4001);
    const { call, release } = held.pop()!;
    assert.equal(call.signal.aborted, true);
    release('late');
    assert.equal(codeOf(await http('echo')), 1000);
  });

  test('a client that leaves is noticed', async () => {
    const wire = new HttpWire(gateway.ports.http!);
    wire.write(callBytes('hold', '{}'));
    await until(() => held.length === 1, 'the call to arrive');
    await wire.close();
    await until(() => held[0]!.call.signal.aborted, 'the call to be aborted');
    held.pop()!.release('nobody is there');
  });

  test('figures by method', async () => {
    const {
      role,
      generation,
      apis,
      gateway: counts,
    } = (await gateway.stats()) as {
      role: string;
      generation: string;
      apis: readonly { readonly operationType: string }[];
      gateway: Readonly<Record<string, number>>;
    };
    assert.deepEqual([role, generation], ['embedded', 'decentralized']);
    assert.ok(apis.some(({ operationType }) => operationType === 'echo'));
    assert.ok(Object.keys(counts).length > 0);
    assert.match(
      await gateway.metricsText(),
      /^mgw_upstream_requests_total\{upstream="service"\} [1-9]/m,
    );
  });
});

describe('life', () => {
  test('closing answers what is open and takes nothing new', async () => {
    const own = await start();
    const client = await connectMmtp({ port: own.ports.mmtp! });
    const answer = client.call('hold', '{}');
    await until(() => held.length === 1, 'the call to arrive');
    const closed = own.close();
    const refused = new HttpWire(own.ports.http!);
    await within(refused.closed, 'the refusal of a new connection');
    held.pop()!.release('"done"');
    assert.equal((await answer).body.toString(), '"done"');
    await client.close();
    await within(closed, 'the end of the gateway');
  });

  test('two gateways in one process know nothing of each other', async () => {
    const first = await startEmbeddedGateway({
      config: { ...SILENT, listeners: { httpPort: 0, mmtpPort: 'off' } },
      handlers: { who: () => '1' },
    });
    const second = await startEmbeddedGateway({
      config: {
        ...SILENT,
        listeners: { httpPort: 0, mmtpPort: 'off', adminPort: 0, adminOpen: true },
      },
      handlers: { who: () => '2' },
    });
    const who = async ({ ports }: EmbeddedGateway): Promise<string> =>
      (await callOnce(ports.http!, callBytes('who', '{}'))).body.toString();
    assert.deepEqual([await who(first), await who(second)], ['1', '2']);
    await first.close();
    assert.equal(await who(second), '2');
    const stats = await fetch(`http://127.0.0.1:${second.ports.admin}/stats`);
    const { apis } = (await stats.json()) as { apis: readonly { requests: number }[] };
    assert.equal(stats.status, 200);
    assert.equal(apis.length, 1);
    await second.close();
  });

  test('a new configuration holds at once; a wrong one changes nothing', async () => {
    const own = await start();
    const call = async (name: string): Promise<number> =>
      codeOf(await callOnce(own.ports.http!, callBytes(name, '{}')));
    assert.equal(await call('echo'), 1000);
    await own.apply({ apis: [{ operationType: 'later' }] });
    assert.deepEqual([await call('echo'), await call('later')], [3000, 1000]);
    await assert.rejects(own.apply({ apis: [{ operationType: '?' }] }), EmbeddedConfigError);
    assert.equal(await call('later'), 1000);
    await own.close();
  });
});

describe('refusals', () => {
  const refusals: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
    ['an unknown key', { listenrs: {} }, /^config: listenrs: .*listeners/],
    ['a section that is none', { listeners: 5 }, /^config: listeners: /],
    [
      'a key file that is missing',
      { sessions: { keysFile: 'no' } },
      /Cannot read the session keys/,
    ],
    ['threads', { runtime: { workers: 2 } }, /^runtime.workers: is 2; an embedded gateway runs on/],
  ];
  for (const [name, config, message] of refusals) {
    test(name, async () => {
      const refused = startEmbeddedGateway({ config, handlers: {} });
      await assert.rejects(refused, (error: EmbeddedConfigError) => {
        assert.ok(error instanceof EmbeddedConfigError);
        assert.match(error.message, message);
        assert.equal(error.problems.length, 1);
        return true;
      });
    });
  }

  test('a port in use', async () => {
    const listeners = { httpPort: gateway.ports.http, mmtpPort: 'off' };
    const refused = startEmbeddedGateway({ config: { ...SILENT, listeners }, handlers: {} });
    await assert.rejects(refused, /Cannot bind listener "http": port \d+ is in use/);
  });

  test('a sidecar has no handlers: it does not start with a local upstream', async () => {
    const file = `${directory}/local.json`;
    writeFileSync(file, JSON.stringify({ upstreams: { here: { protocol: 'local' } } }));
    const { code, stderr } = await runSidecar([`--config=${file}`]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /upstreams\.here\.protocol: "local" is a service in the process that embeds/,
    );
  });

  test('nor does a running sidecar take such a configuration', async () => {
    const sidecar = await startGateway({
      upstreams: { app: { protocol: 'http', hosts: ['127.0.0.1:9'] } },
    });
    const result = await sidecar.apply({ upstreams: { here: { protocol: 'local' } } });
    await sidecar.stop();
    assert.ok(!result.ok);
    assert.deepEqual(
      result.problems.map(({ path }) => path),
      ['upstreams.here.protocol'],
    );
  });
});
