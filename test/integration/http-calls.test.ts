// Calls over HTTP against the sample service: what the answers of a running gateway look like, from
// a good call to every refusal that the result codes name.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SessionChannel } from '#core/codec/session/types.ts';
import { startHttpPeer } from '#test/peers/http.ts';
import type { Peer } from '#test/peers/peer.ts';
import { sessionText, startGateway, type TestGateway } from './gateway.ts';
import {
  callBytes,
  callOnce,
  codeOf,
  headerOf,
  HttpWire,
  openWire,
  type WireAnswer,
} from './http-wire.ts';

const NOW = Math.floor(Date.now() / 1000);
const JSON_TYPE = 'Content-Type: application/json';

let peer: Peer;
let gateway: TestGateway;

function call(operationType: string, body = '', headers: readonly string[] = []) {
  return callOnce(gateway.httpPort, callBytes(operationType, body, headers));
}

/** An answer without what differs from call to call. */
function comparable({ head, body }: WireAnswer): string {
  const lines = head
    .split('\r\n')
    .filter((line) => !/^(date|mgw-trace|server-timing):/i.test(line));
  return `${lines.join('\n')}${body.toString()}`;
}

before(async () => {
  peer = await startHttpPeer();
  gateway = await startGateway({
    upstreams: { app: { protocol: 'http', hosts: [`127.0.0.1:${peer.port}`] } },
    apis: [
      { operationType: 'demo.echo' },
      { operationType: 'demo.account.get', session: 'required' },
      {
        operationType: 'demo.optional',
        session: 'optional',
        upstream: { path: '/demo.account.get' },
      },
      { operationType: 'demo.slow' },
      { operationType: 'path.echo', upstream: { path: '/demo.echo' } },
      { operationType: 'path.get', upstream: { path: '/demo.account.get', verb: 'GET' } },
      { operationType: 'off', enabled: false },
      { operationType: 'mmtp.only', protocols: ['mmtp'] },
      { operationType: 'pc.only', channels: ['pc'] },
      {
        operationType: 'checked',
        upstream: { path: '/demo.echo' },
        body: { required: true, type: 'json', bytesMax: 64 },
      },
      { operationType: 'status', statusMode: 'http', session: 'required' },
      { operationType: 'zh', language: 'zh', session: 'required' },
      { operationType: 'absent', statusMode: 'http', upstream: { path: '/nowhere' } },
    ],
  });
});

after(async () => {
  await gateway.stop();
  await peer.stop();
});

