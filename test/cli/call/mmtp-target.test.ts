// Calls by Mmtp against a scripted server: what goes over the wire, what happens when it closes.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import { MmtpTarget } from '#cli/call/mmtp-target.ts';
import type { CallConnection, CallRequest } from '#cli/call/target.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { startServer } from '../client/mmtp-server.ts';
import type { Peer, Received } from '../client/mmtp-server.ts';

const REQUEST: CallRequest = {
  operationType: 'demo.echo',
  body: Buffer.from('{}'),
  contentType: 0,
  session: null,
  headers: [],
  deviceId: undefined,
  timeoutMs: undefined,
};

const toClose: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function open(
  onFrame: (peer: Peer, frame: Received) => void,
  changes: Partial<CallRequest> = {},
): Promise<{ connection: CallConnection; peers: Peer[]; stop: () => Promise<void> }> {
  const { port, peers, stop } = await startServer(onFrame);
  const target = new MmtpTarget({ host: '127.0.0.1', port }, { ...REQUEST, ...changes });
  const connection = await target.connect();
  toClose.push(stop, () => connection.close());
  return { connection, peers, stop };
}

const echo = (peer: Peer, { streamId, body }: Received) => peer.respond(streamId, 1000, body);

describe('MmtpTarget', () => {
  test('sends the request as planned and gives the answer back', async () => {
    const received: Received[] = [];
    const { connection } = await open(
      (peer, frame) => {
        received.push(frame);
        peer.respond(frame.streamId, 2000, Buffer.from('[1]'));
      },
      { session: Buffer.from('session'), headers: [['x-a', '1']], timeoutMs: 500 },
    );
    const { resultCode, httpStatus, memo, tips, headers, body } = await connection.call();
    assert.deepEqual([resultCode, httpStatus, memo, tips], [2000, 0, 'memo', 'tips']);
    assert.deepEqual([headers, body.toString()], [[['x-answer', 'yes']], '[1]']);
    const { operationType, session, timeoutMs, headers: sent, body: asked } = received[0]!;
    assert.deepEqual(
      [operationType, session, timeoutMs, sent, asked.toString()],
      ['demo.echo', 'session', 500, [['x-a', '1']], '{}'],
    );
  });

  test('details tell the limits of the gateway', async () => {
    const { connection } = await open(echo);
    assert.match(connection.details().join('\n'), /4,096 streams, frames of 1,048,576 bytes, 60 s/);
  });

  test('opens one new connection after the server closed, for all streams', async () => {
    const { connection, peers } = await open(echo);
    peers[0]!.socket.destroy();
    const lost = connection.call();
    await assert.rejects(lost, { code: 'MMTP_CLOSED', isUnreachable: false });
    const answers = await Promise.all([connection.call(), connection.call()]);
    assert.deepEqual(
      answers.map(({ resultCode }) => resultCode),
      [1000, 1000],
    );
    assert.equal(peers.length, 2);
  });

  test('leaves a server that goes away, and still takes its answers', async () => {
    const { connection, peers } = await open((peer, frame) => {
      if (peer !== peers[0]) {
        echo(peer, frame);
        return;
      }
      if (frame.streamId === 3) {
        const goaway = { lastStream: 1, resultCode: 0, reconnectAfterS: 0 };
        peer.write((out) => control.encodeGoaway(out, goaway));
        peer.respond(1, 1002, frame.body);
      }
    });
    const accepted = connection.call();
    await assert.rejects(connection.call(), { code: 'MMTP_GOING_AWAY' });
    assert.equal((await accepted).resultCode, 1002);
    assert.equal((await connection.call()).resultCode, 1000);
    assert.equal(peers.length, 2);
  });

  test('says so when there is no server any more', async () => {
    const { connection, stop } = await open(echo);
    toClose.length = 0;
    await stop();
    await assert.rejects(connection.call(), { code: 'MMTP_CLOSED' });
    await assert.rejects(connection.call(), {
      code: 'MMTP_CONNECT',
      isUnreachable: true,
      message: /^Cannot connect to Mmtp 127\.0\.0\.1:\d+: connect ECONNREFUSED/,
      hint: /Nothing listens there/,
    });
    const again = await connection.call().catch((error: unknown) => error);
    const later = await connection.call().catch((error: unknown) => error);
    assert.notEqual(again, later, 'every call tries anew');
    await connection.close();
  });

  test('a port that speaks something else is guessed', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    toClose.push(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    const target = new MmtpTarget({ host: '127.0.0.1', port }, REQUEST);
    await assert.rejects(target.connect(), { code: 'MMTP_CONNECT', hint: /--http URL/ });
  });

  test('an IPv6 address is shown in brackets', () => {
    assert.equal(new MmtpTarget({ host: '::1', port: 9 }, REQUEST).label, 'Mmtp [::1]:9');
  });
});
