// The file behind the access log: appended to, opened anew for rotation, never in the way of
// requests.

import { after, beforeEach, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog, type Log } from '#core/telemetry/log.ts';
import { AccessLogFile } from '#workers/access-log-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'mgw-access-log-'));
after(() => rm(directory, { recursive: true, force: true }));

let count = 0;
let path = '';
beforeEach(() => {
  path = join(directory, `${count++}.log`);
});

function write(file: AccessLogFile, text: string): Promise<boolean> {
  const bytes = Buffer.from(`${text}beyond the length`);
  return new Promise((resolve) => file.write(bytes, Buffer.byteLength(text), resolve));
}

describe('AccessLogFile', () => {
  test('appends to what is there', async () => {
    for (const text of ['a\n', 'b\n']) {
      const file = await AccessLogFile.open(path, silentLog);
      assert.equal(await write(file, text), true);
      await file.close();
    }
    assert.equal(await readFile(path, 'utf8'), 'a\nb\n');
    assert.equal((await stat(path)).mode & 0o007, 0, 'others read nothing');
  });

  test('an impossible place is an error for people', async () => {
    const nowhere = join(directory, 'missing', 'a.log');
    await assert.rejects(
      AccessLogFile.open(nowhere, silentLog),
      /Cannot open the access log ".*--access-log/s,
    );
  });

  test('reopen goes on in a new file after a rename', async () => {
    const file = await AccessLogFile.open(path, silentLog);
    await write(file, 'old\n');
    await rename(path, `${path}.1`);
    await write(file, 'still old\n');
    await file.reopen();
    await write(file, 'new\n');
    await file.close();
    assert.equal(await readFile(`${path}.1`, 'utf8'), 'old\nstill old\n');
    assert.equal(await readFile(path, 'utf8'), 'new\n');
  });

  test('a write under way ends in the old file, whole', async () => {
    const file = await AccessLogFile.open(path, silentLog);
    const block = `${'x'.repeat(16 * 1024 * 1024)}\n`;
    await rename(path, `${path}.1`);
    let isDone = false;
    const written = write(file, block).finally(() => (isDone = true));
    await file.reopen();
    assert(isDone, 'the old file was closed only afterwards');
    assert.equal(await written, true);
    assert.equal(await write(file, 'new\n'), true);
    await file.close();
    assert.equal(await readFile(`${path}.1`, 'utf8'), block);
    assert.equal(await readFile(path, 'utf8'), 'new\n');
  });

  test('close waits for the write under way', async () => {
    const file = await AccessLogFile.open(path, silentLog);
    const block = `${'y'.repeat(1024 * 1024)}\n`;
    const written = write(file, block);
    await file.close();
    assert.equal(await written, true);
    assert.equal(await readFile(path, 'utf8'), block);
  });

  test('a failed reopen keeps the old file and says so', async () => {
    const errors: string[] = [];
    const log: Log = { ...silentLog, error: (message) => void errors.push(message) };
    const folder = await mkdtemp(join(directory, 'gone-'));
    const file = await AccessLogFile.open(join(folder, 'a.log'), log);
    await rename(folder, `${folder}.moved`);
    await file.reopen();
    assert.equal(errors.length, 1);
    assert.equal(await write(file, 'kept\n'), true);
    await file.close();
    assert.equal(await readFile(join(`${folder}.moved`, 'a.log'), 'utf8'), 'kept\n');
  });

  test('a full disk loses lines and is told by a limited warning', async (t) => {
    if (!existsSync('/dev/full')) {
      t.skip('needs /dev/full');
      return;
    }
    const keys: string[] = [];
    const log: Log = { ...silentLog, warnLimited: (key) => void keys.push(key) };
    const file = await AccessLogFile.open('/dev/full', log);
    assert.equal(await write(file, 'lost\n'), false);
    assert.equal(await write(file, 'lost too\n'), false);
    assert.deepEqual(keys, ['access-log-write', 'access-log-write']);
    await file.close();
  });

  test('after a torn line the next one starts afresh', () => {
    // The limit on file sizes cuts the first write off; truncating makes room for the second.
    const module = fileURLToPath(new URL('../../workers/access-log-file.ts', import.meta.url));
    const script = `
      import { truncateSync, readFileSync } from 'node:fs';
      import { AccessLogFile } from ${JSON.stringify(module)};
      process.on('SIGXFSZ', () => {});
      const log = { error() {}, warnLimited() {} };
      const file = await AccessLogFile.open(${JSON.stringify(path)}, log);
      const put = (text) =>
        new Promise((resolve) => file.write(Buffer.from(text), text.length, resolve));
      const isFirstWritten = await put('x'.repeat(8192) + '\\n');
      truncateSync(${JSON.stringify(path)}, 3);
      const isSecondWritten = await put('next\\n');
      await put('last\\n');
      await file.close();
      const text = readFileSync(${JSON.stringify(path)}, 'utf8');
      process.stdout.write(JSON.stringify({ isFirstWritten, isSecondWritten, text }));
    `;
    const run = spawnSync(
      'sh',
      ['-c', 'ulimit -f 4 && exec "$0" --input-type=module -e "$1"', process.execPath, script],
      { encoding: 'utf8' },
    );
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual(JSON.parse(run.stdout), {
      isFirstWritten: false,
      isSecondWritten: true,
      text: 'xxx\nnext\nlast\n',
    });
  });
});
