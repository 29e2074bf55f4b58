// Life and end of Mmtp connections: INIT, malformed frames, idle times, draining. Frame by frame
// against a running gateway.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import * as control from '#core/codec/mmtp/control.ts';
import { Field, FrameType } from '#core/codec/mmtp/types.ts';
import { rawFrame, tlv, varint } from '#test/core/codec/mmtp/support.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { FRAME_BYTES_MAX, ping, startMmtpGateway, STREAMS_MAX } from './mmtp-gateway.ts';
import { frameBytes, INIT, MmtpWire, openMmtp, requestBytes } from './mmtp-wire.ts';
import { echo, startService, type Service } from './service.ts';
import { until } from './wait.ts';

let service: Service;
let gateway: TestGateway;
let wire: MmtpWire;

/** Answers of the service that wait until the test lets them go. */
let held: (() => void)[] = [];

function hold(): void {
  held = [];
  service.answer = (seen, response) => void held.push(() => response.end(seen.body));
}

before(async () => {
  service = await startService();
  gateway = await startMmtpGateway(service.host);
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

beforeEach(async () => {
  service.answer = echo;
  wire = await openMmtp(gateway.mmtpPort);
});

afterEach(async () => {
  for (const release of held.splice(0)) release();
  await wire.close();
  await gateway.settled();
});

describe('INIT', () => {
  test('is answered with the limits', async () => {
    const fresh = new MmtpWire(gateway.mmtpPort);
    fresh.write(INIT);
    const ack = await fresh.initAck();
    assert.equal(ack.resultCode, 1000);
    assert.equal(ack.maxStreams, STREAMS_MAX);
    assert.equal(ack.maxFrameBytes, FRAME_BYTES_MAX);
    assert.equal(ack.idleTimeoutS, 60);
    assert.equal(ack.tableSize, 128);
    await fresh.close();
  });

  test('need not be waited for', async () => {
    const fresh = new MmtpWire(gateway.mmtpPort);
    fresh.write(INIT, requestBytes(1, 'echo', 'eager'));
    await fresh.initAck();
    assert.equal((await fresh.response()).body.toString(), 'eager');
    await fresh.close();
  });

  test('must come first, and once', async () => {
    for (const first of [requestBytes(1, 'echo', 'x'), ping(), Buffer.concat([INIT, INIT])]) {
      const fresh = new MmtpWire(gateway.mmtpPort);
      fresh.write(first);
      if (first.length > INIT.length && first.indexOf(INIT) === 0) await fresh.initAck();
      assert.equal((await fresh.goaway()).resultCode, 3002);
      await fresh.ended();
      await fresh.close();
    }
  });

  test('must come in time', async () => {
    const { initTimeouts } = (await gateway.counted()).mmtp;
    const silent = new MmtpWire(gateway.mmtpPort);
    const dripping = new MmtpWire(gateway.mmtpPort);
    dripping.write(INIT.subarray(0, 5));
    for (const late of [silent, dripping]) {
      assert.equal((await late.goaway()).resultCode, 3002);
      await late.ended();
      await late.close();
    }
    assert.equal((await gateway.counted()).mmtp.initTimeouts, initTimeouts + 2);
  });
});

/** What is no sound frame. */
const MALFORMED: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['bad magic', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['bad version', Buffer.from('4d020500000000010000001000000000', 'hex')],
  ['length below the header', Buffer.from('4d010500000000010000000f00000000', 'hex')],
  ['meta longer than the frame', Buffer.from('4d010500000000010000001100020000', 'hex')],
  ['oversize', Buffer.from('4d01050000000001ffffffff00000000', 'hex')],
  ['even stream', rawFrame(FrameType.request, 2, Buffer.alloc(0))],
  ['stream 0', rawFrame(FrameType.request, 0, Buffer.alloc(0))],
  ['PING on a stream', rawFrame(FrameType.ping, 1, Buffer.alloc(0))],
  ['TLV overruns', rawFrame(FrameType.request, 9, Buffer.from([1, 200, 1]))],
  ['varint overflow', rawFrame(FrameType.request, 9, Buffer.from([0xff, 0xff, 0xff, 1]))],
  ['REF to nothing', rawFrame(FrameType.request, 9, tlv(Field.ref, varint(3)))],
  [
    'DEFINE of a session',
    rawFrame(
      FrameType.request,
      9,
      tlv(Field.define, Buffer.concat([varint(1), tlv(Field.session, 'x')])),
    ),
  ],
  ['stream in use', requestBytes(7, 'echo', 'x')],
  ['BIND with broken meta', rawFrame(FrameType.bind, 0, Buffer.from([4, 200]))],
  ['CANCEL with broken meta', rawFrame(FrameType.cancel, 7, Buffer.from([4, 200]))],
];

describe('malformed frames', () => {
  for (const [name, bytes] of MALFORMED) {
    test(`${name}: GOAWAY 3002 at once, what is open is answered, then the end`, async () => {
      hold();
      const other = await openMmtp(gateway.mmtpPort);
      wire.write(requestBytes(7, 'echo', 'in flight'));
      await until(() => held.length === 1, 'the request');
      wire.write(bytes, requestBytes(101, 'echo', 'after'), ping());
      const goaway = await wire.goaway();
      assert.equal(goaway.resultCode, 3002);
      assert.equal(goaway.lastStream, 7);
      held.splice(0)[0]!();
      const response = await wire.response();
      assert.deepEqual([response.streamId, response.body.toString()], [7, 'in flight']);
      await wire.ended();
      service.answer = echo;
      other.write(requestBytes(1, 'echo', 'fine'));
      assert.equal((await other.response()).body.toString(), 'fine');
      await other.close();
    });
  }
});

describe('idle connections', () => {
  test('are asked with PING after a third of the time and closed at its end', async (t) => {
    const short = await startGateway({
      listeners: { mmtpIdleTimeoutMs: 1500 },
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'echo' }],
    });
    t.after(() => short.stop());
    const silent = await openMmtp(short.mmtpPort);
    const alive = await openMmtp(short.mmtpPort);
    const startedMs = performance.now();
    await silent.expect(FrameType.ping);
    const pingMs = performance.now() - startedMs;
    assert.ok(pingMs >= 480 && pingMs < 1400, `PING after ${pingMs} ms`);
    await alive.expect(FrameType.ping);
    alive.write(frameBytes((out) => control.encodePing(out, FrameType.pong)));
    await silent.goaway();
    await silent.ended();
    const endMs = performance.now() - startedMs;
    assert.ok(endMs >= 1480 && endMs < 3000, `closed after ${endMs} ms`);
    assert.equal(alive.hasEnded, false);
    await alive.expect(FrameType.ping);
    await alive.close();
    await silent.close();
  });
});

