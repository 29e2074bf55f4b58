// Many Mmtp frames that arrive at once: their sessions are verified together, and every request is
// still one of its own, whatever stands beside it.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { FrameType } from '#core/codec/mmtp/types.ts';
import { rawFrame } from '#test/core/codec/mmtp/support.ts';
import { issueSession, type TestGateway } from './gateway.ts';
import { startMmtpGateway } from './mmtp-gateway.ts';
import { frameBytes, type MmtpWire, openMmtp, requestBytes } from './mmtp-wire.ts';
import { echo, startService, type Service } from './service.ts';

/** More than are staged at a time. */
const REQUESTS = 100;

let service: Service;
let gateway: TestGateway;
let wire: MmtpWire;

before(async () => {
  service = await startService();
  gateway = await startMmtpGateway(service.host);
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

beforeEach(async () => {
  service.answer = (seen, response) => response.end(`${seen.headers['mgw-uid'] ?? 'nobody'}`);
  wire = await openMmtp(gateway.mmtpPort);
});

afterEach(async () => {
  service.answer = echo;
  await wire.close();
  await gateway.settled();
});

function account(streamId: number, session?: Buffer): Buffer {
  return requestBytes(streamId, 'account', '{}', session === undefined ? {} : { session });
}

function broken(uid: number, at: number): Buffer {
  const session = issueSession(uid);
  session[at % session.length]! ^= 1;
  return session;
}

/** Code and body by stream. */
async function answers(count: number): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (let i = 0; i < count; i++) {
    const { streamId, code, body } = await wire.response();
    assert.ok(!found.has(streamId), `two answers on stream ${streamId}`);
    found.set(streamId, code === 1000 ? `1000 ${body}` : `${code}`);
  }
  return found;
}

describe('frames in one write', () => {
  test('good, spoiled and missing sessions: each user gets its own answer', async () => {
    const expected = new Map<number, string>();
    const frames = Array.from({ length: REQUESTS }, (_, i) => {
      const streamId = 1 + 2 * i;
      const kind = i % 5;
      expected.set(streamId, kind < 3 ? `1000 ${1000 + i}` : '2000');
      if (kind === 4) return account(streamId);
      return account(streamId, kind === 3 ? broken(1000 + i, i * 7) : issueSession(1000 + i));
    });
    wire.write(...frames);
    assert.deepEqual(new Map([...(await answers(REQUESTS))].sort(byStream)), expected);
  });

  test('a request that is taken back in the same write is not answered', async () => {
    const { length } = service.seen;
    wire.write(
      account(1, issueSession(1)),
      account(3, issueSession(3)),
      frameBytes((out) => control.encodeCancel(out, 1)),
      account(5, issueSession(5)),
    );
    const expected = new Map([
      [3, '1000 3'],
      [5, '1000 5'],
    ]);
    assert.deepEqual(new Map([...(await answers(2))].sort(byStream)), expected);
    await gateway.settled();
    // On another thread it may have begun by then, and ends.
    const users = service.seen.slice(length).map(({ headers }) => headers['mgw-uid']);
    assert.deepEqual(users.filter((uid) => uid !== '1').toSorted(), ['3', '5']);
  });

  test('frames that use the table stand between others', async () => {
    const table = new DynamicTableEncoder(16);
    const expected = new Map<number, string>();
    const frames = Array.from({ length: 30 }, (_, i) => {
      const streamId = 1 + 2 * i;
      const session = issueSession(500 + (i % 3));
      expected.set(streamId, `1000 ${500 + (i % 3)}`);
      if (i % 2 === 0) return account(streamId, session);
      return frameBytes((out) => {
        encodeRequest(out, { streamId, operationType: 'account', session, deviceId: 'd' }, table);
      });
    });
    wire.write(...frames);
    assert.deepEqual(new Map([...(await answers(30))].sort(byStream)), expected);
  });

  test('a session of BIND between them counts for those behind it', async () => {
    wire.write(
      account(1),
      account(3, issueSession(3)),
      frameBytes((out) => control.encodeBind(out, issueSession(77))),
      account(5),
      account(7, issueSession(7)),
    );
    const found = new Map<number, string>();
    for (let i = 0; i < 5; i++) {
      const frame = await wire.next();
      if (frame.type === FrameType.bindAck) continue;
      assert.equal(frame.type, FrameType.response);
      found.set(frame.streamId, '');
    }
    assert.deepEqual(
      [...found.keys()].toSorted((a, b) => a - b),
      [1, 3, 5, 7],
    );
    wire.write(account(9), account(11));
    const expected = new Map([
      [9, '1000 77'],
      [11, '1000 77'],
    ]);
    assert.deepEqual(new Map([...(await answers(2))].sort(byStream)), expected);
  });

  test('requests before a frame that breaks the protocol are answered', async () => {
    wire.write(
      account(1, issueSession(1)),
      account(3, issueSession(3)),
      rawFrame(FrameType.init, 0, Buffer.alloc(0)),
      account(5, issueSession(5)),
    );
    const types: number[] = [];
    for (let i = 0; i < 3; i++) types.push((await wire.next()).type);
    const { goaway, response } = FrameType;
    assert.deepEqual(
      types.toSorted((a, b) => a - b),
      [response, response, goaway].sort((a, b) => a - b),
    );
    await wire.ended();
  });
});

function byStream([a]: [number, string], [b]: [number, string]): number {
  return a - b;
}
