// Requests that are refused in HTTP's own terms: broken framing wherever it is, methods that are
// not served, two operation types; and names that would mean another folder at the service.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf } from './http-wire.ts';
import { echo, startService, type Service } from './service.ts';

let service: Service;
let gateway: TestGateway;

const HEAD = 'POST /mgw.htm HTTP/1.1\r\nHost: a\r\n';

before(async () => {
  service = await startService();
  service.answer = echo;
  gateway = await startGateway({
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [{ operationType: 'echo' }, { operationType: '*' }],
  });
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

describe('a request that breaks HTTP', () => {
  const chunked = `${HEAD}Operation-Type: echo\r\nTransfer-Encoding: chunked\r\n\r\n`;
  for (const [what, body] of [
    ['a size that is no number', '0x2\r\n{}\r\n0\r\n\r\n'],
    ['a space behind the size', '2 \r\n{}\r\n0\r\n\r\n'],
    ['a bare line feed', '2\n{}\r\n0\r\n\r\n'],
    ['data longer than its size', '2\r\n{}x\r\n0\r\n\r\n'],
    ['a bad trailer', '2\r\n{}\r\n0\r\nbad trailer\r\n\r\n'],
  ] as const) {
    test(`chunks with ${what} get 400, 3002 and the end of the connection`, async () => {
      const answer = await callOnce(gateway.httpPort, chunked + body);
      assert.equal(answer.status, 400);
      assert.equal(codeOf(answer), 3002);
      assert.equal(headerOf(answer, 'connection'), 'close');
    });
  }

  test('a chunked body beyond the limit of a message gets 413', async () => {
    const size = 1024 * 1024 + 1;
    const answer = await callOnce(gateway.httpPort, `${chunked}${size.toString(16)}\r\n{`);
    assert.equal(answer.status, 413);
  });

  test('two operation types get 400 and 3002, whichever API they name', async () => {
    const types = 'Operation-Type: echo\r\nX: 1\r\noperation-type: other\r\n';
    const answer = await callOnce(gateway.httpPort, `${HEAD}${types}Content-Length: 0\r\n\r\n`);
    assert.equal(answer.status, 400);
    assert.equal(codeOf(answer), 3002);
  });

  test('a method that is not served gets 405 with the methods that are', async () => {
    for (const method of ['PUT', 'OPTIONS', 'TRACE']) {
      const bytes = `${method} /mgw.htm HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
      const answer = await callOnce(gateway.httpPort, bytes);
      assert.equal(answer.status, 405, method);
      assert.equal(headerOf(answer, 'allow'), 'GET, HEAD, POST', method);
    }
  });
});

test('a name of dots alone is no operation type: it would be another folder', async () => {
  for (const name of ['.', '..', '...']) {
    const answer = await callOnce(gateway.httpPort, callBytes(name, '{}'));
    assert.equal(codeOf(answer), 3000, name);
  }
  const dotted = await callOnce(gateway.httpPort, callBytes('..a', '{}'));
  assert.equal(codeOf(dotted), 1000);
});
