// Clients and services that do not read: the gateway stops reading on the other side, keeps its
// memory within what the settings say, and serves everybody else.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { startRawPeer, stall } from '#test/peers/raw.ts';
import { helloRequest, SOFA_SERVICE } from '#test/peers/sofa.ts';
import { frames, isRequest, PROTOBUF, response } from './bolt-support.ts';
import {
  makeKeyDirectory,
  startGateway,
  startSidecar,
  testConfig,
  type Sidecar,
} from './gateway.ts';
import { callBytes, callOnce, codeOf, openWire } from './http-wire.ts';
import { INIT, type MmtpWire, openMmtp, requestBytes } from './mmtp-wire.ts';
import { startService, type Service } from './service.ts';
import { until, within } from './wait.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CLIENTS = 100;
const LARGE = Buffer.alloc(512 * KIB, 'abcdefgh');

/** LIMIT of the tests: what the queues may hold by their settings, see `LISTENERS`. */
const OUTPUT_TOTAL = 128 * MIB;

/**
 * What the gateway may grow by: the queued output, as much again for buffers that double and for
 * garbage that was not collected yet, and the answers that its 64 service connections gather.
 */
const GROWTH_MAX = 2 * OUTPUT_TOTAL + 64 * LARGE.length;

const LISTENERS = { outputBytesMax: 4 * MIB, outputTotalBytesMax: OUTPUT_TOTAL };

let service: Service;
let sidecar: Sidecar;
let directory: string;

/** A client that connects, writes and never reads. */
function deafClient(port: number, bytes: string | Buffer): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.pause();
  socket.on('error', () => {});
  socket.write(bytes);
  return socket;
}

/** Highest resident memory while `during` runs. */
async function peakOf(during: () => Promise<void>): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, sidecar.residentBytes)), 20);
  try {
    await during();
  } finally {
    clearInterval(timer);
  }
  return peak;
}

before(async () => {
  service = await startService((seen, answer) => {
    if (seen.url === '/endless') {
      const more = (): void => {
        while (!answer.destroyed && answer.write(LARGE));
      };
      answer.on('drain', more);
      more();
    } else if (seen.url === '/fifty') {
      answer.setHeader('Content-Length', 100 * LARGE.length);
      let left = 100;
      const more = (): void => {
        while (left > 0) {
          left--;
          if (left === 0) answer.end(LARGE);
          else if (!answer.write(LARGE)) return;
        }
      };
      answer.on('drain', more);
      more();
    } else if (seen.url === '/large') answer.end(LARGE);
    else answer.end(seen.body);
  });
  const keys = makeKeyDirectory();
  directory = keys.directory;
  const config = testConfig(
    {
      listeners: LISTENERS,
      upstreams: {
        app: { protocol: 'http', hosts: [service.host], connectionsMax: 64, waitMs: 5000 },
        streams: { protocol: 'http', hosts: [service.host], connectionsMax: 200 },
      },
      groups: { all: { timeoutMs: 8000, upstream: 'app' } },
      apis: [
        { operationType: 'echo', group: 'all' },
        { operationType: 'large', group: 'all' },
        { operationType: 'endless', group: 'all', upstream: { name: 'streams' } },
        { operationType: 'fifty', group: 'all', upstream: { name: 'streams' } },
      ],
    },
    keys.keysFile,
  );
  const file = join(directory, 'gateway.json');
  const { listeners, ...rest } = config as { listeners: Record<string, unknown> };
  const { httpPort: _http, mmtpPort: _mmtp, adminPort: _admin, ...limits } = listeners;
  writeFileSync(file, JSON.stringify({ ...rest, listeners: limits }));
  sidecar = await startSidecar(['--config', file]);
  // Warm: code is compiled, pools have grown.
  for (let i = 0; i < 50; i++) await callOnce(sidecar.httpPort, callBytes('large', ''));
});

