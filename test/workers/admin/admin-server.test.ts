// The admin API over real sockets: what each path answers, who is let in, and what a request may
// cost.

import { after, before, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resetSocket } from '#test/peers/reset.ts';
import { ADMIN_ROUTES } from '#workers/admin/admin-routes.ts';
import { ADMIN_BODY_BYTES_MAX } from '#workers/admin/admin-server.ts';
import { Harness, json } from './support.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

let directory = '';
const admin = new Harness();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mgw-admin-'));
  await admin.listen({ tokenFile: join(directory, 'token') });
});
after(async () => {
  await admin.server.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => {
  admin.source.reasons = [];
  admin.source.failure = null;
  admin.source.drains = 0;
  admin.source.configs = [];
  admin.errors.length = 0;
});

describe('reading', () => {
  test('each data path answers its part as JSON', async () => {
    const expected = {
      '/stats': { requests: 5 },
      '/config': { revision: 7 },
      '/apis': [{ operationType: 'demo.echo' }],
      '/clusters': [{ name: 'app' }],
      '/sessions': { keys: 1 },
    };
    for (const [path, value] of Object.entries(expected)) {
      const answer = await admin.send('GET', path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
      assert.deepEqual(JSON.parse(answer.text), value, path);
    }
  });

  test('/metrics is Prometheus text', async () => {
    const answer = await admin.send('GET', '/metrics');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(answer.text, await admin.source.metricsText());
  });

  test('probes answer 200 or 503 with reasons, without a token', async () => {
    for (const [path, word] of [
      ['/healthz', 'ok'],
      ['/readyz', 'ready'],
    ] as const) {
      admin.source.reasons = [];
      const well = await admin.send('GET', path, { bare: true });
      assert.equal(well.status, 200);
      assert.equal(json(well)['status'], word);
      admin.source.reasons = ['draining'];
      const ill = await admin.send('GET', path, { bare: true });
      assert.equal(ill.status, 503);
      assert.deepEqual(json(ill)['reasons'], ['draining']);
    }
  });

  test('HEAD is GET without the body', async () => {
    const answer = await admin.send('HEAD', '/metrics');
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '');
    assert(Number(answer.headers['content-length']) > 0);
  });

  test('a query does not change the path', async () => {
    assert.equal((await admin.send('GET', '/stats?pretty')).status, 200);
  });
});

describe('refusals', () => {
  test('an unknown path answers 404 with all paths', async () => {
    for (const path of ['/', '/stat', '/stats/', '//stats', '/%2e', '/stats%00']) {
      const answer = await admin.send('GET', path);
      assert.equal(answer.status, 404, path);
      const paths = json(answer)['paths'] as string[];
      for (const route of ADMIN_ROUTES) {
        assert(paths.some((line) => line.startsWith(`${route.method} ${route.path}: `)));
      }
    }
  });

  test('a wrong method answers 405 with Allow', async () => {
    for (const [method, path, allow] of [
      ['DELETE', '/config', 'GET, HEAD, PUT'],
      ['POST', '/stats', 'GET, HEAD'],
      ['GET', '/drain', 'POST'],
      ['PUT', '/log-level', 'POST'],
      ['OPTIONS', '/stats', 'GET, HEAD'],
    ] as const) {
      const answer = await admin.send(method, path);
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers['allow'], allow);
    }
    assert.equal(admin.source.drains, 0);
  });

  test('everything but the probes needs the token, from the header only', async () => {
    const token = admin.server.token!.text;
    for (const route of ADMIN_ROUTES.filter((one) => !one.isPublic)) {
      for (const [headers, suffix] of [
        [{}, ''],
        [{}, `?token=${token}`],
        [{ authorization: 'Bearer' }, ''],
        [{ authorization: 'Bearer ' }, ''],
        [{ authorization: `Bearer ${token.slice(0, -1)}` }, ''],
        [{ authorization: `Bearer ${token}x` }, ''],
        [{ authorization: `Basic ${token}` }, ''],
        [{ authorization: `Digest ${token}` }, ''],
        [{ authorization: token }, ''],
      ] as const) {
        const options = { bare: true, headers };
        const answer = await admin.send(route.method, route.path + suffix, options);
        assert.equal(answer.status, 401, `${route.path} ${JSON.stringify(headers)}`);
        assert.match(answer.headers['www-authenticate']!, /^Bearer /);
      }
    }
    assert.equal(admin.source.drains, 0);
    const lower = { authorization: `bearer ${token}` };
    assert.equal((await admin.send('GET', '/stats', { bare: true, headers: lower })).status, 200);
  });

  test('a foreign Host is refused: DNS rebinding', async () => {
    const { port } = admin.server;
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      '10.0.0.1',
      'user@localhost',
      'localhost, evil',
      'a b',
    ]) {
      const answer = await admin.send('GET', '/healthz', { headers: { host } });
      assert.equal(answer.status, 403, host);
    }
    for (const host of [
      'localhost',
      `localhost:${port}`,
      'LOCALHOST',
      '127.0.0.1',
      '[::1]:8100',
      'localhost.',
    ]) {
      const answer = await admin.send('GET', '/healthz', { headers: { host } });
      assert.equal(answer.status, 200, host);
    }
  });

  test('a cross-site request of a browser is refused', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:1' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      assert.equal((await admin.send('POST', '/drain', { headers })).status, 403);
    }
    assert.equal(admin.source.drains, 0);
    const { port } = admin.server;
    const same = { host: `localhost:${port}`, origin: `http://localhost:${port}` };
    assert.equal((await admin.send('GET', '/stats', { headers: same })).status, 200);
  });

  test('a request that is no HTTP answers 400 and closes', async () => {
    assert.match(await admin.sendRaw('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.match(await admin.sendRaw('GET /healthz HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
  });

  test('a handler that throws answers 500, tells the log and keeps its reason', async () => {
    admin.source.failure = new Error('secret detail');
    const answer = await admin.send('GET', '/stats');
    assert.equal(answer.status, 500);
    assert(!answer.text.includes('secret'));
    assert.deepEqual(admin.errors, [admin.source.failure]);
  });

  test('data that cannot be JSON answers 500 as well', async () => {
    assert.equal((await admin.send('GET', '/lanes')).status, 500);
    assert.equal(admin.errors.length, 1);
    assert.equal((await admin.send('GET', '/sessions')).status, 200);
  });
});

