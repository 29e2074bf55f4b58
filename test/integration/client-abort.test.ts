// Clients that leave at every stage of a call, many times over: the service is told, nothing stays
// open, and calls of others are not touched.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import * as control from '#core/codec/mmtp/control.ts';
import { resetSocket } from '#test/peers/reset.ts';
import { helloRequest, SOFA_SERVICE, startSofaPeer } from '#test/peers/sofa.ts';
import type { Peer } from '#test/peers/peer.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, openWire, type HttpWire } from './http-wire.ts';
import { frameBytes, openMmtp, requestBytes, type MmtpWire } from './mmtp-wire.ts';
import { echo, startService, type Service } from './service.ts';
import { until } from './wait.ts';

/** Enough to see a leak of one object a round in the counters; little enough to be quick. */
const ROUNDS = 200;

/** Connections that abort at the same time. */
const AT_ONCE = 20;

let service: Service;
let sofa: Peer;
let gateway: TestGateway;

before(async () => {
  service = await startService();
  sofa = await startSofaPeer();
  gateway = await startGateway({
    listeners: { headerTimeoutMs: 60_000, bodyTimeoutMs: 60_000 },
    upstreams: {
      app: { protocol: 'http', hosts: [service.host], connectionsMax: 64 },
      narrow: { protocol: 'http', hosts: [service.host], connectionsMax: 1, waitMs: 60_000 },
      bolt: { protocol: 'bolt', hosts: [`127.0.0.1:${sofa.port}`], connections: 1 },
    },
    groups: { all: { timeoutMs: 60_000 } },
    apis: [
      { operationType: 'call', group: 'all', upstream: { name: 'app' } },
      { operationType: 'waiting', group: 'all', upstream: { name: 'narrow' } },
      {
        operationType: 'bolt',
        group: 'all',
        upstream: { name: 'bolt', service: SOFA_SERVICE, method: 'slow' },
      },
      {
        operationType: 'quick',
        group: 'all',
        upstream: { name: 'bolt', service: SOFA_SERVICE, method: 'hello' },
      },
    ],
  });
});

after(async () => {
  await gateway.stop();
  await service.stop();
  await sofa.stop();
});

beforeEach(() => {
  service.answer = echo;
});

/** Runs `round` {@link ROUNDS} times, some at once; then everything must be as before. */
async function repeat(round: () => Promise<void>): Promise<void> {
  for (let done = 0; done < ROUNDS; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, round));
  }
  await gateway.settled();
  await until(() => gateway.counters.http.connectionsOpen === 0, 'HTTP connections are gone');
  await until(() => gateway.counters.mmtp.connectionsOpen === 0, 'Mmtp connections are gone');
  const answer = await callOnce(gateway.httpPort, callBytes('call', 'still fine'));
  assert.equal(answer.body.toString(), 'still fine');
}

async function withHttp(use: (wire: HttpWire) => Promise<void>): Promise<void> {
  const wire = await openWire(gateway.httpPort);
  try {
    await use(wire);
  } finally {
    resetSocket(wire.socket);
    await wire.closed;
  }
}

async function withMmtp(use: (wire: MmtpWire) => Promise<void>): Promise<void> {
  const wire = await openMmtp(gateway.mmtpPort);
  try {
    await use(wire);
  } finally {
    resetSocket(wire.socket);
    await wire.closed;
  }
}

/** Waits until the gateway has read what was sent: its books show `count` calls more. */
function startedSince(): (count: number) => Promise<void> {
  const { exchangesStarted } = gateway.counters;
  return (count) =>
    until(
      () => gateway.counters.exchangesStarted >= exchangesStarted + count,
      'the gateway has the request',
    );
}