after(async () => {
  await sidecar.stop('SIGKILL');
  await service.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Calls by both protocols until `isOver`; all must be answered, each within its own time. */
async function serveOthers(isOver: (calls: number) => boolean): Promise<void> {
  const client = await connectMmtp({ port: sidecar.mmtpPort });
  let calls = 0;
  while (!isOver(calls)) {
    const answer = await client.call('echo', `m${calls}`);
    assert.equal(answer.body.toString(), `m${calls}`);
    const byHttp = await callOnce(sidecar.httpPort, callBytes('echo', `h${calls}`));
    assert.equal(byHttp.body.toString(), `h${calls}`);
    calls++;
  }
  await client.close();
}

describe('clients that never read', () => {
  test('a hundred streamed answers over HTTP: memory is bounded, others are served', async () => {
    const base = sidecar.residentBytes;
    const clients = Array.from({ length: CLIENTS }, () =>
      deafClient(sidecar.httpPort, callBytes('endless')),
    );
    const peak = await peakOf(async () => {
      await until(() => service.sockets.size >= CLIENTS, 'all streams run');
      const untilMs = performance.now() + 1500;
      await serveOthers((calls) => calls > 3 && performance.now() > untilMs);
    });
    assert.ok(peak - base < GROWTH_MAX, `grew by ${Math.round((peak - base) / MIB)} MiB`);
    for (const client of clients) client.destroy();
    await until(() => service.sockets.size < 70, 'the streams are ended');
  });

  test('a hundred Mmtp connections, 2 GiB of answers: bounded, others are served', async () => {
    const base = sidecar.residentBytes;
    const calls = Array.from({ length: 40 }, (_, i) => requestBytes(1 + 2 * i, 'large'));
    const bytes = Buffer.concat([INIT, ...calls]);
    const clients = Array.from({ length: CLIENTS }, () => deafClient(sidecar.mmtpPort, bytes));
    const peak = await peakOf(async () => {
      const untilMs = performance.now() + 2500;
      await serveOthers((calls) => calls > 3 && performance.now() > untilMs);
    });
    assert.ok(peak - base < GROWTH_MAX, `grew by ${Math.round((peak - base) / MIB)} MiB`);
    for (const client of clients) client.destroy();
  });

  test('pipelined requests whose answers nobody takes are not read on', async (t) => {
    const gateway = await startGateway({
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'echo' }, { operationType: 'large' }],
    });
    t.after(() => gateway.stop());
    const request = callBytes('echo', 'x'.repeat(60_000));
    const client = deafClient(gateway.httpPort, request.repeat(400));
    await until(() => gateway.counters.http.readPauses > 0, 'reading stops');
    const taken = (await gateway.counted()).http.requestsIn;
    await callOnce(gateway.httpPort, callBytes('echo', 'x'));
    assert.ok(taken < 300, `${taken} requests were taken`);
    client.destroy();
    await gateway.settled();
  });
});

describe('the total of queued output', () => {
  test('is kept by closing who does not read, not who comes next', async (t) => {
    const gateway = await startGateway({
      listeners: { outputBytesMax: 16 * MIB, outputTotalBytesMax: 32 * MIB },
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'large' }],
    });
    t.after(() => gateway.stop());
    // Each stays below its own limit; together they are over the total.
    const calls = Array.from({ length: 24 }, (_, i) => requestBytes(1 + 2 * i, 'large'));
    const bytes = Buffer.concat([INIT, ...calls]);
    const deaf: Socket[] = [];
    while ((await gateway.counted()).mmtp.slowReadersClosed === 0) {
      assert.ok(deaf.length < 20, 'the total is never reached');
      const client = deafClient(gateway.mmtpPort, bytes);
      deaf.push(client);
      const { responsesOut } = (await gateway.counted()).mmtp;
      await until(
        () =>
          gateway.counters.mmtp.responsesOut >= responsesOut + 24 ||
          gateway.counters.mmtp.slowReadersClosed > 0,
        'its answers are queued',
      );
    }
    // Someone who reads, only not at this moment, and is the last one to queue anything.
    const reading = await openMmtp(gateway.mmtpPort);
    const { responsesOut } = (await gateway.counted()).mmtp;
    reading.socket.pause();
    reading.write(...calls);
    await until(() => gateway.counters.mmtp.responsesOut >= responsesOut + 24, 'all is queued');
    reading.socket.resume();
    for (let i = 0; i < 24; i++) assert.equal((await reading.response()).body.length, LARGE.length);
    assert.ok((await gateway.counted()).mmtp.slowReadersClosed >= 2);
    await reading.close();
    for (const client of deaf) client.destroy();
    await gateway.settled();
  });
});

