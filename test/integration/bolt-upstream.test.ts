// The gateway in front of Bolt services that fail, vanish, fall silent or come back: many calls
// share a connection, so its loss must cost as little as possible.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { BoltFrame } from '#core/codec/bolt/frame.ts';
import { CommandCode, Status } from '#core/codec/bolt/types.ts';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { refusedPort, stall, startRawPeer } from '#test/peers/raw.ts';
import { helloRequest, SOFA_SERVICE } from '#test/peers/sofa.ts';
import {
  boltPeer,
  frames,
  gatewayTo,
  heartbeat,
  heartbeatAck,
  isRequest,
  PROTOBUF,
  response,
} from './bolt-support.ts';
import { startGateway } from './gateway.ts';
import { startService } from './service.ts';
import { until } from './wait.ts';

describe('a Bolt service that fails', () => {
  test('statuses become result codes', async (t) => {
    const codes = new Map<number, number>([
      [Status.serverThreadPoolBusy, 4002],
      [Status.timeout, 4001],
      [Status.noProcessor, 6000],
      [Status.unknown, 4002],
    ]);
    let status = 0;
    const peer = await boltPeer(t, (frame) => response(frame.requestId, '', status));
    const { client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    for (const [sent, code] of codes) {
      status = sent;
      const answer = await client.call('hello', helloRequest('x'), PROTOBUF);
      assert.equal(answer.resultCode, code, `status ${sent}`);
    }
  });

  test('down is 4002 at once, unknown is 4003', async (t) => {
    const down = await gatewayTo(t, [`127.0.0.1:${await refusedPort(t)}`]);
    const unknown = await gatewayTo(t, ['no-such-host.invalid:80']);
    const startedMs = performance.now();
    for (let i = 0; i < 3; i++) {
      const answer = await down.client.call('hello', helloRequest('x'), PROTOBUF);
      assert.equal(answer.resultCode, 4002);
    }
    assert.equal((await unknown.client.call('hello', helloRequest('x'))).resultCode, 4003);
    assert.ok(performance.now() - startedMs < 1500);
  });

  test('garbage is 4002 for every call on the connection, and it is closed', async (t) => {
    for (const garbage of ['garbage, not Bolt', '\x01\x00\x00\x02\x01']) {
      let requests = 0;
      const peer = await boltPeer(t, () =>
        ++requests < 4 ? null : Buffer.from(garbage, 'latin1'),
      );
      const { client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], { connections: 1 });
      const calls = [1, 2, 3, 4].map(() => client.call('short', helloRequest('x'), PROTOBUF));
      const codes = (await Promise.all(calls)).map(({ resultCode }) => resultCode);
      // The second one is the beginning of a frame whose rest never comes: time decides.
      assert.deepEqual(new Set(codes), new Set([garbage.startsWith('g') ? 4002 : 4001]));
    }
  });

  test('an answer that is too large is 4002', async (t) => {
    const peer = await boltPeer(t, (frame) => response(frame.requestId, 'x'.repeat(20_000)));
    const { client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], { responseBytesMax: 10_000 });
    assert.equal((await client.call('hello', helloRequest('x'), PROTOBUF)).resultCode, 4002);
  });

  test('answers that nobody asked for are dropped', async (t) => {
    const peer = await boltPeer(t, ({ requestId }) =>
      Buffer.concat([
        response(requestId + 1000, 'no'),
        response(requestId, 'yes'),
        response(requestId, 'no'),
      ]),
    );
    const { client, gateway } = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    for (let i = 0; i < 5; i++) {
      const answer = await client.call('hello', helloRequest('x'), PROTOBUF);
      assert.equal(answer.body.toString(), 'yes');
    }
    assert.ok((await gateway.counted()).upstream('app').lateResponses >= 8);
  });

  test('a request of the server is refused, not answered', async (t) => {
    const refused: number[] = [];
    const peer = await boltPeer(t, (frame) => {
      if (!isRequest(frame)) {
        refused.push(frame.requestId);
        return null;
      }
      // What came is sent back as a request of the server's own.
      return Buffer.concat([peer.received(0), response(frame.requestId, 'yes')]);
    });
    const { client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], { connections: 1 });
    const answer = await client.call('hello', helloRequest('x'), PROTOBUF);
    assert.equal(answer.body.toString(), 'yes');
    await until(() => refused.length === 1, 'the refusal');
  });
});

