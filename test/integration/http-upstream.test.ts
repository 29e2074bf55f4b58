// The gateway between its clients and HTTP services that are down, slow or broken: which result
// code follows, at once or in time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import {
  answerAndClose,
  answerBytewise,
  answerWith,
  closeAfter,
  closeAtOnce,
  hang,
  refusedPort,
  type RawScript,
} from '#test/peers/raw.ts';
import type { TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, HttpWire, openWire } from './http-wire.ts';
import { echo, Service, type Answer } from './service.ts';
import { codeFor, gatewayTo, rawPeer, service } from './upstream-support.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Result code and reason, which only telemetry knows, of one call. */
async function reasonFor(gateway: TestGateway, operationType = 'call'): Promise<string> {
  const before = reasons((await gateway.acceptor.totals()).stats.acquire(operationType));
  const code = await codeFor(gateway, operationType);
  await gateway.settled();
  const now = reasons((await gateway.acceptor.totals()).stats.acquire(operationType));
  const changed = Object.keys(now).filter((name) => now[name] !== before[name]);
  return `${code} ${changed.join(' ')}`.trim();
}

function reasons(api: { readonly summary: () => unknown }): Record<string, number> {
  const { reasons: counts } = api.summary() as { reasons?: Record<string, number> };
  return { ...counts };
}