describe('answers larger than any buffer', () => {
  test('fifty MiB to a slow reader arrive intact while memory stays flat', async (t) => {
    const base = sidecar.residentBytes;
    const wire = await openWire(sidecar.httpPort);
    t.after(() => wire.close());
    const socket = wire.socket.removeAllListeners('data');
    const hash = createHash('sha256');
    let received = 0;
    let head = '';
    socket.on('data', (part: Buffer) => {
      let body = part;
      if (!head.includes('\r\n\r\n')) {
        const before = head.length;
        head += part.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        body = part.subarray(end + 4 - before);
      }
      hash.update(body);
      received += body.length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    const peak = await peakOf(async () => {
      wire.write(callBytes('fifty'));
      await until(
        () => received === 100 * LARGE.length,
        () => `${received} bytes`,
        20_000,
      );
    });
    const expected = createHash('sha256');
    for (let i = 0; i < 100; i++) expected.update(LARGE);
    assert.equal(hash.digest('hex'), expected.digest('hex'));
    assert.ok(peak - base < 40 * MIB, `grew by ${Math.round((peak - base) / MIB)} MiB`);
  });
});

describe('services that do not read', () => {
  test('HTTP: large bodies for a stuck service end as 4001, nothing piles up', async (t) => {
    const peer = await startRawPeer(stall);
    t.after(() => peer.stop());
    const gateway = await startGateway({
      upstreams: {
        stuck: { protocol: 'http', hosts: [`127.0.0.1:${peer.port}`], connectionsMax: 8 },
        app: { protocol: 'http', hosts: [service.host] },
      },
      apis: [
        { operationType: 'stuck', upstream: { name: 'stuck' }, timeoutMs: 500 },
        { operationType: 'echo', upstream: { name: 'app' } },
      ],
    });
    t.after(() => gateway.stop());
    const body = 'x'.repeat(MIB);
    const calls = Array.from({ length: 30 }, () =>
      callOnce(gateway.httpPort, callBytes('stuck', body)),
    );
    const other = await callOnce(gateway.httpPort, callBytes('echo', 'fine'));
    assert.equal(other.body.toString(), 'fine');
    for (const answer of await Promise.all(calls)) {
      assert.ok([4001, 4002].includes(codeOf(answer)), `${codeOf(answer)}`);
    }
    await gateway.settled();
    await until(() => gateway.upstream('stuck').connectionsOpen === 0, 'connections are gone');
  });

  test('Bolt: who feeds it is not read until it goes on, then is answered', async (t) => {
    const stuck: Socket[] = [];
    let isGoingOn = false;
    const peer = await startRawPeer((socket) => {
      frames(socket, (frame) => (isRequest(frame) ? response(frame.requestId, 'ok') : null));
      if (!isGoingOn) socket.pause();
      stuck.push(socket);
    });
    t.after(() => peer.stop());
    const gateway = await startGateway({
      upstreams: {
        bolt: { protocol: 'bolt', hosts: [`127.0.0.1:${peer.port}`], connections: 1 },
        app: { protocol: 'http', hosts: [service.host] },
      },
      groups: { all: { timeoutMs: 8000 } },
      apis: [
        {
          operationType: 'bolt',
          group: 'all',
          upstream: { name: 'bolt', service: SOFA_SERVICE, method: 'hello' },
        },
        { operationType: 'echo', group: 'all', upstream: { name: 'app' } },
      ],
    });
    t.after(() => gateway.stop());
    const body = helloRequest('x'.repeat(60_000));
    const client = await connectMmtp({ port: gateway.mmtpPort });
    const other = await connectMmtp({ port: gateway.mmtpPort });
    t.after(async () => {
      await client.close();
      await other.close();
    });
    const answers = Array.from({ length: 400 }, () => client.call('bolt', body, PROTOBUF));
    await until(() => gateway.counters.mmtp.readPauses > 0, 'the client is not read');
    for (let i = 0; i < 20; i++) {
      assert.equal((await other.call('echo', `${i}`)).body.toString(), `${i}`);
    }
    const { bytesIn } = (await gateway.counted()).mmtp;
    assert.ok(bytesIn < 400 * body.length - 2 * MIB, 'the client is still read');
    isGoingOn = true;
    for (const socket of stuck) socket.resume();
    for (const { resultCode } of await Promise.all(answers)) assert.equal(resultCode, 1000);
    assert.equal(stuck.length, 1);
    await gateway.settled();
  });
});

test('the total of incomplete input is kept by closing who holds it for longest', async (t) => {
  const gateway = await startGateway({
    listeners: { inputTotalBytesMax: 4 * MIB },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [{ operationType: 'echo' }],
  });
  t.after(() => gateway.stop());
  const { inputBudget } = gateway.acceptor.lane.network;
  const whole = requestBytes(1, 'echo', 'x'.repeat(700_000));
  const holders: MmtpWire[] = [];
  for (let i = 0; i < 12; i++) {
    const holder = await openMmtp(gateway.mmtpPort);
    holders.push(holder);
    const sent = new Promise((resolve) => holder.socket.write(whole.subarray(0, -1), resolve));
    await within(sent, 'the kernel takes the frame');
  }
  await until(
    () => gateway.counters.mmtp.slowSendersClosed >= 6,
    () => `${gateway.counters.mmtp.slowSendersClosed} closed, ${inputBudget.keptBytes} B kept`,
  );
  assert.ok(inputBudget.keptBytes <= 4 * MIB, `${inputBudget.keptBytes} bytes are kept`);
  await within(holders[0]!.closed, 'the first is closed');
  const last = holders.at(-1)!;
  assert.equal(last.hasEnded, false);
  last.write(whole.subarray(-1));
  assert.equal((await last.response()).body.length, 700_000);
  for (const holder of holders) await holder.close();
  await until(() => inputBudget.keptBytes === 0, 'nothing is kept for connections that are gone');
  await gateway.settled();
});

test('a slow reader that goes on reading gets everything', async (t) => {
  const gateway = await startGateway({
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [{ operationType: 'large' }],
  });
  t.after(() => gateway.stop());
  const wire = await openMmtp(gateway.mmtpPort);
  wire.socket.pause();
  for (let i = 0; i < 12; i++) wire.write(requestBytes(1 + 2 * i, 'large'));
  await until(() => gateway.openCount === 0 && gateway.counters.mmtp.responsesOut === 12, 'queued');
  wire.socket.resume();
  for (let i = 0; i < 12; i++) assert.deepEqual((await wire.response()).body, LARGE);
  wire.socket.end();
  await once(wire.socket, 'close');
});
