// Where HTTP requests begin and end: chunks, 100-continue, HEAD, drips, early answers, limits, and
// everything malformed. A connection that breaks the rules ends; the others do not notice.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { sessionText, startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf, HttpWire, openWire } from './http-wire.ts';
import { echo, startService, type Service } from './service.ts';
import { until } from './wait.ts';

const FRAME_BYTES_MAX = 64 * 1024;
const HEADER_BYTES_MAX = 4096;

let service: Service;
let gateway: TestGateway;
let wire: HttpWire;

function chunked(operationType: string, ...chunks: readonly string[]): string {
  const head =
    'POST /mgw.htm HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n' +
    `Operation-Type: ${operationType}\r\n\r\n`;
  const parts = chunks.map((text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  return `${head}${parts.join('')}0\r\n\r\n`;
}

/** Writes byte by byte, each in a packet of its own. */
async function drip(bytes: string): Promise<void> {
  for (const byte of Buffer.from(bytes)) {
    wire.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

before(async () => {
  service = await startService();
  gateway = await startGateway({
    listeners: {
      frameBytesMax: FRAME_BYTES_MAX,
      headerBytesMax: HEADER_BYTES_MAX,
      headersMax: 20,
      headerTimeoutMs: 300,
      bodyTimeoutMs: 300,
      idleTimeoutMs: 600,
    },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [
      { operationType: 'echo' },
      { operationType: 'guarded', session: 'required' },
      { operationType: 'small', body: { bytesMax: 10 } },
      { operationType: 'get', upstream: { verb: 'GET', path: '/get' } },
    ],
  });
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

beforeEach(async () => {
  service.answer = echo;
  wire = await openWire(gateway.httpPort);
});

afterEach(async () => {
  await wire.close();
  await gateway.settled();
});

describe('bodies', () => {
  test('a chunked body arrives at the service with its length', async () => {
    const answer = await wire.call(chunked('echo', 'Wi', 'kipedia ', 'in\r\n\r\nchunks.'));
    assert.equal(answer.body.toString(), 'Wikipedia in\r\n\r\nchunks.');
    assert.equal(service.last.headers['content-length'], '23');
    assert.equal(service.last.headers['transfer-encoding'], undefined);
    // Extensions and trailers are read over; trailers never become headers.
    const extended = chunked('echo').replace(
      '0\r\n\r\n',
      '3;a=b;c="d"\r\nabc\r\n0;z\r\nX-Trailer: 1\r\n\r\n',
    );
    assert.equal((await wire.call(extended)).body.toString(), 'abc');
    assert.equal(service.last.headers['x-trailer'], undefined);
  });

  test('chunked and plain requests pipelined together are told apart', async () => {
    wire.write(chunked('echo', 'one') + callBytes('echo', 'two') + chunked('echo', 'thr', 'ee'));
    for (const text of ['one', 'two', 'three']) {
      assert.equal((await wire.answer()).body.toString(), text);
    }
  });

  test('every split of a request in two gives the same answer', async () => {
    for (const bytes of [callBytes('echo', 'body'), chunked('echo', 'bo', 'dy')]) {
      for (let at = 1; at < bytes.length; at += 3) {
        wire.write(bytes.slice(0, at));
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal((await wire.call(bytes.slice(at))).body.toString(), 'body', `split at ${at}`);
      }
    }
  });

  test('requests that drip in byte by byte are answered', async () => {
    await drip(callBytes('echo', 'drops', [`Mgw-Session: ${sessionText(1)}`]));
    assert.equal((await wire.answer()).body.toString(), 'drops');
    await drip(chunked('echo', 'dr', 'ops'));
    assert.equal((await wire.answer()).body.toString(), 'drops');
  });

  test('a body of exactly the limit passes, one byte more is 413', async () => {
    const body = 'x'.repeat(FRAME_BYTES_MAX);
    assert.equal((await wire.call(callBytes('echo', body))).body.length, FRAME_BYTES_MAX);
    const answer = await wire.call(callBytes('echo', `${body}y`));
    assert.equal(answer.status, 413);
    assert.equal(codeOf(answer), 3002);
    assert.equal(headerOf(answer, 'connection'), 'close');
    await wire.ended();
  });

  test('a chunked body over the limit is 3002 as soon as that is known', async () => {
    const head = chunked('echo').slice(0, -5);
    wire.write(`${head}${(FRAME_BYTES_MAX + 1).toString(16)}\r\n`);
    const answer = await wire.answer();
    assert.equal(codeOf(answer), 3002);
    await wire.ended();
  });

  test('chunks that add up over the limit are 3002', async () => {
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    wire.write(chunked('echo').slice(0, -5) + chunk.repeat(5));
    assert.equal(codeOf(await wire.answer()), 3002);
    await wire.ended();
  });

  test('a wrong chunk is 3002 and ends the connection', async () => {
    for (const bad of [
      'x\r\n',
      '3\r\nabcd\r\n',
      '-1\r\n',
      '3\nabc\r\n',
      '0\r\nbad trailer\r\n\r\n',
    ]) {
      const other = await openWire(gateway.httpPort);
      other.write(chunked('echo').slice(0, -5) + bad);
      assert.equal(codeOf(await other.answer()), 3002, JSON.stringify(bad));
      await other.ended();
      await other.close();
    }
  });
});

describe('expectations and methods', () => {
  test('100-continue: the client is asked for the body, then answered', async () => {
    const bytes = callBytes('echo', 'later', ['Expect: 100-continue']);
    const bodyAt = bytes.length - 5;
    const go = await wire.call(bytes.slice(0, bodyAt));
    assert.equal(go.status, 100);
    assert.equal((await wire.call(bytes.slice(bodyAt))).body.toString(), 'later');
    assert.equal(service.last.headers.expect, undefined);
    // A body that is there already needs no invitation.
    assert.equal((await wire.call(bytes)).status, 200);
  });

  test('a request that is refused by its head is never asked for its body', async () => {
    const bytes = callBytes('guarded', 'later', ['Expect: 100-continue']);
    const answer = await wire.call(bytes.slice(0, -5));
    assert.equal(codeOf(answer), 2000);
    assert.equal(headerOf(answer, 'connection'), 'close');
    await wire.ended();
  });

  test('any other expectation is 417', async () => {
    assert.equal((await wire.call(callBytes('echo', '', ['Expect: magic']))).status, 417);
    await wire.ended();
  });

  test('HEAD: the head of the answer, its length, no body', async () => {
    service.answer = (_seen, response) => response.end('hello');
    const answer = await wire.call(callBytes('get', '', [], 'HEAD'), true);
    assert.equal(answer.status, 200);
    assert.equal(headerOf(answer, 'content-length'), '5');
    const refused = await wire.call(callBytes('nope', '', [], 'HEAD'), true);
    assert.equal(codeOf(refused), 3000);
    assert.equal((await wire.call(callBytes('echo', 'next'))).body.toString(), 'hello');
  });

  test('HEAD of an answer without a length, too', async () => {
    service.answer = (_seen, response) => {
      response.write('hel');
      setImmediate(() => response.end('lo'));
    };
    const answer = await wire.call(callBytes('get', '', [], 'HEAD'), true);
    assert.equal(answer.status, 200);
    service.answer = echo;
    assert.equal((await wire.call(callBytes('echo', 'next'))).body.toString(), 'next');
  });

  test('methods without a meaning here are 405', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'BREW']) {
      const target = method === 'CONNECT' ? 'a:80' : '/mgw.htm';
      const bytes = `${method} ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
      const answer = await callOnce(gateway.httpPort, bytes);
      assert.ok([405, 501].includes(answer.status), `${method}: ${answer.status}`);
    }
  });

  test('answers without a body are kept apart from the next', async () => {
    for (const status of [204, 304]) {
      service.answer = (_seen, response) => void response.writeHead(status).end();
      const answer = await wire.call(callBytes('echo', 'x'));
      assert.equal(answer.status, status);
      assert.equal(headerOf(answer, 'transfer-encoding'), undefined);
    }
    service.answer = echo;
    assert.equal((await wire.call(callBytes('echo', 'next'))).body.toString(), 'next');
  });
});

describe('answers before the body', () => {
  test('the rest of a refused body is read over and the connection goes on', async () => {
    const body = 'x'.repeat(20_000);
    const bytes = callBytes('guarded', body);
    wire.write(bytes.slice(0, 1000));
    assert.equal(codeOf(await wire.answer()), 2000);
    wire.write(bytes.slice(1000, 9000));
    wire.write(bytes.slice(9000) + callBytes('echo', 'next'));
    assert.equal((await wire.answer()).body.toString(), 'next');
  });

  test('the rest of a refused chunked body, too', async () => {
    const bytes = chunked('guarded', 'x'.repeat(5000), 'y'.repeat(5000));
    wire.write(bytes.slice(0, 3000));
    assert.equal(codeOf(await wire.answer()), 2000);
    wire.write(bytes.slice(3000) + callBytes('echo', 'next'));
    assert.equal((await wire.answer()).body.toString(), 'next');
  });

  test('a body that is too long to be read over ends the connection', async (t) => {
    const large = await startGateway({
      listeners: { frameBytesMax: 1 << 20 },
      upstreams: { app: { protocol: 'http', hosts: [service.host] } },
      apis: [{ operationType: 'guarded', session: 'required' }],
    });
    t.after(() => large.stop());
    const client = await openWire(large.httpPort);
    client.write(callBytes('guarded', 'x'.repeat(512 * 1024)).slice(0, 1000));
    const answer = await client.answer();
    assert.equal(codeOf(answer), 2000);
    assert.equal(headerOf(answer, 'connection'), 'close');
    await client.ended();
    await client.close();
  });

  test('a body that never ends after its refusal is not waited for', async () => {
    wire.write(callBytes('guarded', 'x'.repeat(5000)).slice(0, 1000));
    assert.equal(codeOf(await wire.answer()), 2000);
    await wire.ended();
  });
});

describe('time', () => {
  test('a head that does not end is 408, dripping or not', async () => {
    const { headerTimeouts } = (await gateway.counted()).http;
    wire.write('POST /mgw.htm HTTP/1.1\r\nHost: a\r\n');
    const dripping = setInterval(() => wire.write('X-A: b\r\n'), 60);
    const answer = await wire.answer();
    clearInterval(dripping);
    assert.equal(answer.status, 408);
    await wire.ended();
    assert.equal((await gateway.counted()).http.headerTimeouts, headerTimeouts + 1);
  });

  test('a body that does not end is 3002, dripping or not, plain or chunked', async () => {
    for (const bytes of [callBytes('echo', 'x'.repeat(5000)), chunked('echo', 'x'.repeat(5000))]) {
      const slow = await openWire(gateway.httpPort);
      slow.write(bytes.slice(0, 500));
      const dripping = setInterval(() => slow.write('x'), 60);
      const answer = await slow.answer();
      clearInterval(dripping);
      assert.equal(codeOf(answer), 3002);
      await slow.ended();
      await slow.close();
    }
  });

  test('connections without a request, before the first or after one, are closed', async () => {
    await wire.ended();
    const second = await openWire(gateway.httpPort);
    await second.call(callBytes('echo', 'x'));
    await second.ended();
    assert.equal(second.unread.length, 0);
    await second.close();
  });
});

/** What is no request, and the status that says so. */
const MALFORMED: readonly (readonly [name: string, bytes: string, status: number])[] = [
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01', 400],
  ['another version', 'POST / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  ['bare LF', 'POST / HTTP/1.1\nHost: a\n\n', 400],
  ['bare CR', 'POST / HTTP/1.1\r\nHost: a\rb\r\n\r\n', 400],
  ['space before colon', 'POST / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ['folded header', 'POST / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', 400],
  ['control in value', 'POST / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n', 400],
  ['bad name', 'POST / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n', 400],
  ['no host', 'POST / HTTP/1.1\r\n\r\n', 400],
  ['two hosts', 'POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  [
    'length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
  ],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    400,
  ],
  ['signed length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n', 400],
  ['length list', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n', 400],
  ['another coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
  [
    'chunked is not last',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n',
    400,
  ],
  ['chunks in 1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
  ['long head', `POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(HEADER_BYTES_MAX)}`, 431],
  ['long target', `POST /${'x'.repeat(HEADER_BYTES_MAX)}`, 414],
  ['many headers', `POST / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(25)}\r\n`, 431],
];

describe('what is no request', () => {
  for (const [name, bytes, status] of MALFORMED) {
    test(`${name} is refused at once and the connection ends`, async () => {
      const good = await openWire(gateway.httpPort);
      wire.write(Buffer.from(bytes, 'latin1'));
      const answer = await wire.answer();
      const allowed = status === 400 ? [400] : [400, 431, status];
      assert.ok(allowed.includes(answer.status), `${answer.status}`);
      assert.equal(headerOf(answer, 'connection'), 'close');
      assert.equal(codeOf(answer), 3002);
      await wire.ended();
      assert.equal(wire.unread.length, 0);
      assert.equal((await good.call(callBytes('echo', 'fine'))).body.toString(), 'fine');
      await good.close();
    });
  }

  test('a good request before it is answered first', async () => {
    wire.write(`${callBytes('echo', 'good')}rubbish\r\n\r\n${callBytes('echo', 'smuggled')}`);
    assert.equal((await wire.answer()).body.toString(), 'good');
    assert.equal((await wire.answer()).status, 400);
    await wire.ended();
    assert.notEqual(service.last.body, 'smuggled');
  });

  test('a client that goes on sending after its refusal still gets the answer', async () => {
    wire.write(callBytes('echo', 'x').replace('Content-Length: 1', 'Content-Length: 9999999'));
    const flood = Buffer.alloc(256 * 1024, 'x');
    for (let i = 0; i < 8; i++) wire.write(flood);
    assert.equal((await wire.answer()).status, 413);
    await wire.ended();
  });
});

test('more connections than allowed are closed, and there is room again afterwards', async (t) => {
  const small = await startGateway({
    listeners: { connectionsMax: 3 },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [{ operationType: 'echo' }],
  });
  t.after(() => small.stop());
  const wires = await Promise.all([1, 2, 3].map(() => openWire(small.httpPort)));
  for (const each of wires) await each.call(callBytes('echo', 'x'));
  const refused = new HttpWire(small.httpPort);
  refused.write(callBytes('echo', 'x'));
  await refused.ended();
  assert.equal(refused.unread.length, 0);
  assert.equal((await small.counted()).http.connectionsRefused, 1);
  wires[0]!.socket.end();
  await once(wires[0]!.socket, 'close');
  await until(() => small.counters.http.connectionsOpen === 2, 'the slot is free');
  assert.equal((await callOnce(small.httpPort, callBytes('echo', 'y'))).body.toString(), 'y');
  for (const each of [...wires, refused]) await each.close();
});
