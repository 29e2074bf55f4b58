// The command line of the benchmark: what it refuses, and how it says so.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runBench } from './support/run-bench.ts';

describe('bench command line', () => {
  const refusals: readonly (readonly [argv: readonly string[], text: RegExp])[] = [
    [['mmpt'], /Unknown suite "mmpt"; did you mean "mmtp"\?/],
    [['nothing'], /Unknown suite "nothing"; known: "mmtp", "http", "codecs"/],
    [['headline'], /"headline" is not in this version; there are mmtp, http, codecs/],
    [['mmtp', '--second', '3'], /unknown flag; did you mean --seconds\?/],
    [['mmtp', '--rounds', '0'], /--rounds: "0" is not allowed/],
    [['codecs', '--case', 'mmtp'], /No case is named "mmtp"; there are mmtp request, /],
    [['mmtp', '--profile', 'latencyy'], /no profile "latencyy"; did you mean "latency"\?/],
    [[], /SUITE: is missing/],
  ];
  for (const [argv, text] of refusals) {
    test(`refuses "${argv.join(' ')}" with exit code 2`, async () => {
      const { code, stdout, stderr } = await runBench(...argv);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, text);
    });
  }

  test('--case chooses cases by pattern', async () => {
    const { code, stdout } = await runBench('codecs', '--smoke', '--case', 'mmtp *');
    assert.equal(code, 0);
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as {
      readonly cases: readonly { readonly name: string }[];
    };
    const names = report.cases.map(({ name }) => name);
    assert.deepEqual(names, ['mmtp request', 'mmtp response']);
  });
});
