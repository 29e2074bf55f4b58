// The scripted peer does what its scripts say; tests of faults rest on it.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import {
  answerAndClose,
  answerBytewise,
  answerWith,
  closeAfter,
  closeAtOnce,
  hang,
  refusedPort,
  startRawPeer,
  type RawPeer,
  type RawScript,
} from './raw.ts';

async function withPeer(
  script: RawScript,
  use: (peer: RawPeer, socket: Socket) => Promise<void>,
): Promise<void> {
  const peer = await startRawPeer(script);
  const socket = connect(peer.port, '127.0.0.1');
  socket.on('error', () => {});
  try {
    await use(peer, socket);
  } finally {
    socket.destroy();
    await peer.stop();
  }
}

/** Reads until the peer ends or `bytes` bytes are there. */
async function read(socket: Socket, bytes: number): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of socket as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= bytes) break;
  }
  return parts;
}

describe('startRawPeer', () => {
  test('collects what arrives and counts connections', () =>
    withPeer(hang, async (peer, socket) => {
      socket.write('abc');
      assert.equal((await peer.waitForBytes(0, 3)).toString(), 'abc');
      assert.equal(peer.connections, 1);
      const second = connect(peer.port, '127.0.0.1');
      second.write('de');
      assert.equal((await peer.waitForBytes(1, 2)).toString(), 'de');
      assert.equal(peer.connections, 2);
      second.destroy();
      await peer.waitForClose(1);
    }));

  test('answers what it is told, whole and byte by byte', async () => {
    for (const script of [answerWith, answerBytewise, answerAndClose]) {
      await withPeer(script(Buffer.from('garbage')), async (_peer, socket) => {
        socket.write('?');
        assert.equal(Buffer.concat(await read(socket, 7)).toString(), 'garbage');
      });
    }
  });

  test('closes after a number of bytes, orderly or by reset', async () => {
    for (const reset of [false, true]) {
      await withPeer(closeAfter(3, reset), async (peer, socket) => {
        socket.write('ab');
        await peer.waitForBytes(0, 2);
        assert.equal(socket.closed, false);
        const closed = new Promise<boolean>((resolve) => socket.once('close', resolve));
        socket.resume();
        socket.write('c');
        const hadError = await closed;
        assert.equal(hadError, reset);
      });
    }
  });

  test('closes at once', () =>
    withPeer(closeAtOnce(false), async (_peer, socket) => {
      assert.deepEqual(await read(socket, 1), []);
    }));
});

test('refusedPort refuses until somebody listens on it on purpose', async (t) => {
  const port = await refusedPort(t);
  const socket = connect(port, '127.0.0.1');
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const [late] = await Promise.all([
    once(connect(port, '127.0.0.1').end(), 'close'),
    once(server, 'connection'),
  ]);
  assert.deepEqual(late, [false]);
  server.close();
});