describe('an HTTP client that leaves', () => {
  test('before its head is complete', () =>
    repeat(() =>
      withHttp(async (wire) => {
        wire.write(callBytes('call', 'x').slice(0, 40));
        await new Promise((resolve) => setImmediate(resolve));
      }),
    ));

  test('while its body is on the way, plain or chunked', async () => {
    let round = 0;
    await repeat(() =>
      withHttp(async (wire) => {
        const started = startedSince();
        const plain = callBytes('call', 'x'.repeat(3000));
        const chunked = plain.replace(
          /Content-Length: \d+\r\n\r\nx+/,
          'Transfer-Encoding: chunked\r\n\r\n9\r\nx',
        );
        wire.write(round++ % 2 === 0 ? plain.slice(0, 1000) : chunked);
        await started(1);
      }),
    );
    assert.ok(
      service.seen.every(({ body }) => !body.startsWith('x')),
      'half a request was sent on',
    );
  });

  test('while the service works: its connection is closed', async () => {
    service.answer = () => {};
    const seen = service.seen.length;
    let round = 0;
    for (let done = 0; done < ROUNDS; done += AT_ONCE) {
      const wires = await Promise.all(
        Array.from({ length: AT_ONCE }, () => openWire(gateway.httpPort)),
      );
      for (const wire of wires) wire.write(callBytes('call', `${round++}`));
      await until(() => service.seen.length === seen + round, 'all calls are with the service');
      for (const wire of wires) wire.socket.end();
      await until(() => service.sockets.size === 0, 'the service was told');
      for (const wire of wires) await wire.close();
    }
    service.answer = echo;
    await repeat(async () => {});
  });

  test('while it waits for a connection: the service never hears of it', async () => {
    const held: ServerResponse[] = [];
    service.answer = (_seen, response) => void held.push(response);
    const holder = await openWire(gateway.httpPort);
    holder.write(callBytes('waiting', 'holder'));
    await until(() => held.length === 1, 'the only connection is taken');
    const seen = service.seen.length;
    for (let done = 0; done < ROUNDS; done += AT_ONCE) {
      const wires = await Promise.all(
        Array.from({ length: AT_ONCE }, () => openWire(gateway.httpPort)),
      );
      for (const wire of wires) wire.write(callBytes('waiting', 'leaving'));
      await until(() => gateway.upstream('narrow').waiters === AT_ONCE, 'all wait');
      for (const wire of wires) resetSocket(wire.socket);
      await until(() => gateway.upstream('narrow').waiters === 0, 'the line is empty');
    }
    assert.equal(service.seen.length, seen);
    held[0]!.end('done');
    assert.equal((await holder.answer()).body.toString(), 'done');
    await holder.close();
    service.answer = echo;
    await repeat(async () => {});
  });

  test('in the middle of a streamed answer: the service stops', async () => {
    service.answer = (_seen, response) => {
      const more = (): void => {
        if (response.destroyed) return;
        response.write('x'.repeat(1000), () => setImmediate(more));
      };
      more();
    };
    for (let done = 0; done < ROUNDS / 4; done += AT_ONCE) {
      const wires = await Promise.all(
        Array.from({ length: AT_ONCE }, () => openWire(gateway.httpPort)),
      );
      for (const wire of wires) wire.write(callBytes('call', 'x'));
      for (const wire of wires) await until(() => wire.unread.length > 1000, 'the answer began');
      for (const wire of wires) resetSocket(wire.socket);
      await until(() => service.sockets.size === 0, 'the service was told');
    }
    service.answer = echo;
    await repeat(async () => {});
  });

  test('with requests pipelined behind: none of them is sent', async () => {
    service.answer = () => {};
    const seen = service.seen.length;
    for (let round = 0; round < ROUNDS / AT_ONCE; round++) {
      const started = startedSince();
      const leave = (wire: HttpWire): Promise<void> => {
        wire.write(callBytes('call', 'first') + callBytes('call', 'second').repeat(3));
        return started(1);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, () => withHttp(leave)));
    }
    await gateway.settled();
    service.answer = echo;
    await repeat(async () => {});
    assert.ok(service.seen.slice(seen).every(({ body }) => body !== 'second'));
  });
});

describe('an Mmtp client that leaves', () => {
  test('with calls open at HTTP and Bolt services: both are told or forget', async () => {
    service.answer = () => {};
    const { connectionsClosed } = gateway.upstream('bolt');
    for (let done = 0; done < ROUNDS; done += AT_ONCE) {
      const wires = await Promise.all(
        Array.from({ length: AT_ONCE }, () => openMmtp(gateway.mmtpPort)),
      );
      const seen = service.seen.length;
      for (const wire of wires) {
        const slow = { body: helloRequest('x', 50), contentType: 1 };
        wire.write(requestBytes(1, 'call', 'x'), requestBytes(3, 'bolt', '', slow));
      }
      await until(() => service.seen.length === seen + AT_ONCE, 'the HTTP calls');
      await until(() => gateway.upstream('bolt').requestsOpen === AT_ONCE, 'the Bolt calls');
      for (const wire of wires) resetSocket(wire.socket);
      await until(() => gateway.openCount === 0, 'nothing is open');
      await until(() => service.sockets.size === 0, 'the HTTP service was told');
    }
    // Other calls share the Bolt connection: it must outlive those that leave.
    assert.equal(gateway.upstream('bolt').connectionsClosed, connectionsClosed);
    service.answer = echo;
    await repeat(() =>
      withMmtp(async (wire) => {
        wire.write(requestBytes(1, 'quick', '', { body: helloRequest('y'), contentType: 1 }));
        assert.equal((await wire.response()).code, 1000);
      }),
    );
  });

  test('in the middle of a frame', () =>
    repeat(() =>
      withMmtp(async (wire) => {
        wire.write(requestBytes(1, 'call', 'x'.repeat(500)).subarray(0, 300));
        await new Promise((resolve) => setImmediate(resolve));
      }),
    ));

  test('by CANCEL, again and again on one connection', async () => {
    service.answer = () => {};
    const wire = await openMmtp(gateway.mmtpPort);
    for (let round = 0; round < ROUNDS; round++) {
      const slow = { body: helloRequest('x', 20), contentType: 1 };
      const seen = service.seen.length;
      wire.write(requestBytes(1, 'call', 'x'), requestBytes(3, 'bolt', '', slow));
      await until(() => service.seen.length === seen + 1, 'the HTTP call');
      wire.write(...[1, 3].map((id) => frameBytes((out) => control.encodeCancel(out, id))));
      await until(() => gateway.openCount === 0, 'both calls are forgotten');
    }
    await until(() => service.sockets.size === 0, 'the service was told');
    service.answer = echo;
    wire.write(requestBytes(1, 'call', 'answered'));
    assert.equal((await wire.response()).body.toString(), 'answered');
    await wire.close();
    await repeat(async () => {});
  });
});
