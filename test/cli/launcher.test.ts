// `cli/mgw.js`, which has to start under whatever Node is there and to find its program.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import { packageFile } from '#config/package-files.ts';

const MGW = packageFile('cli/mgw.js');

/** The launcher starts the pinned Node when it runs under one older than this. */
const NODE_MAJOR_MIN = 24;

/** The oldest version with ECMAScript modules as the launcher uses them. */
const NODE_MAJOR_OLDEST = 18;

/** A Node on PATH that cannot run the program itself. */
function findOldNode(): string | undefined {
  const files = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return files.filter(existsSync).find((file) => {
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
    const major = Number(/^v(\d+)\./.exec(stdout)?.[1]);
    return major >= NODE_MAJOR_OLDEST && major < NODE_MAJOR_MIN;
  });
}

describe('mgw.js', () => {
  const old = findOldNode();
  const skip = old === undefined ? 'there is no older Node on PATH' : false;

  test('under an older Node runs the one that the package pins', { skip }, () => {
    const { status, stdout, stderr } = spawnSync(old!, [MGW, 'version'], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    const version = /^node +(\d+)\./m.exec(stdout)?.[1];
    assert.ok(Number(version) >= NODE_MAJOR_MIN, stdout);
    assert.equal(spawnSync(old!, [MGW, 'no-such-command']).status, 2);
  });

  test('says what to do where there is no program', () => {
    const directory = mkdtempSync(join(tmpdir(), 'mgw-launcher-'));
    try {
      const file = join(directory, 'mgw.mjs');
      copyFileSync(MGW, file);
      const run = spawnSync(process.execPath, [file, 'version'], { encoding: 'utf8' });
      assert.equal(run.status, 1);
      assert.equal(run.stderr, 'mgw has no program: run `npm run build` in its package.\n');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
