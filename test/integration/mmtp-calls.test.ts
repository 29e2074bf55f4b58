// Mmtp against a running gateway, frame by frame: opening, binding, streams out of order, the table,
// compression, limits, malformed frames, idle times.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { SessionChannel } from '#core/codec/session/types.ts';
import { compressBody } from '#core/codec/mmtp/body.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { Field, FrameFlag, FrameType } from '#core/codec/mmtp/types.ts';
import { rawFrame, tlv, varint } from '#test/core/codec/mmtp/support.ts';
import { issueSession, startGateway, type TestGateway } from './gateway.ts';
import { frameBytes, INIT, MmtpWire, openMmtp, requestBytes } from './mmtp-wire.ts';
import { echo, startService, type Service } from './service.ts';
import { until } from './wait.ts';

const FRAME_BYTES_MAX = 64 * 1024;
const STREAMS_MAX = 600;
const INIT_TIMEOUT_MS = 300;

let service: Service;
let gateway: TestGateway;
let wire: MmtpWire;

/** Answers of the service that wait until the test lets them go. */
let held: (() => void)[] = [];

function hold(): void {
  held = [];
  service.answer = (seen, response) => void held.push(() => response.end(seen.body));
}

function ping(body = ''): Buffer {
  return frameBytes((out) => control.encodePing(out, FrameType.ping, Buffer.from(body)));
}

function bind(session: Buffer): Buffer {
  return frameBytes((out) => control.encodeBind(out, session));
}

before(async () => {
  service = await startService();
  gateway = await startGateway({
    listeners: {
      frameBytesMax: FRAME_BYTES_MAX,
      streamsMax: STREAMS_MAX,
      initTimeoutMs: INIT_TIMEOUT_MS,
    },
    upstreams: { app: { protocol: 'http', hosts: [service.host], connectionsMax: 600 } },
    apis: [
      { operationType: 'echo', timeoutMs: 8000 },
      { operationType: 'account', session: 'required' },
      { operationType: 'checked', body: { required: true, type: 'json', bytesMax: 20 } },
      { operationType: 'off', enabled: false },
      { operationType: 'http.only', protocols: ['http'] },
      { operationType: 'zh', language: 'zh', session: 'required' },
    ],
  });
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
    const { initTimeouts } = gateway.counters.mmtp;
    const silent = new MmtpWire(gateway.mmtpPort);
    const dripping = new MmtpWire(gateway.mmtpPort);
    dripping.write(INIT.subarray(0, 5));
    for (const late of [silent, dripping]) {
      assert.equal((await late.goaway()).resultCode, 3002);
      await late.ended();
      await late.close();
    }
    assert.equal(gateway.counters.mmtp.initTimeouts, initTimeouts + 2);
  });
});

