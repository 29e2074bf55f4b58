// The suite `codecs` at smoke size, and the corpus that it times.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CORPUS } from '#bench/corpus.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

describe('bench codecs', () => {
  test('times every case of the corpus', async () => {
    const report = reportOf(await runBench('codecs', '--smoke'), 'codecs');
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      CORPUS.map(({ name }) => name),
    );
    assert.ok(report.ratios['sessionLegacyOverCold']! > 1);
    // The corpus computes with the TypeScript kernels.
    assert.equal(report.native, false);
  });

  test('CORPUS names each case once', () => {
    assert.equal(new Set(CORPUS.map(({ name }) => name)).size, CORPUS.length);
  });

  for (const { name, prepare } of CORPUS) {
    test(`"${name}" gives the same right answer each time`, () => {
      const operation = prepare();
      const first = operation();
      assert.ok(first > 0);
      for (let i = 0; i < 100; i++) assert.equal(operation(), first);
    });
  }
});
