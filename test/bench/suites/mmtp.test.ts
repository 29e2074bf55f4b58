// The suite `mmtp` at smoke size: real gateways, services and generators, no answer wrong.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { floorMissing } from '#bench/floor/floor.ts';
import type { BenchCase } from '#bench/report.ts';
import { mosnMissing } from '#bench/peers/mosn.ts';
import { MMTP_CASES } from '#bench/suites/mmtp-matrix.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

describe('bench mmtp', () => {
  test('measures Bolt and HTTP, cold, cached and none, closed and open loop', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bench-test-'));
    try {
      const file = join(directory, 'report.json');
      const run = await runBench('mmtp', '--smoke', '--json', file);
      const report = reportOf(run, 'mmtp');
      assert.deepEqual(
        report.cases.map(({ name }) => name),
        [
          'mmtp-bolt-1x1',
          'mmtp-bolt-16x16',
          ...(floorMissing() === null ? ['floor-16x16'] : []),
          ...(mosnMissing() === null ? ['mosn-bolt-16x16'] : []),
          'mmtp-bolt-16x16-cached',
          'mmtp-bolt-16x16-none',
          'mmtp-http-16x16',
          'mmtp-bolt-16x1-half',
          'direct-bolt-16x1-half',
        ],
      );
      const peers = [
        { name: 'floor-16x16', reason: floorMissing(), ratio: 'cpuOverFloor 16x16' },
        { name: 'mosn-bolt-16x16', reason: mosnMissing(), ratio: 'qpsPerCoreOverMosn 16x16' },
      ];
      const skipped = peers.filter(({ reason }) => reason !== null);
      assert.deepEqual(
        report.skipped,
        skipped.map(({ name, reason }) => ({ name, reason })),
      );
      for (const { ratio, reason } of peers) {
        assert.equal(report.ratios[ratio] === undefined, reason !== null, ratio);
      }
      const [ours, mosn] = ['mmtp-bolt-16x16', 'mosn-bolt-16x16'].map((wanted) =>
        report.cases.find(({ name }) => name === wanted),
      );
      if (mosn !== undefined) {
        const ratio = report.ratios['qpsOverMosn 16x16']!;
        assert.ok(Math.abs(ratio - ours!.qps / mosn.qps) < 0.01, `${ratio}`);
      }
      const [half, direct] = report.cases.slice(-2) as [BenchCase, BenchCase];
      assert.equal(direct.rate, half.rate);
      assert.equal(direct.cpuUsPerRequest, null);
      assert.equal(report.ratios['addedRtP50Us'], half.p50Us - direct.p50Us);
      // All of the offered requests came back, give or take what was under way at the ends.
      assert.ok(half.rate! > 0 && Math.abs(half.qps / half.rate! - 1) < 0.5, `${half.qps}`);
      assert.equal(await readFile(file, 'utf8'), `${run.stdout.trimEnd().split('\n').at(-1)}\n`);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('names each case of the full run once', () => {
    const names = MMTP_CASES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    // Two upstreams, four sizes, three sessions, an open loop for each upstream; floor, MOSN and
    // the service alone.
    assert.equal(names.length, 2 * (4 * 3 + 1) + 3 + 2 + 1);
    // What a ratio compares runs one after the other.
    const from = names.indexOf('mmtp-bolt-16x1');
    assert.deepEqual(names.slice(from + 1, from + 3), ['floor-16x1', 'mosn-bolt-16x1']);
    for (const { halfOf } of MMTP_CASES) assert.ok(halfOf === null || names.includes(halfOf));
  });
});