describe('requests', () => {
  test('result codes come as over HTTP, and the connection lives on', async () => {
    const cases: readonly (readonly [string, string, number])[] = [
      ['echo', '{}', 1000],
      ['nope', '{}', 3000],
      ['off', '{}', 3000],
      ['http.only', '{}', 1001],
      ['account', '{}', 2000],
      ['checked', '', 3001],
      ['checked', '{', 3002],
      ['checked', `"${'x'.repeat(30)}"`, 3002],
      ['x'.repeat(128), '{}', 3000],
      ['x'.repeat(129), '{}', 3002],
    ];
    let streamId = 1;
    for (const [operationType, body, code] of cases) {
      wire.write(requestBytes(streamId, operationType, body));
      const response = await wire.response();
      assert.equal(response.code, code, operationType);
      assert.equal(response.streamId, streamId);
      streamId += 2;
    }
    wire.write(rawFrame(FrameType.request, streamId, Buffer.alloc(0)));
    assert.equal((await wire.response()).code, 3000);
  });

  test('500 streams at once, each with its own answer, out of order', async (t) => {
    hold();
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const answers = Array.from({ length: 500 }, (_, i) =>
      client.call('echo', `body of ${i}`, { headers: { 'X-Number': String(i) } }),
    );
    await until(
      () => held.length === 500,
      () => `${held.length} requests at the service`,
    );
    assert.equal(gateway.openCount, 500);
    // A fixed shuffle: far from the order of sending, the same each run.
    for (let i = 0; i < 500; i++) held[(i * 211) % 500]!();
    held.length = 0;
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      assert.equal(answer.resultCode, 1000);
      assert.equal(answer.body.toString(), `body of ${i}`);
    }
  });

  test('frames that arrive byte by byte, or many in one write, are the same frames', async () => {
    const bytes = Buffer.concat([requestBytes(1, 'echo', 'drip'), ping('p')]);
    for (const byte of bytes) {
      wire.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const types = [(await wire.next()).type, (await wire.next()).type];
    assert.deepEqual(new Set(types), new Set([FrameType.response, FrameType.pong]));
    wire.write(...Array.from({ length: 100 }, (_, i) => requestBytes(3 + 2 * i, 'nope')));
    for (let i = 0; i < 100; i++) assert.equal((await wire.response()).streamId, 3 + 2 * i);
  });

  test('headers, device, trace and time go to the service', async () => {
    const trace = Buffer.from('0af7651916cd43dd8448eb211c80319cb7ad6b716920333101', 'hex');
    const headers: [string, string][] = [
      ['X-Own', 'größe'],
      ['Mgw-Uid', '1'],
      ['Host', 'evil'],
      ['Content-Length', '99'],
      ['Transfer-Encoding', 'chunked'],
      ['X-Forwarded-For', '6.6.6.6'],
    ];
    wire.write(requestBytes(1, 'echo', 'x', { trace, headers, contentType: 1 }));
    assert.equal((await wire.response()).code, 1000);
    const seen = service.last.headers;
    assert.equal(Buffer.from(seen['x-own'] as string, 'latin1').toString(), 'größe');
    assert.equal(seen['mgw-uid'], undefined);
    assert.equal(seen.host, service.host);
    assert.equal(seen['content-length'], '1');
    assert.equal(seen['transfer-encoding'], undefined);
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['content-type'], 'application/x-protobuf');
    assert.match(seen['traceparent'] as string, /^00-0af7651916cd43dd8448eb211c80319c-/);
  });

  test('headers that would split an HTTP request never reach the service', async () => {
    const bad: [string, string][] = [
      ['X-Split', 'a\r\nMgw-Uid: 1'],
      ['X-Split', 'a\nb'],
      ['X-Split', 'a\0b'],
      ['X Split', 'a'],
      ['X:Split', 'a'],
      ['', 'a'],
    ];
    let streamId = 1;
    for (const header of bad) {
      const count = service.seen.length;
      wire.write(requestBytes(streamId, 'echo', 'x', { headers: [header] }));
      const { code } = await wire.response();
      if (code === 1000) {
        assert.equal(service.last.headers['mgw-uid'], undefined);
        assert.equal(service.last.headers['x-split'], undefined);
      } else {
        assert.equal(code, 3002);
        assert.equal(service.seen.length, count);
      }
      streamId += 2;
    }
  });

  test('ONEWAY gets no answer and is done all the same', async () => {
    const seen = service.seen.length;
    wire.write(
      requestBytes(1, 'echo', 'one way', { flags: FrameFlag.oneway }),
      requestBytes(3, 'nope', '', { flags: FrameFlag.oneway }),
      ping('end'),
    );
    assert.equal((await wire.next()).type, FrameType.pong);
    await until(() => service.seen.length === seen + 1, 'the one-way request');
    await gateway.settled();
    wire.write(requestBytes(5, 'echo', 'x'));
    assert.equal((await wire.response()).streamId, 5);
  });

  test('compressed bodies are unpacked; a bad one is 3002', async () => {
    const body = Buffer.from(`["${'abc'.repeat(2000)}"]`);
    const packed = compressBody(body, null)!;
    assert.ok(packed.length < body.length);
    const flags = FrameFlag.compressed;
    const frame = (streamId: number, bytes: Buffer): Buffer =>
      frameBytes((out) => {
        encodeRequest(out, { streamId, operationType: 'echo', body: bytes, flags });
      });
    wire.write(frame(1, packed));
    assert.equal((await wire.response()).body.toString(), body.toString());
    const bomb = compressBody(Buffer.alloc(FRAME_BYTES_MAX + 1), null)!;
    for (const bad of [packed.subarray(0, -3), Buffer.from('no zstd'), Buffer.alloc(0), bomb]) {
      wire.write(frame(3, bad));
      assert.equal((await wire.response()).code, 3002);
    }
  });

  test('DEFINE and REF shorten what comes again', async () => {
    const table = new DynamicTableEncoder(16);
    const session = issueSession(9);
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) {
      const bytes = frameBytes((out) => {
        const fields = {
          streamId: 1 + 2 * i,
          operationType: 'account',
          deviceId: 'a-device',
          session,
        };
        encodeRequest(out, { ...fields, headers: [['X-Long', 'y'.repeat(100)]] }, table);
      });
      sizes.push(bytes.length);
      wire.write(bytes);
      assert.equal((await wire.response()).code, 1000);
      assert.equal(service.last.headers['x-long'], 'y'.repeat(100));
      assert.equal(service.last.headers['mgw-uid'], '9');
    }
    assert.ok(sizes[1]! < sizes[0]! - 100, `${sizes}`);
  });

  test('definitions in a refused request count', async () => {
    hold();
    const opened = Array.from({ length: STREAMS_MAX }, (_, i) =>
      requestBytes(1 + 2 * i, 'echo', 'x'),
    );
    wire.write(...opened);
    await until(
      () => held.length === STREAMS_MAX,
      () => `${held.length} at the service`,
    );
    const name = tlv(Field.operationType, 'echo');
    const define = tlv(Field.define, Buffer.concat([varint(5), name]));
    const ref = tlv(Field.ref, varint(5));
    const next = 1 + 2 * STREAMS_MAX;
    wire.write(rawFrame(FrameType.request, next, define, 'a'));
    const refused = await wire.response();
    assert.deepEqual([refused.streamId, refused.code], [next, 1002]);
    for (const release of held.splice(0)) release();
    for (let i = 0; i < STREAMS_MAX; i++) assert.equal((await wire.response()).code, 1000);
    service.answer = echo;
    wire.write(rawFrame(FrameType.request, next + 2, ref, 'b'));
    assert.equal((await wire.response()).body.toString(), 'b');
  });

  test('an answer larger than the client takes is 4002 instead', async () => {
    const init = frameBytes((out) =>
      control.encodeInit(out, {
        appId: '',
        workspaceId: '',
        deviceId: '',
        dictIds: [],
        maxFrameBytes: 4096,
        tableSize: 0,
      }),
    );
    const small = await openMmtp(gateway.mmtpPort, init);
    small.write(requestBytes(1, 'echo', 'x'.repeat(5000)), requestBytes(3, 'echo', 'fits'));
    const codes = new Map<number, number>();
    for (let i = 0; i < 2; i++) {
      const { streamId, code } = await small.response();
      codes.set(streamId, code);
    }
    assert.equal(codes.get(1), 4002);
    assert.equal(codes.get(3), 1000);
    await small.close();
  });

  test('PING is answered with its body, unknown frames are skipped', async () => {
    wire.write(
      ping('abc'),
      rawFrame(200, 77, Buffer.from([1]), 'junk'),
      ping(''),
      rawFrame(14, 0, Buffer.alloc(0)),
    );
    const pong = await wire.expect(FrameType.pong);
    assert.equal(pong.bytes.subarray(pong.frame.bodyOffset).toString(), 'abc');
    await wire.expect(FrameType.pong);
    wire.write(requestBytes(1, 'echo', 'x'));
    assert.equal((await wire.response()).code, 1000);
    assert.ok(gateway.counters.mmtpFramesUnknown >= 2);
  });
});

