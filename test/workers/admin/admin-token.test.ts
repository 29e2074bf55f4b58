// The token file of the admin API: made once, readable by its owner only, compared in constant
// time.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminToken } from '#workers/admin/admin-token.ts';
import { hostOf } from '#workers/admin/request-guard.ts';
import { AdminServer } from '#workers/admin/admin-server.ts';
import { FakeSource, Harness } from './support.ts';

const directory = await mkdtemp(join(tmpdir(), 'mgw-admin-token-'));
after(() => rm(directory, { recursive: true, force: true }));

describe('AdminToken', () => {
  test('tokens are long, random and fit a header', () => {
    const tokens = new Set(Array.from({ length: 100 }, () => AdminToken.create().text));
    assert.equal(tokens.size, 100);
    for (const token of tokens) assert.match(token, /^[\w-]{43}$/);
  });

  test('the file is readable by its owner only, whatever was there', async () => {
    const target = join(directory, 'target');
    const file = join(directory, 'new', 'folder', 'token');
    const token = AdminToken.create();
    await token.writeTo(file);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await readFile(file, 'utf8'), `${token.text}\n`);

    await rm(file);
    await writeFile(target, 'untouched', { mode: 0o666 });
    await symlink(target, file);
    await token.writeTo(file);
    assert.equal(await readFile(target, 'utf8'), 'untouched');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(directory, 'new', 'folder')), ['token']);
  });

  test('an impossible place is an error for people and leaves nothing', async () => {
    const blocked = join(directory, 'a-file');
    await writeFile(blocked, '');
    await assert.rejects(AdminToken.create().writeTo(join(blocked, 'token')), /EEXIST|ENOTDIR/);
    await assert.rejects(AdminToken.create().writeTo(directory), /Cannot write the admin token/);
  });

  test('only its own file is removed', async () => {
    const file = join(directory, 'shared');
    const [first, second] = [AdminToken.create(), AdminToken.create()];
    await first.writeTo(file);
    await second.writeTo(file);
    await first.removeFrom(file);
    assert.equal(await readFile(file, 'utf8'), `${second.text}\n`);
    await second.removeFrom(file);
    await assert.rejects(stat(file));
    await second.removeFrom(file);
  });
});

describe('AdminServer start and end', () => {
  test('writes the token at start and removes it at the end', async () => {
    const file = join(directory, 'token');
    const admin = new Harness();
    await admin.listen({ tokenFile: file });
    const text = (await readFile(file, 'utf8')).trim();
    const headers = { authorization: `Bearer ${text}` };
    assert.equal((await admin.send('GET', '/stats', { bare: true, headers })).status, 200);
    await admin.server.close();
    await assert.rejects(stat(file));
  });

  test('open: no token, no file', async () => {
    const admin = new Harness();
    await admin.listen('open');
    assert.equal(admin.server.token, null);
    assert.equal((await admin.send('GET', '/stats')).status, 200);
    await admin.server.close();
  });

  test('a taken port is an error for people and leaves the other token alone', async () => {
    const file = join(directory, 'first');
    const admin = new Harness();
    await admin.listen({ tokenFile: file });
    const { port, token } = admin.server;
    const second = AdminServer.listen({
      host: '127.0.0.1',
      port,
      access: { tokenFile: file },
      source: new FakeSource(),
      onError: () => {},
    });
    await assert.rejects(second, new RegExp(`"admin": port ${port} is in use; .*--admin-port`));
    assert.equal((await readFile(file, 'utf8')).trim(), token!.text);
    await admin.server.close();
  });

  test('a token file that cannot be written ends the start', async () => {
    const admin = new Harness();
    await assert.rejects(admin.listen({ tokenFile: directory }), /Cannot write the admin token/);
  });

  test('close ends idle and half-sent requests at once', async () => {
    const admin = new Harness();
    await admin.listen('open');
    const socket = connect(admin.server.port, '127.0.0.1');
    socket.write('GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [first] = (await once(socket, 'data')) as [Buffer];
    assert.match(first.toString(), /200 OK/);
    socket.write(
      'PUT /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
        'Content-Length: 10\r\n\r\n{',
    );
    await admin.send('GET', '/stats');
    const closed = once(socket, 'close');
    await admin.server.close();
    await closed;
  });
});

describe('hostOf', () => {
  test('takes the host out of an authority', () => {
    const cases: [string, string | null][] = [
      ['localhost', 'localhost'],
      ['LocalHost:8100', 'localhost'],
      ['127.0.0.1:80', '127.0.0.1'],
      ['[::1]:80', '::1'],
      ['[::1]', '::1'],
      ['::1', null],
      ['', null],
      [':80', null],
      ['a:b', null],
      ['a:123456', null],
      ['a/b', null],
      ['user@a', null],
      ['a b', null],
      ['[::1', null],
    ];
    for (const [authority, host] of cases) assert.equal(hostOf(authority), host, authority);
  });
});
