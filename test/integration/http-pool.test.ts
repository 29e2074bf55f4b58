// Connections to HTTP services: kept, reused, lost under a call, waited for, shared out over hosts.
// What is tried again, and what never is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { refusedPort } from '#test/peers/raw.ts';
import { resetSocket } from '#test/peers/reset.ts';
import { callBytes, callOnce, codeOf, openWire } from './http-wire.ts';
import { echo, Service, type Answer } from './service.ts';
import { codeFor, gatewayTo, service } from './upstream-support.ts';
import { until } from './wait.ts';

describe('connections to a service', () => {
  test('are kept and used again', async (t) => {
    const app = await service(t);
    const gateway = await gatewayTo(t, [app.host]);
    for (let i = 0; i < 10; i++) assert.equal(await codeFor(gateway), 1000);
    assert.equal(app.connections, 1);
  });

  test('end when the service says so', async (t) => {
    const app = await service(t, (_seen, response) => {
      response.setHeader('Connection', 'close');
      response.end('x');
    });
    const gateway = await gatewayTo(t, [app.host]);
    for (let i = 0; i < 3; i++) assert.equal(await codeFor(gateway), 1000);
    assert.equal(app.connections, 3);
    await until(() => gateway.upstream().connectionsOpen === 0, 'all are closed');
  });

  test('are closed before the service would close them', async (t) => {
    const app = await service(t, (_seen, response) => {
      response.setHeader('Keep-Alive', 'timeout=1');
      response.end('x');
    });
    const gateway = await gatewayTo(t, [app.host]);
    for (let i = 0; i < 3; i++) assert.equal(await codeFor(gateway), 1000);
    assert.equal(app.connections, 3);
    const idle = await gatewayTo(t, [app.host], { idleTimeoutMs: 100 });
    app.answer = echo;
    assert.equal(await codeFor(idle), 1000);
    await until(() => idle.upstream().connectionsOpen === 0, 'the idle one is closed');
  });

  test('that the service closed while idle cost no request', async (t) => {
    const app = await service(t);
    const gateway = await gatewayTo(t, [app.host]);
    for (let i = 0; i < 5; i++) {
      assert.equal(await codeFor(gateway), 1000);
      for (const socket of app.sockets) socket.destroy();
      // Counted afresh each time: the connection may not even be known to be open yet.
      while ((await gateway.counted()).upstream('app').connectionsOpen > 0) await turn();
    }
  });

  test('lost under a call: an idempotent one is sent again, another never', async (t) => {
    let isFirst = true;
    const bodies: string[] = [];
    const app = await service(t, (seen, response, request) => {
      bodies.push(seen.body);
      if (isFirst) request.socket.destroy();
      else response.end('second');
      isFirst = false;
    });
    const gateway = await gatewayTo(t, [app.host]);
    const answer = await callOnce(gateway.httpPort, callBytes('safe', 'again'));
    assert.equal(answer.body.toString(), 'second');
    assert.deepEqual(bodies, ['again', 'again']);
    assert.equal((await gateway.counted()).upstream('app').retries, 1);
    isFirst = true;
    assert.equal(await codeFor(gateway), 4002);
    assert.deepEqual(bodies, ['again', 'again', 'x']);
    isFirst = true;
    const client = await connectMmtp({ port: gateway.mmtpPort });
    assert.equal((await client.call('safe', 'over Mmtp')).body.toString(), 'second');
    assert.deepEqual(bodies.slice(3), ['over Mmtp', 'over Mmtp']);
    await client.close();
  });

  test('lost twice: an idempotent call fails after its second attempt', async (t) => {
    let attempts = 0;
    const app = await service(t, (_seen, _response, request) => {
      attempts++;
      request.socket.destroy();
    });
    const gateway = await gatewayTo(t, [app.host]);
    assert.equal(await codeFor(gateway, 'safe'), 4002);
    assert.equal(attempts, 2);
  });

  test('a second attempt does not take another connection that may be as dead', async (t) => {
    let isBreaking = false;
    const app = await service(t, (seen, response) => {
      if (isBreaking) for (const socket of app.sockets) resetSocket(socket);
      else response.end(seen.body);
    });
    const gateway = await gatewayTo(t, [app.host]);
    const wires = await Promise.all([1, 2, 3, 4].map(() => openWire(gateway.httpPort)));
    await Promise.all(wires.map((wire) => wire.call(callBytes('safe', 'x'))));
    await until(() => gateway.upstream().connectionsOpen >= 2, 'some idle connections');
    isBreaking = true;
    app.answer = (seen, response) => {
      if (isBreaking) {
        isBreaking = false;
        for (const socket of app.sockets) resetSocket(socket);
      } else response.end(seen.body);
    };
    assert.equal((await wires[0]!.call(callBytes('safe', 'y'))).body.toString(), 'y');
    for (const wire of wires) await wire.close();
  });
});

