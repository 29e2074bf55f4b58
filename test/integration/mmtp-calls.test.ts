// Mmtp calls against a running gateway, frame by frame: streams out of order, sessions, the table,
// compression, limits, cancelling.

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
import { issueSession, type TestGateway } from './gateway.ts';
import { FRAME_BYTES_MAX, ping, startMmtpGateway, STREAMS_MAX } from './mmtp-gateway.ts';
import { frameBytes, type MmtpWire, openMmtp, requestBytes } from './mmtp-wire.ts';
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

function bind(session: Buffer): Buffer {
  return frameBytes((out) => control.encodeBind(out, session));
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

  test('a compressed body is not looked at before its request is accepted', async () => {
    // Not sound, so that a look at it would make the answer 3002.
    const body = Buffer.from('no zstd');
    const flags = FrameFlag.compressed;
    let streamId = 1;
    const codeOf = async (operationType: string, session?: Buffer): Promise<number> => {
      const fields = session === undefined ? { body, flags } : { body, flags, session };
      wire.write(requestBytes(streamId, operationType, '', fields));
      streamId += 2;
      return (await wire.response()).code;
    };
    assert.equal(await codeOf('nope'), 3000);
    assert.equal(await codeOf('off'), 3000);
    assert.equal(await codeOf('http.only'), 1001);
    assert.equal(await codeOf('account'), 2000);
    assert.equal(await codeOf('account', Buffer.from('no session')), 2000);
    assert.equal(await codeOf('account', issueSession(7)), 3002);
    assert.equal(await codeOf('once'), 3002);
    assert.equal(await codeOf('once'), 1002);
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
    assert.ok((await gateway.counted()).mmtpFramesUnknown >= 2);
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
