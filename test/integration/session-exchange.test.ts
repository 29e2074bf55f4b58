// Clients of the decentralized generation migrate by themselves: the answer to a legacy session
// brings a compact one, which the gateway then takes. Over real connections, both protocols.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import type { CallAnswer } from '#cli/client/client-types.ts';
import { looksLegacy } from '#core/codec/session/legacy.ts';
import { issueLegacySession, sessionText, startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf } from './http-wire.ts';
import { echo, startService, type Service } from './service.ts';

const UID = 208_812_345;
const COOKIE = /^MGW_SESSION=([\w-]+); Path=\/; Max-Age=(\d+); HttpOnly; SameSite=Lax$/;

let service: Service;
let gateway: TestGateway;

before(async () => {
  service = await startService();
  gateway = await startGateway({
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    groups: { old: { upstream: 'app', session: 'required', accept: ['compact', 'legacy'] } },
    apis: [
      { operationType: 'old', group: 'old' },
      { operationType: 'fat.only', group: 'old', accept: ['legacy'] },
      { operationType: 'new.only', group: 'old', accept: ['compact'] },
      { operationType: 'ruled', group: 'old', headers: { response: { add: { 'X-Out': '1' } } } },
      { operationType: 'open', upstream: { name: 'app' }, session: 'none' },
    ],
  });
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

beforeEach(() => {
  service.answer = echo;
});

function sessionHeader({ headers }: CallAnswer): string[] {
  return headers.filter(([name]) => name.toLowerCase() === 'mgw-session').map(([, text]) => text);
}

describe('over HTTP', () => {
  const legacyLine = (): string => `Mgw-Session: ${issueLegacySession(UID).toString('base64url')}`;

  test('the cookie that comes with the answer is a session of the same user', async () => {
    const first = await callOnce(gateway.httpPort, callBytes('old', '{}', [legacyLine()]));
    assert.equal(codeOf(first), 1000);
    const [, text = '', maxAge = ''] = COOKIE.exec(headerOf(first, 'set-cookie') ?? '') ?? [];
    assert.ok(Number(maxAge) > 3000 && Number(maxAge) <= 3600, `Max-Age is ${maxAge}`);
    assert.equal(looksLegacy(Buffer.from(text, 'base64url'), 0, 2), false);
    const cookie = [`Cookie: a=1; MGW_SESSION=${text}`];
    const second = await callOnce(gateway.httpPort, callBytes('new.only', '{}', cookie));
    assert.equal(codeOf(second), 1000);
    assert.equal(service.last.headers['mgw-uid'], String(UID));
    assert.equal(service.last.headers['cookie'], 'a=1');
    assert.equal(headerOf(second, 'set-cookie'), undefined);
  });

  test('a compact session brings none, nor does one where compact ones are refused', async () => {
    const compact = [`Mgw-Session: ${sessionText(UID)}`];
    const plain = await callOnce(gateway.httpPort, callBytes('old', '{}', compact));
    const fat = await callOnce(gateway.httpPort, callBytes('fat.only', '{}', [legacyLine()]));
    for (const answer of [plain, fat]) {
      assert.equal(codeOf(answer), 1000);
      assert.equal(headerOf(answer, 'set-cookie'), undefined);
    }
    const refused = await callOnce(gateway.httpPort, callBytes('new.only', '{}', [legacyLine()]));
    assert.equal(codeOf(refused), 2000);
    assert.equal(headerOf(refused, 'set-cookie'), undefined);
  });

  test('it comes with failures of the service, and with answers in pieces', async () => {
    service.answer = (_seen, response) => response.writeHead(503).end();
    const failed = await callOnce(gateway.httpPort, callBytes('old', '{}', [legacyLine()]));
    assert.equal(codeOf(failed), 4002);
    assert.match(headerOf(failed, 'set-cookie') ?? '', COOKIE);
    service.answer = (_seen, response) => {
      response.write('a');
      setImmediate(() => response.end('b'));
    };
    const streamed = await callOnce(gateway.httpPort, callBytes('old', '{}', [legacyLine()]));
    assert.equal(streamed.body.toString(), 'ab');
    assert.match(headerOf(streamed, 'set-cookie') ?? '', COOKIE);
  });

  test('a service cannot say Mgw-Session, but may log out by its own cookie', async () => {
    service.answer = (seen, response) => {
      response.setHeader('Mgw-Session', 'forged');
      response.setHeader('mgw_session', 'forged');
      response.setHeader('Set-Cookie', ['theme=dark', 'MGW_SESSION=; Max-Age=0']);
      response.end(seen.body);
    };
    const answer = await callOnce(gateway.httpPort, callBytes('old', '{}', [legacyLine()]));
    assert.doesNotMatch(answer.head, /forged/);
    const cookies = answer.headers.filter(([name]) => name.toLowerCase() === 'set-cookie');
    assert.deepEqual(
      cookies.map(([, value]) => value),
      ['theme=dark', 'MGW_SESSION=; Max-Age=0'],
    );
  });
});

describe('over Mmtp', () => {
  test('HEADER Mgw-Session is a session that can be bound', async (t) => {
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const session = issueLegacySession(UID);
    const first = await client.call('old', '{}', { session });
    assert.equal(first.resultCode, 1000);
    const [text = '', ...more] = sessionHeader(first);
    assert.deepEqual(more, []);
    assert.equal(await client.bind(Buffer.from(text, 'base64url')), 1000);
    const second = await client.call('new.only', '{}');
    assert.equal(second.resultCode, 1000);
    assert.equal(service.last.headers['mgw-uid'], String(UID));
    assert.deepEqual(sessionHeader(second), []);
  });

  test('a bound legacy session is exchanged as well', async (t) => {
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    assert.equal(await client.bind(issueLegacySession(UID)), 1000);
    const answer = await client.call('old', '{}');
    assert.equal(sessionHeader(answer).length, 1);
  });

  test('an answer that is given again has it once, as other headers', async (t) => {
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    const options = { session: issueLegacySession(UID), requestId: Buffer.alloc(16, 1) };
    const callsBefore = service.seen.length;
    const [first, again] = [
      await client.call('ruled', '{}', options),
      await client.call('ruled', '{}', options),
    ];
    assert.equal(service.seen.length, callsBefore + 1);
    const names = ({ headers }: CallAnswer) => headers.map(([name]) => name).toSorted();
    assert.deepEqual(names(first), ['Mgw-Session', 'X-Out']);
    assert.deepEqual(names(again), names(first));
  });

  test('a service cannot forge it', async (t) => {
    service.answer = (seen, response) => {
      response.setHeader('Mgw-Session', 'forged');
      response.end(seen.body);
    };
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    for (const operationType of ['old', 'open']) {
      const answer = await client.call(operationType, '{}', { session: issueLegacySession(UID) });
      assert.equal(answer.resultCode, 1000);
      const texts = sessionHeader(answer);
      assert.equal(texts.length, operationType === 'old' ? 1 : 0);
      assert.ok(!texts.includes('forged'));
    }
  });
});
