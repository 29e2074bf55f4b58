// `npm run profile`: a real gateway under the profiler, and what the command line refuses.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runScript } from './support/run-bench.ts';

const runProfile = (...argv: readonly string[]) => runScript('bench/profile.ts', ...argv);

describe('npm run profile', () => {
  for (const [suite, name] of [
    ['mmtp', 'mmtp-bolt-16x16'],
    ['http', 'http-16'],
    ['headline', 'mesh-compact'],
    ['lanes', 'pool-1-16x1'],
  ] as const) {
    test(`finds functions of the gateway in the default case of ${suite}`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'bench-profile-'));
      try {
        const flags = ['--smoke', '--functions', '400', '--keep', directory];
        const { code, stdout, stderr } = await runProfile(suite, ...flags);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, new RegExp(`^${name}: \\d+ requests/s, .* 0 wrong answers\\n`));
        assert.match(stdout, /\nthread 0: idle \d+\.\d % of the window/);
        // Every request passes here, whatever the case.
        assert.match(stdout, /\d+\.\d % {2}\S+ +core\/exchange\/exchange-driver\.ts:\d+\n/);
        assert.match(stdout, /\d+\.\d % {2}gateway\n/);
        const kept = await readdir(directory);
        assert.ok(kept.length > 0 && kept.every((file) => file.endsWith('.cpuprofile')));
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }

  const refusals: readonly (readonly [argv: readonly string[], text: RegExp])[] = [
    [['mmpt'], /No suite "mmpt" to profile; did you mean "mmtp"\?/],
    [['mmtp', '--case', 'mmtp-bolt-16x1-half'], /No case "mmtp-bolt-16x1-half"; there are mmtp-/],
    [['http', '--case', 'nginx-16'], /No case "nginx-16"; there are http-16, http-16-none/],
    [[], /SUITE: is missing/],
  ];
  for (const [argv, text] of refusals) {
    test(`refuses "${argv.join(' ')}" with exit code 2`, async () => {
      const { code, stdout, stderr } = await runProfile(...argv);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, text);
    });
  }
});