describe('a Bolt connection that is lost', () => {
  test('open calls are 4002; the next one finds a new connection', async (t) => {
    let isDropping = false;
    const peer = await boltPeer(t, (frame, _content, socket) => {
      if (!isDropping) return response(frame.requestId, 'ok');
      if (isRequest(frame)) setImmediate(() => socket.destroy());
      return null;
    });
    const { client, gateway } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], { connections: 1 });
    assert.equal((await client.call('hello', helloRequest('x'), PROTOBUF)).resultCode, 1000);
    for (let round = 0; round < 5; round++) {
      isDropping = true;
      const calls = [1, 2, 3].map(() => client.call('hello', helloRequest('x'), PROTOBUF));
      for (const { resultCode } of await Promise.all(calls)) assert.equal(resultCode, 4002);
      isDropping = false;
      // A server that worked is expected to be back: nobody is turned away in between.
      const next = await client.call('hello', helloRequest('x'), PROTOBUF);
      assert.equal(next.resultCode, 1000);
    }
    assert.equal((await gateway.counted()).upstream('app').connectionsOpen, 1);
    assert.equal((await gateway.counted()).upstream('app').resets, 5);
  });

  test('an idempotent call is sent again on another connection, once', async (t) => {
    let isFirst = true;
    let requests = 0;
    const peer = await boltPeer(t, (frame, _content, socket) => {
      requests++;
      if (!isFirst) return response(frame.requestId, 'second');
      isFirst = false;
      socket.destroy();
      return null;
    });
    const { client, gateway } = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    const answer = await client.call('safe', helloRequest('x'), PROTOBUF);
    assert.equal(answer.body.toString(), 'second');
    assert.equal(requests, 2);
    assert.equal((await gateway.counted()).upstream('app').retries, 1);
  });

  test('a server that takes connections and drops them is not hammered', async (t) => {
    const peer = await startRawPeer((socket) => void socket.end());
    t.after(() => peer.stop());
    const delays = { connections: 1, reconnectMinMs: 50, reconnectMaxMs: 100 };
    const { client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], delays);
    const startedMs = performance.now();
    while (performance.now() - startedMs < 500) {
      const answer = await client.call('hello', helloRequest('x'), PROTOBUF);
      assert.equal(answer.resultCode, 4002);
    }
    assert.ok(peer.connections <= 25, `${peer.connections} connections in half a second`);
  });

  test('comes back by itself after the service was down for a while', async (t) => {
    const port = await refusedPort(t);
    const { client, gateway } = await gatewayTo(t, [`127.0.0.1:${port}`], { reconnectMaxMs: 100 });
    assert.equal((await client.call('hello', helloRequest('x'), PROTOBUF)).resultCode, 4002);
    const server = createServer((socket) => {
      frames(socket, (frame) => response(frame.requestId, 'back'));
      socket.on('error', () => {});
      t.after(() => socket.destroy());
    });
    server.listen(port, '127.0.0.1');
    t.after(() => server.close());
    await until(() => gateway.upstream().connectionsOpen === 2, 'connections without a call');
    assert.equal((await client.call('hello', helloRequest('x'))).body.toString(), 'back');
  });
});

