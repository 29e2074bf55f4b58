// One HTTP request over real sockets against servers that misbehave.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { ANSWER_BYTES_MAX, exchangeHttp } from '#cli/call/http-exchange.ts';
import type { HttpAnswer } from '#cli/call/http-exchange.ts';

const servers: { server: Server; sockets: Set<Socket> }[] = [];
afterEach(async () => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
});

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  servers.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const http = (handler: RequestListener) => listen(createHttpServer(handler));
const raw = (onData: (socket: Socket) => void) => {
  return listen(createServer((socket) => socket.once('data', () => onData(socket))));
};

function post(port: number, timeoutMs = 5000): Promise<HttpAnswer> {
  return exchangeHttp({
    url: new URL(`http://127.0.0.1:${port}/path?q=1`),
    method: 'POST',
    headers: { 'x-a': 'b' },
    body: Buffer.from('body'),
    timeoutMs,
  });
}

describe('exchangeHttp', () => {
  test('sends what it is given and answers status, headers as written, body', async () => {
    const port = await http((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { method, url, headers } = request;
        response.writeHead(201, { 'X-Reply': 'yes' });
        response.write('part ');
        response.end(JSON.stringify([method, url, headers['x-a'], body]));
      });
    });
    const beforeMs = performance.now();
    const { status, headers, body, ms } = await post(port);
    assert.equal(status, 201);
    assert.ok(headers.some(([name, value]) => name === 'X-Reply' && value === 'yes'));
    assert.equal(body.toString(), 'part ["POST","/path?q=1","b","body"]');
    assert.ok(ms > 0 && ms <= performance.now() - beforeMs, `${ms} ms`);
  });

  test('nobody listens', async () => {
    const port = await http(() => {});
    const { server } = servers.pop()!;
    server.close();
    await once(server, 'close');
    await assert.rejects(post(port), { code: 'HTTP_CONNECT', message: /ECONNREFUSED/ });
  });

  test('the server closes without an answer', async () => {
    const port = await raw((socket) => socket.destroy());
    await assert.rejects(post(port), { code: 'HTTP_CLOSED' });
  });

  test('the server closes in the middle of the answer', async () => {
    const port = await raw((socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    });
    await assert.rejects(post(port), { code: 'HTTP_CLOSED' });
  });

  test('the answer is not HTTP', async () => {
    const port = await raw((socket) => socket.end('M\x01\x0c\x00 hello'));
    await assert.rejects(post(port), { code: 'HTTP_PROTOCOL', message: /not HTTP/ });
  });

  test('no answer, and half an answer, in time', async () => {
    const silent = await raw(() => {});
    await assert.rejects(post(silent, 30), { code: 'HTTP_TIMEOUT', message: /within 30 ms/ });
    const slow = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    });
    await assert.rejects(post(slow, 30), { code: 'HTTP_TIMEOUT' });
  });

  test('an answer without end is given up at the limit', async () => {
    const chunk = Buffer.alloc(1 << 20);
    let sent = 0;
    const port = await http((_request, response) => {
      const send = (): void => {
        sent += chunk.length;
        if (!response.destroyed && response.write(chunk)) setImmediate(send);
      };
      response.on('drain', send);
      send();
    });
    await assert.rejects(post(port), { code: 'HTTP_PROTOCOL', message: /larger than/ });
    assert.ok(sent > ANSWER_BYTES_MAX);
  });
});