describe('a pool that is full', () => {
  test('callers wait their turn, in order', async (t) => {
    const held: (() => void)[] = [];
    const app = await service(t, (seen, response) => void held.push(() => response.end(seen.body)));
    const gateway = await gatewayTo(t, [app.host], { connectionsMax: 1 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const order: string[] = [];
    const calls = ['a', 'b', 'c', 'd'].map(async (name) => {
      const { body } = await client.call('call', name);
      order.push(body.toString());
    });
    for (let i = 0; i < 4; i++) {
      await until(() => held.length === 1, `request ${i} at the service`);
      held.splice(0)[0]!();
    }
    await Promise.all(calls);
    assert.deepEqual(order, ['a', 'b', 'c', 'd']);
    assert.equal(app.connections, 1);
  });

  test('waiting too long is 4002, and one too many is refused at once', async (t) => {
    const held: (() => void)[] = [];
    const app = await service(t, (_seen, response) => void held.push(() => response.end('late')));
    const gateway = await gatewayTo(t, [app.host], {
      connectionsMax: 1,
      waitersMax: 2,
      waitMs: 200,
    });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const first = client.call('call', '1');
    await until(() => held.length === 1, 'the first request');
    const startedMs = performance.now();
    const waiting = [client.call('call', '2'), client.call('call', '3')];
    assert.equal((await client.call('call', '4')).resultCode, 4002);
    assert.ok(performance.now() - startedMs < 150, 'the fourth was made to wait');
    for (const { resultCode } of await Promise.all(waiting)) assert.equal(resultCode, 4002);
    const waitedMs = performance.now() - startedMs;
    assert.ok(waitedMs >= 198, `${waitedMs}`);
    assert.equal((await gateway.counted()).upstream('app').waitTimeouts, 2);
    assert.equal((await gateway.counted()).upstream('app').waitsRefused, 1);
    for (const answer of held) answer();
    assert.equal((await first).resultCode, 1000);
  });

  test('a caller that leaves the line takes nobody with it', async (t) => {
    const held: (() => void)[] = [];
    const app = await service(t, (seen, response) => void held.push(() => response.end(seen.body)));
    const gateway = await gatewayTo(t, [app.host], { connectionsMax: 1 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const first = client.call('call', '1');
    await until(() => held.length === 1, 'the first request');
    const leaving = new AbortController();
    const second = client.call('call', '2', { signal: leaving.signal });
    const third = client.call('call', '3');
    await until(() => gateway.upstream().waiters === 2, 'two in the line');
    leaving.abort();
    await assert.rejects(second);
    await until(() => gateway.upstream().waiters === 1, 'one in the line');
    held.splice(0)[0]!();
    assert.equal((await first).body.toString(), '1');
    await until(() => held.length === 1, 'the next request');
    held.splice(0)[0]!();
    assert.equal((await third).body.toString(), '3');
    assert.deepEqual(
      app.seen.map(({ body }) => body),
      ['1', '3'],
    );
  });
});

describe('several hosts', () => {
  test('the first one is preferred; the second serves while it is down', async (t) => {
    const named =
      (name: string): Answer =>
      (_seen, response) =>
        void response.end(name);
    const port = await refusedPort(t);
    const second = await service(t, named('second'));
    const hosts = [`127.0.0.1:${port}`, second.host];
    const limits = { connectionsMax: 1, reconnectMinMs: 20, reconnectMaxMs: 50 };
    const gateway = await gatewayTo(t, hosts, limits);
    const ask = async (): Promise<string> => {
      const answer = await callOnce(gateway.httpPort, callBytes('call', 'x'));
      assert.equal(codeOf(answer), 1000);
      return answer.body.toString();
    };
    const untilNamed = async (operationType: string, name: string): Promise<void> => {
      const deadline = performance.now() + 5000;
      for (let body = ''; body !== name;) {
        assert.ok(performance.now() < deadline, `never answered by ${name}`);
        const answer = await callOnce(gateway.httpPort, callBytes(operationType, 'x'));
        body = answer.body.toString();
      }
    };
    // Over many attempts to reach the first host again no call fails or waits long.
    const startedMs = performance.now();
    let calls = 0;
    while (performance.now() - startedMs < 400) {
      const oneMs = performance.now();
      assert.equal(await ask(), 'second');
      assert.ok(performance.now() - oneMs < 300, 'a call waited for the host that is down');
      calls++;
    }
    assert.ok(calls > 20 && (await gateway.counted()).upstream('app').connectFailures > 3);
    const first = await new Service(named('first')).listen(port);
    await untilNamed('call', 'first');
    for (let i = 0; i < 5; i++) assert.equal(await ask(), 'first');
    await first.stop();
    await untilNamed('safe', 'second');
  });
});