describe('a service that cannot be reached', () => {
  test('down is 4002 at once, unknown is 4003', async (t) => {
    const down = await gatewayTo(t, [`127.0.0.1:${await refusedPort(t)}`]);
    const unknown = await gatewayTo(t, ['no-such-host.invalid:80']);
    const startedMs = performance.now();
    assert.equal(await codeFor(down), 4002);
    assert.equal(await codeFor(unknown), 4003);
    // While the host is left alone, calls fail without an attempt.
    const { connects } = (await down.counted()).upstream('app');
    assert.equal(await codeFor(down), 4002);
    assert.ok((await down.counted()).upstream('app').connects <= connects + 1);
    assert.ok(performance.now() - startedMs < 1400);
  });

  test('comes back when it can be reached again', async (t) => {
    const port = await refusedPort(t);
    const gateway = await gatewayTo(t, [`127.0.0.1:${port}`], { reconnectMaxMs: 100 });
    assert.equal(await codeFor(gateway), 4002);
    const late = await new Service(echo).listen(port);
    t.after(() => late.stop());
    let code = 0;
    for (let i = 0; i < 200 && code !== 1000; i++) {
      code = await codeFor(gateway);
      assert.ok(code === 1000 || code === 4002, `${code}`);
      if (code !== 1000) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(code, 1000);
  });
});

describe('a service that is too slow', () => {
  test('4001 after the time of the API, its group or the client', async (t) => {
    const peer = await rawPeer(t, hang);
    const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    for (const [call, atLeastMs] of [
      [() => codeFor(gateway, 'short'), 120],
      [() => codeFor(gateway, 'grouped'), 150],
      [async () => (await client.call('call', 'x', { timeoutMs: 80 })).resultCode, 80],
    ] as const) {
      const startedMs = performance.now();
      assert.equal(await call(), 4001);
      const ms = performance.now() - startedMs;
      assert.ok(ms >= atLeastMs - 2 && ms < atLeastMs + 400, `${ms} ms instead of ${atLeastMs}`);
    }
  });

  test('the client cannot extend the time', async (t) => {
    const peer = await rawPeer(t, hang);
    const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const startedMs = performance.now();
    assert.equal((await client.call('short', 'x', { timeoutMs: 60_000 })).resultCode, 4001);
    assert.ok(performance.now() - startedMs < 1000);
  });

  test('its late answer reaches nobody, and no later call', async (t) => {
    const late: (() => void)[] = [];
    const slow = await service(t, (_seen, response) => void late.push(() => response.end('late')));
    const gateway = await gatewayTo(t, [slow.host]);
    const wire = await openWire(gateway.httpPort);
    t.after(() => wire.close());
    assert.equal(codeOf(await wire.call(callBytes('short', 'x'))), 4001);
    slow.answer = echo;
    for (const answer of late) answer();
    for (let i = 0; i < 20; i++) {
      assert.equal((await wire.call(callBytes('call', `${i}`))).body.toString(), `${i}`);
    }
    assert.equal(wire.unread.length, 0);
  });

  test('the time of a call begins when the request is there as a whole', async (t) => {
    const late: Answer = (seen, response) => void setTimeout(() => response.end(seen.body), 40);
    const quick = await service(t, late);
    const gateway = await gatewayTo(t, [quick.host]);
    const wire = await openWire(gateway.httpPort);
    t.after(() => wire.close());
    const bytes = callBytes('short', 'slow upload');
    wire.write(bytes.slice(0, -4));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal((await wire.call(bytes.slice(-4))).body.toString(), 'slow upload');
  });

  test('a body that stops half way is cut off so that the client can tell', async (t) => {
    const stuck = await service(t, (_seen, response) => void response.write('half'));
    const gateway = await gatewayTo(t, [stuck.host]);
    const wire = await openWire(gateway.httpPort);
    t.after(() => wire.close());
    wire.write(callBytes('short', 'x'));
    await assert.rejects(wire.answer(), /ended before/);
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    assert.equal((await client.call('short', 'x')).resultCode, 4001);
  });
});

/** What a broken service sends, and what is counted. */
const BROKEN: readonly (readonly [name: string, script: RawScript, reason: string])[] = [
  ['closes at once', closeAtOnce(false), '4002 GW_UPSTREAM_RESET'],
  ['closes after the request', closeAfter(20, false), '4002 GW_UPSTREAM_RESET'],
  ['resets after the request', closeAfter(20, true), '4002 GW_UPSTREAM_RESET'],
  ['closes in the head', answerAndClose(Buffer.from(OK.slice(0, 20))), '4002 GW_UPSTREAM_RESET'],
  [
    'speaks something else',
    answerWith(Buffer.from('+OK ready\r\n\r\n')),
    '4002 GW_UPSTREAM_PROTOCOL',
  ],
  [
    'has a broken head',
    answerWith(Buffer.from('HTTP/1.1 200 OK\r\nA : b\r\n\r\n')),
    '4002 GW_UPSTREAM_PROTOCOL',
  ],
  [
    'has two lengths',
    answerWith(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab')),
    '4002 GW_UPSTREAM_PROTOCOL',
  ],
  [
    'switches protocols',
    answerWith(Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n')),
    '4002 GW_UPSTREAM_PROTOCOL',
  ],
  [
    'never ends its head',
    answerWith(Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(80_000)}`)),
    '4002 GW_UPSTREAM_PROTOCOL',
  ],
];

describe('a service that is broken', () => {
  for (const [name, script, reason] of BROKEN) {
    test(`${name}: ${reason}`, async (t) => {
      const peer = await rawPeer(t, script);
      const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
      assert.equal(await reasonFor(gateway), reason);
    });
  }

  test('closes in the body: 4002 over Mmtp, an unfinished answer over HTTP', async (t) => {
    for (const bytes of [
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n',
    ]) {
      const peer = await rawPeer(t, answerAndClose(Buffer.from(bytes)));
      const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
      const client = await connectMmtp({ port: gateway.mmtpPort });
      assert.equal((await client.call('call', 'x')).resultCode, 4002);
      await client.close();
      const wire = new HttpWire(gateway.httpPort);
      await assert.rejects(wire.call(callBytes('call', 'x')), /ended before/);
      await wire.close();
    }
  });

  test('answers too much: 4002 over Mmtp', async (t) => {
    for (const isChunked of [false, true]) {
      const large = await service(t, (_seen, response) => {
        if (!isChunked) response.setHeader('Content-Length', 20_000);
        response.write('x'.repeat(10_000));
        setImmediate(() => response.end('x'.repeat(10_000)));
      });
      const gateway = await gatewayTo(t, [large.host], { responseBytesMax: 16_000 });
      const client = await connectMmtp({ port: gateway.mmtpPort });
      assert.equal((await client.call('call', 'x')).resultCode, 4002);
      large.answer = echo;
      assert.equal((await client.call('call', 'fits')).body.toString(), 'fits');
      await client.close();
    }
  });

  test('answers twice: the second answer reaches nobody', async (t) => {
    const peer = await rawPeer(t, (socket) => {
      socket.on('data', () => socket.write(OK + OK.replace('ok', 'no')));
    });
    const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    for (let i = 0; i < 5; i++) {
      const answer = await callOnce(gateway.httpPort, callBytes('call', 'x'));
      assert.ok(answer.body.toString() === 'ok', answer.body.toString());
    }
  });
});

describe('answers in unusual shapes are taken', () => {
  const shapes: Record<string, [RawScript, string]> = {
    'byte by byte': [answerBytewise(Buffer.from(OK)), 'ok'],
    'chunked byte by byte': [
      answerBytewise(
        Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
      ),
      'ok',
    ],
    'until close': [answerAndClose(Buffer.from('HTTP/1.1 200 OK\r\n\r\nok')), 'ok'],
    'HTTP/1.0': [
      answerAndClose(Buffer.from('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok')),
      'ok',
    ],
    'after 1xx': [
      answerWith(
        Buffer.from(
          `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${OK}`,
        ),
      ),
      'ok',
    ],
    '204': [answerWith(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n')), ''],
  };
  for (const [name, [script, body]] of Object.entries(shapes)) {
    test(name, async (t) => {
      const peer = await rawPeer(t, script);
      const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
      const wire = await openWire(gateway.httpPort);
      const answer = await wire.call(callBytes('call', 'x'));
      assert.equal(codeOf(answer), 1000);
      assert.equal(answer.body.toString(), body);
      await wire.close();
      const other = await rawPeer(t, script);
      const mmtp = await gatewayTo(t, [`127.0.0.1:${other.port}`]);
      const client = await connectMmtp({ port: mmtp.mmtpPort });
      assert.equal((await client.call('call', 'x')).body.toString(), body);
      await client.close();
    });
  }
});
