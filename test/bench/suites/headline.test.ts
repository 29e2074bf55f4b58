// The suite `headline` at smoke size: all four combinations with real processes, no answer wrong,
// and the ratios that CI asks for.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { headlineCases } from '#bench/suites/headline.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

describe('bench headline', () => {
  test('measures both generations with both sessions, closed and open loop', async () => {
    const run = await runBench(
      'headline',
      '--smoke',
      '--require',
      'qpsMeshOverDecentralized>=0.01',
    );
    const report = reportOf(run, 'headline');
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      [
        'decentralized-legacy',
        'decentralized-compact',
        'mesh-legacy',
        'mesh-compact',
        'decentralized-legacy-open',
        'mesh-compact-open',
      ],
    );
    const [old, , , mesh, oldOpen, meshOpen] = report.cases;
    assert.equal(oldOpen!.rate, meshOpen!.rate);
    for (const { qps, rate } of [oldOpen!, meshOpen!]) {
      assert.ok(Math.abs(qps / rate! - 1) < 0.5, `${qps} of ${rate}`);
    }
    const { ratios } = report;
    assert.ok(Math.abs(ratios['qpsMeshOverDecentralized']! - mesh!.qps / old!.qps) < 0.01);
    const rt = meshOpen!.p50Us / oldOpen!.p50Us;
    assert.ok(Math.abs(ratios['rtMeshOverDecentralized']! - rt) < 0.01);
    if (process.platform !== 'linux') return;
    // Work of 20 µs is part of what either costs: it is counted where it is done.
    for (const { name, cpuUsPerRequest } of report.cases) {
      assert.ok(cpuUsPerRequest! > 15, `${name}: ${cpuUsPerRequest} µs`);
    }
  });

  test('the work asked for is what the main cases do; others are named by theirs', () => {
    const workOf = (workUs: number) =>
      Object.fromEntries(headlineCases(workUs).map((one) => [one.name, one.workUs]));
    assert.equal(workOf(20)['mesh-compact'], 20);
    assert.equal(workOf(20)['mesh-compact-0us'], 0);
    assert.equal(workOf(20)['decentralized-legacy-100us'], 100);
    assert.equal(workOf(100)['mesh-compact'], 100);
    assert.equal(workOf(100)['mesh-compact-100us'], undefined);
    assert.equal(workOf(50)['mesh-compact-open'], 50);
    const names = headlineCases(20).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });
});
