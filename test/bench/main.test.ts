// The command line of the benchmark: what it refuses, and how it says so.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { runBench } from './support/run-bench.ts';

describe('bench command line', () => {
  const refusals: readonly (readonly [argv: readonly string[], text: RegExp])[] = [
    [['mmpt'], /Unknown suite "mmpt"; did you mean "mmtp"\?/],
    [['nothing'], /Unknown suite "nothing"; known: "headline", "mmtp", "http", "lanes"/],
    [['lanes', '--pinning', 'one'], /--pinning: "one" is not allowed/],
    [['codecs', '--require', 'x=1'], /--require: "x=1" is not RATIO>=N or RATIO<=N/],
    [['mmtp', '--second', '3'], /unknown flag; did you mean --seconds\?/],
    [['mmtp', '--rounds', '0'], /--rounds: "0" is not allowed/],
    [['codecs', '--case', 'mmtp'], /No case is named "mmtp"; there are mmtp request, /],
    [['mmtp', '--profile', 'latencyy'], /no profile "latencyy"; did you mean "latency"\?/],
    [
      ['headline', '--profile', 'latency'],
      /headline takes no profile: a sidecar would follow "latency"/,
    ],
    // Nothing may be measured for a file that cannot be written.
    [
      ['mmtp', '--json', '/no/such/place.json'],
      /^--json: cannot write \/no\/such\/place\.json \(there is no such directory\); .+\n$/,
    ],
    [['mmtp', '--html', 'bench'], /^--html: cannot write bench \(it is a directory\); .+\n$/],
    [['mmtp', '--json', 'README.md/x'], /cannot write README\.md\/x \(a part of its path is no/],
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

  test('--require fails a run whose ratio is missed or was not measured', async () => {
    const argv = ['codecs', '--smoke', '--case', 'mmtp request'];
    const { code, stdout, stderr } = await runBench(...argv, '--require', 'qpsOver>=1.5');
    assert.equal(code, 1);
    assert.match(stderr, /codecs: qpsOver must be >= 1.5 and was not measured/);
    // The report is there all the same: it says what was measured instead.
    assert.match(stdout, /"suite":"codecs"/);
  });

  const hasFull = existsSync('/dev/full');
  const noFull = hasFull ? false : 'there is no /dev/full';
  test('a file that fails in the end costs no figures', { skip: noFull }, async () => {
    const argv = ['codecs', '--smoke', '--case', 'mmtp request', '--json', '/dev/full'];
    const { code, stdout, stderr } = await runBench(...argv);
    assert.equal(code, 1);
    assert.match(stdout, /\n\{"suite":"codecs".+\}\n$/);
    assert.match(stderr, /\n--json: cannot write \/dev\/full \(the disk is full\); .+\n$/);
  });

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
