// The suite `compare` at smoke size: flags, environment and revision reach the side they are for.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { reportOf, runBench } from '../support/run-bench.ts';

const RATIOS = ['cpuBOverA', 'cpuBOverAMin', 'cpuBOverAMax', 'qpsBOverA'];

const hasGit = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname }).status === 0;

describe('bench compare', () => {
  test('measures two sets of flags on one case', async () => {
    const flags = ['--case', 'mmtp-bolt-1x1', '--b', '--session-cache 64', '--rounds', '2'];
    const report = reportOf(await runBench('compare', '--smoke', ...flags), 'compare');
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      ['a mmtp-bolt-1x1', 'b mmtp-bolt-1x1'],
    );
    for (const name of RATIOS) {
      if (name === 'qpsBOverA' || process.platform === 'linux') {
        assert.ok(report.ratios[name]! > 0, name);
      }
    }
    assert.ok(report.ratios['qpsBOverAMin']! <= report.ratios['qpsBOverAMax']!);
  });

  const skip = hasGit ? false : 'the project is not in a git repository';
  test('measures a revision beside the files as they are', { skip }, async () => {
    const flags = ['--case', 'mmtp-http-1x1', '--b-rev', 'HEAD'];
    const run = await runBench('compare', '--smoke', ...flags);
    assert.match(run.stderr, /checks out HEAD for side b/);
    const { cases, source } = reportOf(run, 'compare');
    assert.deepEqual([cases.length, source], [2, 'dist']);
  });

  test('measures the sources beside what is built of them', async () => {
    const flags = ['--case', 'mmtp-http-1x1', '--a-source', 'ts', '--b-source', 'dist'];
    const run = await runBench('compare', '--smoke', ...flags);
    assert.equal(reportOf(run, 'compare').source, 'a ts, b dist');
  });

  const refusals: readonly (readonly [argv: readonly string[], text: RegExp])[] = [
    [['--b', '--sesion-cache 1'], /gateway b ended \(2\): .*did you mean --session-cache\?/],
    [['--a-env', 'MGW_WORKERS=many'], /gateway a ended \(2\): .*MGW_WORKERS/],
    [['--b-rev', 'no-such-revision'], /Cannot check out revision "no-such-revision"/],
    [['--b-rev=--output=x'], /Cannot check out revision "--output=x"/],
    [['--case', 'mmtp-*'], /No case is named "mmtp-\*"; there are mmtp-bolt-1x1, /],
    [['--case', 'http-16', '--case', 'http-16-none'], /compare takes one case/],
  ];
  for (const [argv, text] of refusals) {
    test(`refuses "${argv.join(' ')}" with exit code 2`, async () => {
      const { code, stdout, stderr } = await runBench('compare', '--smoke', ...argv);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, text);
    });
  }
});