describe('incomplete frames', () => {
  function start(listeners: Record<string, number>): Promise<TestGateway> {
    return startGateway({
      listeners,
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'echo' }],
    });
  }

  /** Sends `bytes` piece by piece until they or the connection end. */
  async function trickle(client: MmtpWire, bytes: Buffer, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length && !client.hasEnded; at += pieceBytes) {
      client.write(bytes.subarray(at, at + pieceBytes));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test('have a time limit, whatever trickles in', async (t) => {
    const short = await start({ bodyTimeoutMs: 700, mmtpIdleTimeoutMs: 60_000 });
    t.after(() => short.stop());
    const client = await openMmtp(short.mmtpPort);
    const startedMs = performance.now();
    const sent = trickle(client, requestBytes(1, 'echo', 'x'.repeat(4000)), 20);
    await client.goaway();
    await client.ended();
    const endMs = performance.now() - startedMs;
    assert.ok(endMs >= 690 && endMs < 4000, `closed after ${endMs} ms`);
    assert.equal((await short.counted()).mmtp.bodyTimeouts, 1);
    await sent;
    await client.close();
  });

  test('are no idle time, and whole ones end their time', async (t) => {
    const short = await start({ bodyTimeoutMs: 4000, mmtpIdleTimeoutMs: 600 });
    t.after(() => short.stop());
    const client = await openMmtp(short.mmtpPort);
    for (const streamId of [1, 3]) {
      await trickle(client, requestBytes(streamId, 'echo', 'x'.repeat(2400)), 100);
      let frame = await client.next();
      while (frame.type === FrameType.ping) frame = await client.next();
      assert.deepEqual([frame.type, frame.streamId], [FrameType.response, streamId]);
    }
    await client.close();
  });
});

describe('draining', () => {
  test('GOAWAY names the last stream; what is open is answered, no more', async (t) => {
    const draining = await startGateway({
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'echo' }],
    });
    t.after(() => draining.stop());
    const idle = await openMmtp(draining.mmtpPort);
    const busy = await openMmtp(draining.mmtpPort);
    hold();
    busy.write(requestBytes(1, 'echo', 'a'), requestBytes(3, 'echo', 'b'));
    await until(() => held.length === 2, 'both requests');
    const drained = draining.acceptor.drain();
    await idle.goaway();
    await idle.ended();
    const goaway = await busy.goaway();
    assert.deepEqual([goaway.lastStream, goaway.resultCode], [3, 1000]);
    busy.write(requestBytes(5, 'echo', 'late'), ping('still here'));
    await busy.expect(FrameType.pong);
    const refused = new MmtpWire(draining.mmtpPort);
    await refused.ended();
    for (const release of held.splice(0)) release();
    const answered = [await busy.response(), await busy.response()].map(({ body }) =>
      body.toString(),
    );
    assert.deepEqual(answered.toSorted(), ['a', 'b']);
    await busy.ended();
    for (const each of [idle, busy, refused]) await each.close();
    await drained;
    assert.equal(
      service.seen.some(({ body }) => body === 'late'),
      false,
    );
  });

  test('stream ids need not rise: GOAWAY names the highest, none below is lost', async (t) => {
    const draining = await startGateway({
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'echo' }],
    });
    t.after(() => draining.stop());
    const client = await openMmtp(draining.mmtpPort);
    hold();
    client.write(requestBytes(9, 'echo', 'nine'), requestBytes(5, 'echo', 'five'));
    await until(() => held.length === 2, 'both requests');
    void draining.acceptor.drain();
    assert.equal((await client.goaway()).lastStream, 9);
    client.write(requestBytes(7, 'echo', 'late'));
    const refused = await client.response();
    assert.deepEqual([refused.streamId, refused.code], [7, 1002]);
    for (const release of held.splice(0)) release();
    const codes = [(await client.response()).code, (await client.response()).code];
    assert.deepEqual(codes, [1000, 1000]);
    await client.ended();
    await client.close();
  });
});
