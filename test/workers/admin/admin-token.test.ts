// The token of the admin API and its file: used as it is when it is there, else made, readable by
// its owner only, and removed at the end.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminToken } from '#workers/admin/admin-token.ts';
import { AdminTokenFile } from '#workers/admin/admin-token-file.ts';
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
});

describe('AdminTokenFile', () => {
  test('one that is absent is made, readable by its owner only, and removed', async () => {
    const file = join(directory, 'new', 'folder', 'token');
    const opened = await AdminTokenFile.open(file);
    assert.match(opened.token.text, /^[\w-]{43}$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await readFile(file, 'utf8'), `${opened.token.text}\n`);
    assert.deepEqual(await readdir(join(directory, 'new', 'folder')), ['token']);
    await opened.close();
    assert.deepEqual(await readdir(join(directory, 'new', 'folder')), []);
    await opened.close();
  });

  test('one that exists is used, and neither written nor removed', async () => {
    const target = join(directory, 'target');
    const file = join(directory, 'link');
    const text = '  my-own-secret-text\r\n\n';
    await writeFile(target, text, { mode: 0o440 });
    await symlink(target, file);
    for (const path of [target, file]) {
      const before = await stat(target, { bigint: true });
      const opened = await AdminTokenFile.open(path);
      assert.equal(opened.token.text, 'my-own-secret-text');
      await opened.close();
      assert.equal(await readFile(file, 'utf8'), text);
      assert.equal((await stat(target, { bigint: true })).mtimeNs, before.mtimeNs);
    }
  });

  test('the shortest and the longest token are taken', async () => {
    for (const length of [16, 4096]) {
      const file = join(directory, `length-${length}`);
      await writeFile(file, 'x'.repeat(length));
      assert.equal((await AdminTokenFile.open(file)).token.text.length, length);
    }
  });

  test('what is no token is an error that names setting, file and fix', async () => {
    const cases: [name: string, content: string | Buffer, says: RegExp][] = [
      ['empty', '', /it is empty/],
      ['blank', ' \n\n', /it is empty/],
      ['spaced', 'my own secret text\n', /white space inside/],
      ['keys', '{\n  "keys": ["0123456789abcdef"]\n}\n', /white space inside/],
      ['short', 'fifteen-letters\n', /shorter than 16 characters/],
      ['long', 'x'.repeat(4097), /longer than 4096 bytes/],
      ['binary', Buffer.alloc(32, 0xff), /no visible ASCII/],
    ];
    for (const [name, content, says] of cases) {
      const file = join(directory, name);
      await writeFile(file, content);
      await assert.rejects(AdminTokenFile.open(file), (error: Error) => {
        assert.match(error.message, says);
        assert.match(error.message, /listeners\.adminTokenFile, --admin-token-file/);
        assert.ok(error.message.includes(`"${file}"`), error.message);
        assert.match(error.message, /put 16 or more .* or name another/);
        return true;
      });
      assert.deepEqual(await readFile(file), Buffer.from(content));
    }
  });

  test('what is no readable file is an error and holds nothing up', async () => {
    const blocked = join(directory, 'a-file');
    const dangling = join(directory, 'dangling');
    const pipe = join(directory, 'pipe');
    await writeFile(blocked, '');
    await symlink(join(directory, 'nothing'), dangling);
    execFileSync('sh', ['-c', 'mkfifo "$0"', pipe]);
    const refused = (file: string, says: RegExp): Promise<void> =>
      assert.rejects(AdminTokenFile.open(file), says);
    await refused(directory, /Cannot use the admin token file .*no regular file/);
    await refused(join(blocked, 'token'), /Cannot use the admin token file .*ENOTDIR/);
    await refused(dangling, /Cannot use the admin token file .*link to a file that is not there/);
    await refused(pipe, /Cannot use the admin token file .*no regular file/);
  });

  test('a place that cannot be written is an error that names the ways out', async () => {
    const nowhere = join(directory, 'nowhere');
    await symlink(join(directory, 'nothing'), nowhere);
    // The first fails while its directory is made, the second while the file is.
    for (const file of [join(nowhere, 'token'), join(directory, 'x'.repeat(250))]) {
      await assert.rejects(AdminTokenFile.open(file), ({ message }: Error) => {
        assert.ok(message.startsWith(`Cannot use the admin token file "${file}"`), message);
        assert.match(message, /ENOENT|ENAMETOOLONG/);
        assert.match(message, /--admin-token-file FILE.* --admin-port off .*--admin-open /);
        return true;
      });
    }
  });

  test('those that start together agree on one; only its maker removes it', async () => {
    const file = join(directory, 'together');
    const all = await Promise.all(Array.from({ length: 8 }, () => AdminTokenFile.open(file)));
    assert.equal(new Set(all.map(({ token }) => token.text)).size, 1);
    const maker = all.findIndex((one) => one.isOurs);
    assert.equal(all.filter((one) => one.isOurs).length, 1);
    for (const one of all.toSpliced(maker, 1)) await one.close();
    assert.equal(await readFile(file, 'utf8'), `${all[0]!.token.text}\n`);
    await all[maker]!.close();
    await assert.rejects(stat(file));
  });

  test('what took the place of its file stays', async () => {
    const file = join(directory, 'replaced');
    const opened = await AdminTokenFile.open(file);
    await writeFile(file, 'another-token-text');
    await opened.close();
    assert.equal(await readFile(file, 'utf8'), 'another-token-text');
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

  test('a token that was there opens it and stays', async () => {
    const file = join(directory, 'operators');
    await writeFile(file, 'my-own-secret-text\n');
    const [first, second] = [new Harness(), new Harness()];
    await first.listen({ tokenFile: file });
    await second.listen({ tokenFile: file });
    const headers = { authorization: 'Bearer my-own-secret-text' };
    for (const admin of [first, second]) {
      assert.equal((await admin.send('GET', '/stats', { bare: true, headers })).status, 200);
      assert.equal((await admin.send('GET', '/stats', { bare: true })).status, 401);
      await admin.server.close();
    }
    assert.equal(await readFile(file, 'utf8'), 'my-own-secret-text\n');
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

  test('a token file that cannot be used ends the start', async () => {
    const admin = new Harness();
    await assert.rejects(admin.listen({ tokenFile: directory }), /Cannot use the admin token file/);
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
