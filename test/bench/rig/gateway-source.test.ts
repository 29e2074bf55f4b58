// In which form and with which flags a benchmark starts gateways: as they are deployed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { chosenSource, gatewayCommand, SOURCE_VARIABLE } from '#bench/rig/gateway-source.ts';
import { GATEWAY_NODE_FLAGS } from '#bench/rig/runtime-flags.ts';
import { UsageError } from '#bench/suite.ts';
import { packageFile } from '#config/package-files.ts';

describe('GATEWAY_NODE_FLAGS', () => {
  const flags = GATEWAY_NODE_FLAGS.join(' ');

  test("are those of the launcher's first line", () => {
    const [first] = readFileSync(packageFile('cli/mgw.js'), 'utf8').split('\n');
    assert.equal(first, `#!/usr/bin/env -S node ${flags}`);
  });

  test('are those of npm start', () => {
    const { scripts } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    assert.equal(scripts['start'], `exec node ${flags} cli/mgw.js dev`);
  });
});

describe('chosenSource()', () => {
  const before = process.env[SOURCE_VARIABLE];

  afterEach(() => {
    if (before === undefined) delete process.env[SOURCE_VARIABLE];
    else process.env[SOURCE_VARIABLE] = before;
  });

  test('is the built form unless the environment says otherwise', () => {
    delete process.env[SOURCE_VARIABLE];
    assert.equal(chosenSource(), 'dist');
    process.env[SOURCE_VARIABLE] = 'ts';
    assert.equal(chosenSource(), 'ts');
  });

  test('refuses a form that there is not', () => {
    process.env[SOURCE_VARIABLE] = 'js';
    assert.throws(chosenSource, new UsageError('MGW_BENCH_SOURCE is "js"; choose dist or ts'));
  });
});

test('gatewayCommand() starts the launcher of the form', () => {
  const start = [process.execPath, ...GATEWAY_NODE_FLAGS];
  assert.deepEqual(gatewayCommand('dist'), [...start, 'dist/cli/mgw.js', 'sidecar']);
  assert.deepEqual(gatewayCommand('ts', ['--x']), [...start, '--x', 'cli/mgw.js', 'sidecar']);
});
