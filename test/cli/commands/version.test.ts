// `mgw version` as text and as JSON.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runVersion } from '#cli/commands/version.ts';
import { runCommand } from '../support.ts';

const packageFile = new URL('../../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

test('mgw version prints a line for each part', async () => {
  const { code, out, err } = await runCommand(runVersion, []);
  assert.deepEqual([code, err], [0, '']);
  const rows = new Map(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s+(.*)/, 2) as [string, string]),
  );
  assert.equal(rows.get('mgw'), version);
  assert.equal(rows.get('node'), process.versions.node);
  assert.equal(rows.get('zstd'), process.versions.zstd);
  assert.equal(rows.get('openssl'), process.versions.openssl);
  assert.match(rows.get('kernels') ?? '', /^[\w-]+ \(The native addon .+\)$/);
});

test('mgw version --json is one object', async () => {
  const { code, out } = await runCommand(runVersion, ['--json']);
  assert.equal(code, 0);
  const { mgw, v8, platform, kernels, native } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual(
    [mgw, v8, platform],
    [version, process.versions.v8, `${process.platform}-${process.arch}`],
  );
  assert.equal(native, kernels !== 'typescript');
});

test('mgw version refuses what it does not know', async () => {
  const { code, err } = await runCommand(runVersion, ['--jsn']);
  assert.equal(code, 2);
  assert.match(err, /did you mean --json\?/);
});