describe('calls over HTTP', () => {
  test('the body goes to the service and comes back untouched', async () => {
    const body = '[{"n":9007199254740993,"text":"größe","nested":{"a":[1,2,3]}}]';
    const answer = await call('demo.echo', body, [JSON_TYPE]);
    assert.equal(answer.status, 200);
    assert.equal(codeOf(answer), 1000);
    assert.equal(headerOf(answer, 'memo'), 'Success');
    assert.equal(answer.body.toString(), `{"echo":${body}}`);
    assert.equal(headerOf(answer, 'content-type'), 'application/json; charset=utf-8');
    assert.match(headerOf(answer, 'mgw-trace')!, /^[0-9a-f]{32}$/);
    assert.match(headerOf(answer, 'server-timing')!, /^gw;dur=\d+\.\d{3}, up;dur=\d+\.\d{3}$/);
  });

  test('a session by header or by cookie names the user to the service', async () => {
    const text = sessionText(1234567);
    for (const header of [
      `Mgw-Session: ${text}`,
      `mgw-session: ${text}`,
      `Cookie: MGW_SESSION=${text}`,
      `Cookie: a=1; MGW_SESSION=${text}; b=2`,
    ]) {
      const answer = await call('demo.account.get', '{}', [header]);
      assert.equal(codeOf(answer), 1000, header);
      assert.deepEqual(JSON.parse(answer.body.toString()), { uid: '1234567', shard: '56' });
    }
  });

  test('a session bound to a device counts with this device only', async () => {
    const session = `Mgw-Session: ${sessionText(7, { device: Buffer.from('phone-1') })}`;
    assert.equal(codeOf(await call('demo.account.get', '{}', [session, 'Did: phone-1'])), 1000);
    assert.equal(codeOf(await call('demo.account.get', '{}', [session, 'Did: phone-2'])), 2000);
    assert.equal(codeOf(await call('demo.account.get', '{}', [session])), 2000);
  });

  test('every session that is not good gets the same answer: 2000', async () => {
    const good = sessionText(5);
    const flipped = `${good.slice(0, 40)}${good[40] === 'A' ? 'B' : 'A'}${good.slice(41)}`;
    const bad: Record<string, readonly string[]> = {
      none: [],
      damaged: [`Mgw-Session: ${flipped}`],
      'damaged cookie': [`Cookie: MGW_SESSION=${flipped}`],
      'cut short': [`Mgw-Session: ${good.slice(0, -4)}`],
      'too long': [`Mgw-Session: ${good}${'A'.repeat(4000)}`],
      'no base64url': ['Mgw-Session: !!!'],
      empty: ['Mgw-Session: '],
      'standard base64': [`Mgw-Session: ${good}=`],
      PC: [`Mgw-Session: ${sessionText(5, { channel: SessionChannel.pc })}`],
      expired: [`Mgw-Session: ${sessionText(5, { issuedAt: NOW - 7200, ttl: 3600 })}`],
      'from the future': [`Mgw-Session: ${sessionText(5, { issuedAt: NOW + 600 })}`],
    };
    const answers = new Map<string, string>();
    for (const [name, headers] of Object.entries(bad)) {
      const answer = await call('demo.account.get', '{}', headers);
      assert.equal(codeOf(answer), 2000, name);
      assert.equal(answer.status, 200, name);
      answers.set(name, comparable(answer));
    }
    assert.equal(new Set(answers.values()).size, 1, [...answers.values()].join('\n----\n'));
  });

  test('an optional session that is not good makes a stranger', async () => {
    const stranger = await call('demo.optional', '{}', ['Mgw-Session: nonsense']);
    assert.deepEqual(JSON.parse(stranger.body.toString()), { uid: '', shard: '00' });
    const known = await call('demo.optional', '{}', [`Mgw-Session: ${sessionText(42)}`]);
    assert.deepEqual(JSON.parse(known.body.toString()), { uid: '42', shard: '04' });
  });

  test('unknown, disabled and missing operation types are 3000', async () => {
    for (const operationType of ['nope', 'off', 'demo.ech', 'demo.echoo', '*', '']) {
      const answer = await call(operationType, '{}');
      assert.equal(codeOf(answer), 3000, operationType);
      assert.equal(answer.status, 200);
      assert.equal(
        (JSON.parse(answer.body.toString()) as { resultStatus: number }).resultStatus,
        3000,
      );
    }
    const none = await callOnce(gateway.httpPort, 'POST /mgw.htm HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(codeOf(none), 3000);
  });

  test('an API that is not open here is 1001', async () => {
    assert.equal(codeOf(await call('mmtp.only', '{}')), 1001);
    assert.equal(codeOf(await call('pc.only', '{}')), 1001);
  });

  test('an unknown path is 404', async () => {
    for (const path of [
      '/',
      '/mgw.htmx',
      '/mgw.ht',
      '/x/nope',
      '/demo.echo',
      '/x/demo.echo',
      '*',
    ]) {
      const method = path === '*' ? 'OPTIONS' : 'POST';
      const bytes = `${method} ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;
      const answer = await callOnce(gateway.httpPort, bytes);
      assert.equal(answer.status, path === '*' ? 405 : 404, path);
    }
  });

  test('an API with a path is reached by its path and by /mgw.htm', async () => {
    const bytes =
      'POST /any/path.echo?x=1 HTTP/1.1\r\nHost: a\r\nOperation-Type: nope\r\n' +
      'Content-Length: 2\r\n\r\n{}';
    const byPath = await callOnce(gateway.httpPort, bytes);
    assert.equal(byPath.body.toString(), '{"echo":{}}');
    const get = await callOnce(gateway.httpPort, 'GET /a/b/path.get HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(codeOf(get), 1000);
    assert.equal((await call('path.echo', '1')).body.toString(), '{"echo":1}');
  });

  test('3001 for an empty body, 3002 for a large one or no JSON', async () => {
    assert.equal(codeOf(await call('checked', '')), 3001);
    assert.equal(codeOf(await call('checked', '{"a":')), 3002);
    assert.equal(codeOf(await call('checked', '"\u0001"')), 3002);
    assert.equal(codeOf(await call('checked', `"${'x'.repeat(63)}"`)), 3002);
    assert.equal(codeOf(await call('checked', `"${'x'.repeat(62)}"`)), 1000);
  });

  test('statusMode http: statuses follow result codes', async () => {
    assert.equal((await call('status', '{}')).status, 401);
    const missing = await call('absent', '{}');
    assert.equal(missing.status, 404);
    assert.equal(codeOf(missing), 6000);
    assert.match(missing.body.toString(), /This service has no \/nowhere/);
  });

  test('language zh: texts are percent-encoded UTF-8', async () => {
    const answer = await call('zh', '{}');
    assert.equal(codeOf(answer), 2000);
    assert.equal(decodeURIComponent(headerOf(answer, 'memo')!), '登录超时');
    assert.equal((JSON.parse(answer.body.toString()) as { memo: string }).memo, '登录超时');
  });

  test('the trace of the client goes on; without one there is a new one each time', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const header = `traceparent: 00-${trace}-b7ad6b7169203331-01`;
    assert.equal(headerOf(await call('demo.echo', '1', [header]), 'mgw-trace'), trace);
    const bad = await call('demo.echo', '1', [
      `traceparent: 00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    ]);
    assert.notEqual(headerOf(bad, 'mgw-trace'), '0'.repeat(32));
    const traces = new Set<string>();
    for (let i = 0; i < 5; i++) traces.add(headerOf(await call('off', '1'), 'mgw-trace')!);
    assert.equal(traces.size, 5);
  });
});

