// The clients of a soak notice a gateway that does not do what it must.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { callHttp } from '#bench/soak/http-call.ts';
import { breakHttp, breakMmtp, readSlowly } from '#bench/soak/raw-clients.ts';
import { LARGE_BYTES } from '#bench/soak/soak-config.ts';
import { TaggedMessage } from '#bench/peers/tagged-message.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { encodeGoaway, encodeInitAck } from '#core/codec/mmtp/control.ts';
import { encodeResponse } from '#core/codec/mmtp/response.ts';

const ANSWERS = 4;

const INIT_ACK = {
  resultCode: 1000,
  maxStreams: 10,
  maxFrameBytes: 0,
  idleTimeoutS: 0,
  reconnectAfterS: 0,
  dictId: 0,
  tableSize: 0,
};

function bytesOf(encode: (out: OutBuffer) => void): Buffer {
  const out = new OutBuffer();
  encode(out);
  return Buffer.from(out.take());
}

const GOAWAY = bytesOf((out) => {
  encodeInitAck(out, INIT_ACK);
  encodeGoaway(out, { lastStream: 0, resultCode: 3002, reconnectAfterS: 0 });
});

/** Large answers, the last of them with another letter somewhere. */
function largeAnswers(count: number, isLastWrong: boolean): Buffer {
  return bytesOf((out) => {
    for (let i = 0; i < count; i++) {
      const response = new ResponseMessage();
      response.resultCode = 1000;
      response.bodySource = Buffer.from(new TaggedMessage('json', LARGE_BYTES).bytes);
      response.bodyLength = LARGE_BYTES;
      if (isLastWrong && i === count - 1) response.bodySource[LARGE_BYTES - 9] = 0x79;
      encodeResponse(out, 2 * i + 1, response, null, null);
    }
  });
}

describe('soak clients', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** A server that does `react` once a client has said something. */
  async function serve(react: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => react(socket));
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as { readonly port: number }).port;
  }

  test('breakMmtp wants GOAWAY before the end', async () => {
    await breakMmtp(await serve((socket) => socket.end(GOAWAY)));
    await assert.rejects(breakMmtp(await serve((socket) => socket.end())), /for a broken one/);
  });

  test('breakHttp wants 400 before the end', async () => {
    const status = (line: string) => serve((socket) => socket.end(`HTTP/1.1 ${line}\r\n\r\n`));
    await breakHttp(await status('400 Bad Request'));
    await assert.rejects(breakHttp(await status('200 OK')), /for a broken request/);
  });

  test('readSlowly wants all answers as they should be', async () => {
    await readSlowly(await serve((socket) => socket.write(largeAnswers(ANSWERS, false))));
    const wrong = await serve((socket) => socket.write(largeAnswers(ANSWERS, true)));
    await assert.rejects(readSlowly(wrong), /wrong body/);
    const few = await serve((socket) => socket.end(largeAnswers(ANSWERS - 1, false)));
    await assert.rejects(readSlowly(few), /0 of 4 answers/);
  });

  test('callHttp wants status 200 and result 1000', async () => {
    const answer = (head: string) =>
      serve((socket) => socket.end(`HTTP/1.1 ${head}\r\nContent-Length: 2\r\n\r\nhi`));
    const call = (port: number) => callHttp({ port, agent: false }, Buffer.from('{}'));
    const body = await call(await answer('200 OK\r\nResult-Status: 1000'));
    assert.equal(body.toString(), 'hi');
    await assert.rejects(call(await answer('200 OK\r\nResult-Status: 4001')), /result 4001/);
    await assert.rejects(call(await answer('500 No\r\nResult-Status: 1000')), /status 500/);
  });
});
