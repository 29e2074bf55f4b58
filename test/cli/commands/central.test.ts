// `mgw central`: its help tells its own defaults, and so does `mgw config explain`; what is wrong
// is refused as `mgw sidecar` does it. How it runs: test/integration/central.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCentral } from '#cli/commands/central.ts';
import { runConfig } from '#cli/commands/config.ts';
import { runSidecar } from '#cli/commands/sidecar.ts';
import { runCommand } from '../support.ts';

const UPSTREAM = ['--upstream', 'app=http://127.0.0.1:9000'];

/** The lines of a help text that tell one flag. */
function flagText(help: string, name: string): string {
  const at = help.indexOf(`  --${name} `);
  const end = help.indexOf('\n  --', at + 1);
  return help.slice(at, end < 0 ? undefined : end).replaceAll(/\s+/g, ' ');
}

describe('mgw central', () => {
  test('--help tells its own defaults, mgw sidecar those of the schema', async () => {
    const expected: readonly (readonly [flag: string, central: RegExp, sidecar: RegExp])[] = [
      ['http-port', /\(default 8005\)/, /\(default 8003\)/],
      ['mmtp-port', /\(default 8006\)/, /\(default 8004\)/],
      ['admin-port', /\(default 8101\)/, /\(default 8100\)/],
      ['generation', /\(default central\)/, /\(default mesh\)/],
      ['upstream-balance', /\(default least-open\)/, /\(default first\)/],
      ['profile', /\(default central\)/, /than all others\. ?$/],
      ['timeout-ms', /\(default 3000\)/, /\(default 3000\)/],
    ];
    const central = await runCommand(runCentral, ['--help']);
    const sidecar = await runCommand(runSidecar, ['--help']);
    assert.deepEqual([central.code, sidecar.code], [0, 0]);
    assert.match(central.out, /^mgw central \[flags\]\n/);
    for (const [flag, ofCentral, ofSidecar] of expected) {
      assert.match(flagText(central.out, flag), ofCentral, flag);
      assert.match(flagText(sidecar.out, flag), ofSidecar, flag);
    }
  });

  test('refuses wrong usage with exit code 2', async () => {
    const unknown = await runCommand(runCentral, [...UPSTREAM, '--profile=centrl']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /there is no profile "centrl"; did you mean "central"\?/);
    const none = await runCommand(runCentral, []);
    assert.equal(none.code, 2);
    assert.match(none.err, /no upstream configured/);
  });
});

describe('mgw config explain --role', () => {
  const rowOf = (out: string, path: string): string[] => {
    const line = out.split('\n').find((text) => text.startsWith(`${path} `));
    return line?.split(/ {2,}/).slice(1) ?? [];
  };

  test('central explains what mgw central would start with', async () => {
    const argv = ['explain', ...UPSTREAM, '--role=central', '--max-streams=7'];
    const { code, out, err } = await runCommand(runConfig, argv);
    assert.equal(code, 0, err);
    assert.deepEqual(rowOf(out, 'listeners.httpPort'), ['8005', 'default', 'mgw central']);
    const [cap, origin, where] = rowOf(out, 'runtime.exchangesMax');
    assert.deepEqual([cap, origin], ['16384', 'profile']);
    assert.match(where ?? '', /^profiles\/central\.yaml:\d+$/);
    assert.deepEqual(rowOf(out, 'listeners.streamsMax'), ['7', 'flag', '--max-streams']);
    assert.deepEqual(rowOf(out, 'upstreams.app.balance').slice(0, 1), ['"least-open"']);
  });

  test('is sidecar unless said; --profile shows its values with their origin', async () => {
    const argv = ['explain', ...UPSTREAM, '--profile', 'latency', '--changed'];
    const { out } = await runCommand(runConfig, argv);
    assert.deepEqual(rowOf(out, 'listeners.httpPort'), []);
    assert.deepEqual(rowOf(out, 'runtime.placement').slice(0, 2), ['"inline"', 'profile']);
    const wrong = await runCommand(runConfig, ['explain', ...UPSTREAM, '--role=centrl']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /did you mean "central"\?/);
  });
});