describe('sessions', () => {
  test('BIND serves later requests until UNBIND; a request may bring its own', async () => {
    wire.write(bind(issueSession(11)), requestBytes(1, 'account'));
    assert.equal(await wire.bindAck(), 1000);
    assert.equal((await wire.response()).code, 1000);
    assert.equal(service.last.headers['mgw-uid'], '11');
    wire.write(requestBytes(3, 'account', '', { session: issueSession(12) }));
    await wire.response();
    assert.equal(service.last.headers['mgw-uid'], '12');
    wire.write(frameBytes(control.encodeUnbind), requestBytes(5, 'account'));
    assert.equal((await wire.response()).code, 2000);
  });

  test('BIND of a bad session is 2000 and takes the one before away', async () => {
    wire.write(bind(issueSession(11)));
    assert.equal(await wire.bindAck(), 1000);
    for (const bad of [
      issueSession(11, { channel: SessionChannel.pc }),
      issueSession(11, { device: Buffer.from('other') }),
      Buffer.alloc(84),
      Buffer.alloc(0),
    ]) {
      wire.write(bind(bad), requestBytes(1, 'account'));
      assert.equal(await wire.bindAck(), 2000);
      assert.equal((await wire.response()).code, 2000);
    }
  });

  test('the device of INIT counts for bound sessions', async () => {
    const init = frameBytes((out) =>
      control.encodeInit(out, {
        appId: '',
        workspaceId: '',
        deviceId: 'phone-1',
        dictIds: [],
        maxFrameBytes: 0,
        tableSize: 128,
      }),
    );
    const phone = await openMmtp(gateway.mmtpPort, init);
    phone.write(
      bind(issueSession(3, { device: Buffer.from('phone-1') })),
      requestBytes(1, 'account'),
    );
    assert.equal(await phone.bindAck(), 1000);
    assert.equal((await phone.response()).code, 1000);
    phone.write(requestBytes(3, 'account', '', { deviceId: 'phone-2' }));
    assert.equal((await phone.response()).code, 2000);
    await phone.close();
  });
});

describe('CANCEL', () => {
  test('no answer follows, the call to the service ends, the stream id is free again', async () => {
    hold();
    wire.write(requestBytes(1, 'echo', 'never'), requestBytes(3, 'echo', 'stays'));
    await until(() => held.length === 2, 'both requests');
    const sockets = service.sockets.size;
    wire.write(frameBytes((out) => control.encodeCancel(out, 1)));
    await until(() => service.sockets.size === sockets - 1, 'the cancelled call is closed');
    for (const release of held.splice(0)) release();
    assert.equal((await wire.response()).streamId, 3);
    service.answer = echo;
    wire.write(
      frameBytes((out) => control.encodeCancel(out, 1)),
      requestBytes(1, 'echo', 'again'),
    );
    assert.equal((await wire.response()).body.toString(), 'again');
    assert.equal(gateway.openCount, 0);
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

describe('draining', () => {
  test('GOAWAY names the last stream; what is open is answered, what is new is not taken', async (t) => {
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

  test('stream ids need not rise: GOAWAY names the highest, none below is dropped', async (t) => {
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
