// Lanes in trouble that clients, services or operators make without meaning to: bursts of
// configurations, tiny chunks, lanes that stay away, connections that close behind a full ring.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectMmtp, type MmtpClient } from '#cli/client/mmtp-client.ts';
import { fnv1a } from '#core/base/fnv.ts';
import { RequestMessage } from '#core/codec/message.ts';
import { LaneBench } from './lane-support.ts';
import { until, within } from './wait.ts';

const OK = 1000;

/** Blocks its lane until the file that it is told is gone. */
const BLOCKS = `
import { existsSync } from 'node:fs';
export const filters = [{
  name: 'blocks',
  maturity: 'beta',
  phases: ['requestBody'],
  create: ({ api }) => api.operationType !== 'blocks' ? null : {
    requestBody(exchange) {
      const { bodySource, bodyOffset, bodyLength } = exchange.request;
      const file = bodySource.utf8Slice(bodyOffset, bodyOffset + bodyLength);
      while (existsSync(file));
      return 0;
    },
  },
}];`;

const bench = new LaneBench(['echo', 'blocks']);

let ids = 0;

/** An id that names lane 1 of two. */
function idOfLaneOne(): Buffer {
  for (;;) {
    const id = Buffer.from(`request-${String(ids++).padStart(8, '0')}`);
    if (fnv1a(id, 0, id.length) % 2 === 0) return id;
  }
}

describe('lanes', () => {
  test('take configurations as fast as they come', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    const stop = new AbortController();
    const codes = new Set<number>();
    const loops = Array.from({ length: 100 }, async () => {
      while (!stop.signal.aborted) codes.add((await client.call('echo', 'x')).resultCode);
    });
    for (let revision = 2; revision < 40; revision += 2) {
      const both = [revision, revision + 1].map((next) =>
        gateway.apply(bench.config({ workers: 1 }, { revision: next })),
      );
      for (const { ok } of await Promise.all(both)) assert.ok(ok);
    }
    stop.abort();
    await Promise.all(loops);
    await client.close();
    assert.deepEqual([...codes], [OK]);
    assert.equal(gateway.acceptor.counters.lanesLost, 0);
  });

  test('that are replaced run with what the process was started with', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1, exchangesMax: 1000 });
    const client = await connectMmtp({ port: gateway.mmtpPort });
    const smaller = bench.config({ workers: 1, exchangesMax: 2 }, { revision: 2 });
    assert.ok((await gateway.apply(smaller)).ok);
    const { pool, counters } = gateway.acceptor;
    pool!.kill(1);
    await until(() => counters.lanesLost === 1, 'the lane is dead');
    await until(() => pool!.dispatcher.links[0] !== null, 'the lane is replaced');
    const calls = Array.from({ length: 100 }, () => client.call('echo', 'x'));
    for (const { resultCode } of await Promise.all(calls)) assert.equal(resultCode, OK);
    assert.equal(counters.lanesLost, 1);
    await client.close();
  });

  test('that stay away cost those who wait for them one copy', async (t) => {
    const gateway = await bench.gateway(t, { workers: 1 });
    const { pool, counters } = gateway.acceptor;
    const client = await connectMmtp({ port: gateway.mmtpPort, deviceId: 'phone' });
    // Every death lets the next start wait longer.
    for (let death = 1; death <= 4; death++) {
      await until(() => pool!.dispatcher.links[0] !== null, 'the lane serves', 10_000);
      pool!.kill(1);
      await until(() => counters.lanesLost === death, 'the lane is dead');
    }
    const retain = t.mock.method(RequestMessage.prototype, 'retain');
    const calls = Array.from({ length: 20 }, () =>
      client.call('echo', 'x', { requestId: idOfLaneOne() }),
    );
    for (const { resultCode } of await Promise.all(calls)) assert.equal(resultCode, OK);
    // By the dispatcher, and by the lane's link should its ring be full.
    assert.ok(retain.mock.callCount() <= 40, `${retain.mock.callCount()} copies`);
    await client.close();
  });

  test('outlive connections that close while their requests wait for room', async (t) => {
    const module = join(bench.directory, 'blocks.mjs');
    writeFileSync(module, BLOCKS);
    const gateway = await bench.gateway(t, { workers: 2 }, { filters: { modules: [module] } });
    const block = join(bench.directory, 'block');
    writeFileSync(block, '');
    const open = () => connectMmtp({ port: gateway.mmtpPort, deviceId: 'phone' });
    const call = (client: MmtpClient, operationType = 'echo', body = 'x') =>
      client.call(operationType, body, { requestId: idOfLaneOne() });
    const [known, late] = [await open(), await open()];
    const fillers = await Promise.all(Array.from({ length: 20 }, open));
    assert.equal((await call(known)).resultCode, OK);
    const link = gateway.acceptor.pool!.dispatcher.links[0]!;
    const calls = [call(fillers[0]!, 'blocks', block)];
    for (let i = 0; !link.wantsRoom; i++) {
      calls.push(call(fillers[i % fillers.length]!));
      if (i % fillers.length === 0) await turn();
    }
    calls.push(call(late));
    await known.close();
    await turn();
    rmSync(block);
    for (const { resultCode } of await Promise.all(calls)) assert.equal(resultCode, OK);
    assert.equal((await call(late)).resultCode, OK);
    assert.equal(gateway.acceptor.counters.lanesLost, 0);
    for (const client of [late, ...fillers]) await client.close();
  });

  test('stream what a service sends byte by byte', async (t) => {
    const bytes = 20_000;
    const streams = 10;
    const tiny = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
        socket.write(`${head}${'1\r\nx\r\n'.repeat(bytes)}0\r\n\r\n`);
      });
    }).listen(0, '127.0.0.1');
    await once(tiny, 'listening');
    t.after(() => tiny.close());
    const { port } = tiny.address() as AddressInfo;
    const upstreams = { app: { protocol: 'http', hosts: [`127.0.0.1:${port}`] } };
    // Time for busy machines: this is about order and number, not about speed.
    const apis = [{ operationType: 'echo', timeoutMs: 60_000 }];
    const gateway = await bench.gateway(t, { workers: 1 }, { upstreams, apis });
    const answers = Array.from({ length: streams }, () => {
      const socket = connect(gateway.httpPort, '127.0.0.1');
      const get = 'POST /mgw.htm HTTP/1.1\r\nHost: a\r\nOperation-Type: echo\r\n';
      socket.write(`${get}Content-Length: 1\r\nConnection: close\r\n\r\nx`);
      return bodyOf(socket);
    });
    for (const body of await Promise.all(answers)) assert.equal(body, 'x'.repeat(bytes));
    assert.equal(gateway.acceptor.counters.lanesLost, 0);
    const records = bytes * streams;
    const bells = (await gateway.acceptor.pool!.status())[0]!.bells;
    assert.ok(bells < records / 100, `${bells} bells`);
  });
});

/** The chunked body of the only answer on `socket`. */
async function bodyOf(socket: ReturnType<typeof connect>): Promise<string> {
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (part: string) => (text += part));
  await within(once(socket, 'close'), 'the answer');
  let at = text.indexOf('\r\n\r\n') + 4;
  let body = '';
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const length = Number.parseInt(text.slice(at, lineEnd), 16);
    if (!(length > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
}
