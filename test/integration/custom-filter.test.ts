// Filters of a user in a running gateway: loaded from a module, they see the request they run for,
// and no other, however requests interleave.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { issueSession, makeKeyDirectory, startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, openWire } from './http-wire.ts';
import { openMmtp, requestBytes } from './mmtp-wire.ts';
import { startService, type Service } from './service.ts';

/** Answers with the session id that it sees; one of the two lets the request wait before. */
const MODULE = `
const REPLY = 1;
const PAUSE = 2;
function answer(exchange) {
  const { session, response } = exchange;
  const sid = session.source.subarray(session.sidOffset, session.sidOffset + 16);
  response.resultCode = 1000;
  response.bodySource = Buffer.from(sid.toString('hex'));
  response.bodyLength = response.bodySource.length;
}
export const filters = [{
  name: 'tell-session',
  maturity: 'stable',
  phases: ['requestBody'],
  create({ api }) {
    if (api.operationType === 'throws') {
      return { requestBody() { throw new Error('a fault of the filter'); } };
    }
    if (api.operationType === 'forgets') {
      return { requestBody() { 'no return'; } };
    }
    if (api.operationType === 'async') {
      return { async requestBody() { throw new Error('nobody waits for it'); } };
    }
    if (api.operationType === 'now') {
      return { requestBody(exchange) { answer(exchange); return REPLY; } };
    }
    if (api.operationType === 'later') {
      return {
        requestBody(exchange) {
          const { serial, resumer } = exchange;
          setTimeout(() => {
            if (exchange.serial !== serial) return;
            answer(exchange);
            resumer.resume(exchange, serial, REPLY);
          }, 30);
          return PAUSE;
        },
      };
    }
    return null;
  },
}, {
  name: 'mark',
  maturity: 'stable',
  phases: ['responseHead', 'responseBody'],
  create({ api }) {
    if (api.operationType !== 'marked') return null;
    return {
      responseHead({ response }) { response.added.push('X-Mark', 'one'); return 0; },
      responseBody({ response }) {
        const { bodySource, bodyOffset, bodyLength } = response;
        const body = bodySource.subarray(bodyOffset, bodyOffset + bodyLength);
        response.bodySource = Buffer.concat([body, Buffer.from('!')]);
        response.bodyOffset = 0;
        response.bodyLength = bodyLength + 1;
        return 0;
      },
    };
  },
}];
`;

let service: Service;
let gateway: TestGateway;
let directory: string;

const SID = 20;

function sidOf(session: Buffer): string {
  return session.toString('hex', SID, SID + 16);
}

before(async () => {
  service = await startService();
  ({ directory } = makeKeyDirectory());
  const file = join(directory, 'filter.mjs');
  writeFileSync(file, MODULE);
  gateway = await startGateway({
    // On one thread: the test and the filter share memory.
    runtime: { workers: 0 },
    filters: { modules: [file] },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    groups: { all: { session: 'required' } },
    apis: [
      { operationType: 'now', group: 'all' },
      { operationType: 'later', group: 'all' },
      { operationType: 'throws', group: 'all' },
      { operationType: 'forgets' },
      { operationType: 'async' },
      { operationType: 'echo' },
      { operationType: 'marked' },
    ],
  });
});

after(async () => {
  await gateway.settled();
  await gateway.stop();
  await service.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('a filter of the user', () => {
  for (const operationType of ['now', 'later']) {
    for (const coding of ['plain', 'chunked']) {
      test(`${operationType}, ${coding}: sees the session of its own request`, async () => {
        const mine = issueSession(1);
        const theirs = issueSession(2);
        const bytes = (session: Buffer): string => {
          const text = session.toString('base64url');
          const plain = callBytes(operationType, 'body', [`Mgw-Session: ${text}`]);
          if (coding === 'plain') return plain;
          const head = plain
            .slice(0, -4)
            .replace('Content-Length: 4', 'Transfer-Encoding: chunked');
          return `${head}4\r\nbody\r\n0\r\n\r\n`;
        };
        const wire = await openWire(gateway.httpPort);
        wire.write(bytes(mine).slice(0, -3));
        // The head was read and checked when another connection's request comes in between.
        const { exchangesStarted } = await gateway.counted();
        while ((await gateway.counted()).exchangesStarted === exchangesStarted) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        const other = await callOnce(gateway.httpPort, bytes(theirs));
        assert.equal(other.body.toString(), sidOf(theirs));
        wire.write(bytes(mine).slice(-3));
        assert.equal((await wire.answer()).body.toString(), sidOf(mine));
        await wire.close();
      });
    }
  }

  test('over Mmtp, many at once, bound or not', async () => {
    const wire = await openMmtp(gateway.mmtpPort);
    const sessions = Array.from({ length: 20 }, (_, i) => issueSession(i + 1));
    wire.write(
      ...sessions.map((session, i) =>
        requestBytes(1 + 2 * i, i % 2 === 0 ? 'now' : 'later', '', { session }),
      ),
    );
    for (let i = 0; i < 20; i++) {
      const { streamId, body } = await wire.response();
      assert.equal(body.toString(), sidOf(sessions[(streamId - 1) / 2]!));
    }
    await wire.close();
  });

  test('changes an answer once, however often it is given', async (t) => {
    const client = await connectMmtp({ port: gateway.mmtpPort, deviceId: 'phone' });
    t.after(() => client.close());
    const call = () => client.call('marked', 'body', { requestId: Buffer.alloc(16, 1) });
    const running = await Promise.all([call(), call()]);
    for (const { body, headers } of [...running, await call()]) {
      assert.equal(body.toString(), 'body!');
      assert.deepEqual(headers, [['X-Mark', 'one']]);
    }
  });

  test('that throws makes 5000 of its request and nothing of others', async () => {
    const session = `Mgw-Session: ${issueSession(1).toString('base64url')}`;
    const failed = await callOnce(gateway.httpPort, callBytes('throws', 'x', [session]));
    assert.equal(codeOf(failed), 5000);
    assert.ok(!failed.body.toString().includes('fault'), 'the error leaked');
    assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('echo', 'x'))), 1000);
    assert.equal((await gateway.counted()).filterErrors, 1);
  });

  for (const operationType of ['forgets', 'async']) {
    test(`that returns no status makes 5000 of its request: ${operationType}`, async () => {
      const { filterErrors } = await gateway.counted();
      const failed = await callOnce(gateway.httpPort, callBytes(operationType, 'x'));
      assert.equal(codeOf(failed), 5000);
      assert.notEqual(failed.body.length, 0);
      assert.equal((await gateway.counted()).filterErrors, filterErrors + 1);
    });
  }
});
