// `npm run build:native` and the quiet try of `prepare` where cargo or its tool is missing: the
// first fails and says why, the second prints one line about it and succeeds.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, describe, test } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const empty = mkdtempSync(join(tmpdir(), 'mgw-path-'));
after(() => rmSync(empty, { recursive: true }));

/** Runs a script of the repository with nothing on PATH. */
function run(script: string) {
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const env = { ...process.env, PATH: empty };
  return spawnSync(process.execPath, [path], { env, encoding: 'utf8' });
}

describe('build of the addon without cargo', () => {
  test('build:native fails and names what is missing', () => {
    const { status, stdout, stderr } = run('tools/build-native.ts');
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^The native addon was not built: cargo is not installed\n$/);
  });

  test('prepare prints a line about each part and succeeds', () => {
    const { status, stdout, stderr } = run('tools/prepare.js');
    assert.equal(status, 0);
    assert.equal(stderr, '');
    // In a folder that is no git checkout it does not even try the addon.
    const lines = /^dist\/: .+\n(native addon: not built \(cargo is not installed\).*\n)?$/;
    assert.match(stdout, lines);
  });
});