describe('connections', () => {
  test('one connection carries call after call', async () => {
    const wire = await openWire(gateway.httpPort);
    const before = (await gateway.counted()).http.connectionsOpened;
    for (let i = 0; i < 20; i++) {
      const answer = await wire.call(callBytes('demo.echo', String(i)));
      assert.equal(answer.body.toString(), `{"echo":${i}}`);
    }
    assert.equal((await gateway.counted()).http.connectionsOpened, before);
    await wire.close();
  });

  test('ten requests in one write are answered in order', async () => {
    const wire = new HttpWire(gateway.httpPort);
    const requests = Array.from({ length: 10 }, (_, i) =>
      // The first ones are slower: order must not follow speed.
      i % 3 === 0
        ? callBytes('demo.slow', `{"ms":${20 - i}}`)
        : callBytes(i % 3 === 1 ? 'nope' : 'demo.echo', String(i)),
    );
    wire.write(requests.join(''));
    for (let i = 0; i < 10; i++) {
      const answer = await wire.answer();
      if (i % 3 === 0) assert.equal(answer.body.toString(), `{"ms":${20 - i}}`);
      else if (i % 3 === 1) assert.equal(codeOf(answer), 3000);
      else assert.equal(answer.body.toString(), `{"echo":${i}}`);
    }
    await wire.close();
  });

  test('hundreds of pipelined requests, more than is read at once, are all answered', async () => {
    const wire = new HttpWire(gateway.httpPort);
    const padding = 'x'.repeat(2000);
    for (let i = 0; i < 300; i++) wire.write(callBytes('demo.echo', `["${padding}",${i}]`));
    for (let i = 0; i < 300; i++) {
      const answer = await wire.answer();
      assert.ok(answer.body.toString().endsWith(`",${i}]}`), `answer ${i}`);
    }
    await wire.close();
  });

  test('Connection: close and HTTP/1.0 end the connection after the answer', async () => {
    for (const bytes of [
      callBytes('demo.echo', '1', ['Connection: close']),
      callBytes('nope', '1', ['Connection: close']),
      callBytes('demo.echo', '1').replace('HTTP/1.1', 'HTTP/1.0'),
    ]) {
      const wire = new HttpWire(gateway.httpPort);
      const answer = await wire.call(bytes + callBytes('demo.echo', '2'));
      assert.equal(headerOf(answer, 'connection'), 'close');
      await wire.ended();
      assert.equal(wire.unread.length, 0);
      await wire.close();
    }
  });

  test('HTTP/1.0 with keep-alive stays open', async () => {
    const wire = new HttpWire(gateway.httpPort);
    const bytes = callBytes('demo.echo', '1', ['Connection: keep-alive']).replace('1.1', '1.0');
    const first = await wire.call(bytes);
    assert.equal(headerOf(first, 'connection'), 'keep-alive');
    assert.equal((await wire.call(bytes)).body.toString(), '{"echo":1}');
    await wire.close();
  });
});
