// `node bench/footprint.ts`: its help, and what its command line refuses.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runScript } from './support/run-bench.ts';

const runFootprint = (...argv: readonly string[]) => runScript('bench/footprint.ts', ...argv);

describe('footprint command line', () => {
  test('--help tells every flag and measures nothing', async () => {
    const { code, stdout, stderr } = await runFootprint('--help');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^node bench\/footprint\.ts \[flags\]\n/);
    for (const flag of ['runs', 'connections', 'seconds', 'node-flags', 'source']) {
      assert.match(stdout, new RegExp(`^ {2}--${flag} `, 'm'));
    }
  });

  const refusals: readonly (readonly [argv: readonly string[], text: RegExp])[] = [
    [['--run', '3'], /^--run: unknown flag; did you mean --runs\?\n$/],
    [['--runs', '0'], /^--runs: "0" is not allowed; give an integer from 1 to 1000\n$/],
    [['--connections=many'], /^--connections: "many" is not allowed/],
    [['--source', 'js'], /^--source: "js" is not allowed/],
    [['more'], /^more: unexpected argument/],
  ];
  for (const [argv, text] of refusals) {
    test(`refuses "${argv.join(' ')}" with exit code 2`, async () => {
      const { code, stdout, stderr } = await runFootprint(...argv);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, text);
    });
  }
});