describe('heartbeats', () => {
  const TIMES = { connections: 1, heartbeatMs: 200, heartbeatMissesMax: 2 };

  test('are sent while it is silent, and keep the connection', async (t) => {
    let beats = 0;
    const peer = await boltPeer(t, (frame) => {
      if (isRequest(frame)) return response(frame.requestId, 'ok');
      beats++;
      return heartbeatAck(frame.requestId);
    });
    const { client, gateway } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], TIMES);
    await client.call('hello', helloRequest('x'), PROTOBUF);
    await until(
      () => beats >= 3,
      () => `${beats} heartbeats`,
    );
    assert.equal((await gateway.counted()).upstream('app').heartbeatsMissed, 0);
    assert.equal(peer.connections, 1);
  });

  test('a peer that is silent is given up, and the next call connects anew', async (t) => {
    let isSilent = false;
    const peer = await boltPeer(t, (frame) => (isSilent ? null : response(frame.requestId, 'ok')));
    const { client, gateway } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], TIMES);
    await client.call('hello', helloRequest('x'), PROTOBUF);
    isSilent = true;
    await peer.waitForClose(0);
    assert.equal((await gateway.counted()).upstream('app').heartbeatsMissed, 2);
    isSilent = false;
    assert.equal((await client.call('hello', helloRequest('x'))).body.toString(), 'ok');
  });

  test('of the server are answered', async (t) => {
    const acks: number[] = [];
    const peer = await boltPeer(t, (frame) => {
      if (frame.command === CommandCode.heartbeat) {
        acks.push(frame.requestId);
        return null;
      }
      return Buffer.concat([heartbeat(77), response(frame.requestId, 'ok')]);
    });
    const { client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`]);
    await client.call('hello', helloRequest('x'), PROTOBUF);
    await until(() => acks.includes(77), 'the acknowledgement');
  });
});

describe('several Bolt hosts', () => {
  test('the second serves while the first is down, and gives it back', async (t) => {
    const named = (name: string) => (frame: BoltFrame) => response(frame.requestId, name);
    const port = await refusedPort(t);
    const second = await boltPeer(t, named('second'));
    const hosts = [`127.0.0.1:${port}`, `127.0.0.1:${second.port}`];
    const { client } = await gatewayTo(t, hosts, { reconnectMinMs: 20, reconnectMaxMs: 50 });
    const ask = async (): Promise<string> => {
      const { resultCode, body } = await client.call('hello', helloRequest('x'), PROTOBUF);
      assert.equal(resultCode, 1000);
      return body.toString();
    };
    const startedMs = performance.now();
    while (performance.now() - startedMs < 300) assert.equal(await ask(), 'second');
    const sockets = new Set<Socket>();
    const first = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      frames(socket, named('first'));
    });
    first.listen(port, '127.0.0.1');
    for (let name = ''; name !== 'first';) {
      assert.ok(performance.now() - startedMs < 6000, 'the first host never serves again');
      name = await ask();
    }
    first.close();
    for (const socket of sockets) socket.destroy();
    for (let name = ''; name !== 'second';) {
      assert.ok(performance.now() - startedMs < 9000, 'the second host never serves again');
      const { body } = await client.call('safe', helloRequest('x'), PROTOBUF);
      name = body.toString();
    }
  });
});

test('a Bolt service that reads nothing does not stop calls to others for long', async (t) => {
  const peer = await startRawPeer(stall);
  t.after(() => peer.stop());
  const service = await startService();
  t.after(() => service.stop());
  const hosts = [`127.0.0.1:${peer.port}`];
  const gateway = await startGateway({
    upstreams: {
      bolt: { protocol: 'bolt', hosts, connections: 1, stallMs: 500 },
      app: { protocol: 'http', hosts: [service.host] },
    },
    apis: [
      {
        operationType: 'bolt',
        timeoutMs: 60_000,
        upstream: { name: 'bolt', service: SOFA_SERVICE, method: 'hello' },
      },
      { operationType: 'echo', upstream: { name: 'app' } },
    ],
  });
  t.after(() => gateway.stop());
  const client = await connectMmtp({ port: gateway.mmtpPort });
  const body = helloRequest('x'.repeat(60_000));
  const calls = Array.from({ length: 400 }, () => client.call('bolt', body, PROTOBUF));
  await until(() => gateway.counters.mmtp.readPauses > 0, 'the client is not read');
  // On the same connection, behind what the gateway does not read.
  assert.equal((await client.call('echo', 'other')).body.toString(), 'other');
  assert.equal((await gateway.counted()).upstream('bolt').stalls, 1);
  const refused = await client.call('bolt', body, PROTOBUF);
  assert.equal(refused.resultCode, 4002);
  // The service dies: what it had taken, or seemed to, has failed too.
  await peer.stop();
  for (const { resultCode } of await Promise.all(calls)) assert.equal(resultCode, 4002);
  await client.close();
  await gateway.settled();
});