describe('PUT /config', () => {
  test('applies JSON and YAML and answers revision and hash', async () => {
    for (const [given, passed] of [
      ['application/json', 'application/json'],
      ['Application/JSON; charset=utf-8', 'application/json'],
      ['application/yaml', 'application/yaml'],
      ['application/x-yaml', 'application/yaml'],
      ['text/yaml', 'application/yaml'],
    ]) {
      admin.source.configs = [];
      const headers = { 'content-type': given! };
      const answer = await admin.send('PUT', '/config', {
        headers,
        body: '{"revision":8,"x":"é"}',
      });
      assert.equal(answer.status, 200);
      assert.deepEqual(json(answer), { revision: 8, hash: 'abc', needsRestart: ['runtime.zone'] });
      assert.deepEqual(admin.source.configs, [['{"revision":8,"x":"é"}', passed]]);
    }
  });

  test('a refused configuration answers 422 with its problems', async () => {
    const answer = await admin.send('PUT', '/config', { headers: JSON_TYPE, body: '{"bad":1}' });
    assert.equal(answer.status, 422);
    assert.deepEqual(json(answer)['problems'], [
      { path: 'apis[0].group', message: 'no such group', line: 3 },
    ]);
  });

  test('no body 400, no text 400, other types 415', async () => {
    const put = async (headers: Record<string, string>, body: string | Buffer): Promise<number> =>
      (await admin.send('PUT', '/config', { headers, body })).status;
    assert.equal(await put(JSON_TYPE, ''), 400);
    assert.equal(await put(JSON_TYPE, ' \n'), 400);
    assert.equal(await put(JSON_TYPE, Buffer.from([0x7b, 0xff, 0x7d])), 400);
    assert.equal(await put({}, '{}'), 415);
    assert.equal(await put({ 'content-type': 'text/plain' }, '{}'), 415);
    assert.equal(await put({ ...JSON_TYPE, 'content-encoding': 'gzip' }, '{}'), 415);
    assert.deepEqual(admin.source.configs, []);
  });

  test('the largest body is taken', async () => {
    const body = ' '.repeat(ADMIN_BODY_BYTES_MAX - 2) + '{}';
    assert.equal((await admin.send('PUT', '/config', { headers: JSON_TYPE, body })).status, 200);
  });

  test('a larger one answers 413, announced or chunked, before it was sent whole', async () => {
    const head =
      `PUT /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Authorization: Bearer ${admin.server.token!.text}\r\n`;
    const announced = `${head}Content-Length: ${ADMIN_BODY_BYTES_MAX + 1}\r\n\r\n{`;
    assert.match(await admin.sendRaw(announced), /^HTTP\/1\.1 413 .*connection: close/is);
    const size = (ADMIN_BODY_BYTES_MAX + 1).toString(16);
    const chunk = 'x'.repeat(ADMIN_BODY_BYTES_MAX + 1);
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${size}\r\n${chunk}\r\n`;
    assert.match(await admin.sendRaw(chunked), /^HTTP\/1\.1 413 .*connection: close/is);
    assert.deepEqual(admin.source.configs, []);
  });

  test('a client that leaves in the middle of its body is no error', async () => {
    const head =
      `PUT /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Authorization: Bearer ${admin.server.token!.text}\r\nContent-Length: 10\r\n\r\n{`;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(admin.server.port, '127.0.0.1', () => {
        socket.write(head, () => resetSocket(socket));
      });
      socket.on('error', reject);
      socket.on('close', () => resolve());
    });
    assert.equal((await admin.send('GET', '/stats')).status, 200);
    assert.deepEqual(admin.errors, []);
    assert.deepEqual(admin.source.configs, []);
  });
});

describe('POST', () => {
  test('/drain answers 202 at once and tells the source', async () => {
    const answer = await admin.send('POST', '/drain');
    assert.equal(answer.status, 202);
    assert.deepEqual(json(answer), { draining: true });
    assert.equal(admin.source.drains, 1);
    assert.deepEqual(admin.errors, []);
  });

  test('a drain that fails tells the log', async () => {
    admin.source.failure = new Error('stuck');
    assert.equal((await admin.send('POST', '/drain')).status, 202);
    assert.deepEqual(admin.errors, [admin.source.failure]);
  });

  test('/log-level takes JSON or a query', async () => {
    const set = (query: string, body?: string): Promise<number> =>
      admin
        .send('POST', `/log-level${query}`, body === undefined ? {} : { body })
        .then((answer) => answer.status);
    assert.equal(await set('', '{"level":"debug"}'), 200);
    assert.equal(admin.source.level, 'debug');
    assert.equal(await set('?level=info'), 200);
    assert.equal(admin.source.level, 'info');
    for (const body of ['', '{', '"debug"', 'null', '{"level":1}', '[]', '{"level":"loud"}']) {
      assert.equal(await set('', body), 400, body);
    }
    assert.equal(await set('?level=loud'), 400);
    assert.equal(admin.source.level, 'info');
  });

  test('connections are reused', async () => {
    const auth = `Authorization: Bearer ${admin.server.token!.text}\r\n`;
    const one = `GET /stats HTTP/1.1\r\nHost: localhost\r\n${auth}\r\n`;
    const last = `GET /stats HTTP/1.1\r\nHost: localhost\r\n${auth}Connection: close\r\n\r\n`;
    const answers = await admin.sendRaw(one + one + last);
    assert.equal(answers.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
  });
});
