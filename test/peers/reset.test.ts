// A process that resets a connection half way through its shutdown must still end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = `
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { resetSocket } from ${JSON.stringify(new URL('reset.ts', import.meta.url))};
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const client = connect(server.address().port, '127.0.0.1');
const [socket] = await once(server, 'connection');
socket.on('error', () => {});
socket.end('x');
await new Promise((resolve) => process.nextTick(resolve));
if (socket.writableFinished) throw new Error('the shutdown is not under way');
resetSocket(socket);
client.destroy();
server.close();
`;

/** LIMIT: how long a process may take to start, and to end. */
const WAIT_MS_MAX = 20_000;

test('a process whose socket was reset during its shutdown ends', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: WAIT_MS_MAX,
    killSignal: 'SIGKILL',
  });
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
