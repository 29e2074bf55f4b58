// The suite `lanes` at smoke size: real gateways with one and more threads, no answer wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LANES_CASES } from '#bench/suites/lanes.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

const isLinux = process.platform === 'linux';

describe('bench lanes', () => {
  test('measures every placement, CPU by thread, and response time by offered load', async () => {
    const report = reportOf(await runBench('lanes', '--smoke'), 'lanes');
    const cases = new Map(report.cases.map((entry) => [entry.name, entry]));
    assert.deepEqual(
      [...cases.keys()],
      [
        'inline-16x1',
        'pool-1-16x1',
        'pool-2-16x16',
        'inline-load-10',
        'pool-1-load-10',
        'adaptive-1-load-10',
        'inline-load-25',
      ],
    );
    assert.equal(report.notes?.length, 1);
    const [low, more] = [cases.get('inline-load-10')!, cases.get('inline-load-25')!];
    assert.deepEqual([low.series, more.series], ['inline', 'inline']);
    assert.ok(Math.abs(more.rate! / low.rate! - 2.5) < 0.01, `${low.rate} ${more.rate}`);
    assert.equal(cases.get('pool-1-load-10')!.rate, low.rate);
    assert.ok(report.ratios['rtPool1OverInline load-10']! > 0);
    if (!isLinux) return;
    const threadsOf = (name: string) => Object.keys(cases.get(name)!.threadsCpuUs ?? {});
    const lanesOf = (name: string) => threadsOf(name).filter((thread) => /^lane \d/.test(thread));
    for (const name of cases.keys()) assert.ok(threadsOf(name).includes('acceptor'), name);
    assert.deepEqual(lanesOf('inline-16x1'), []);
    assert.deepEqual(lanesOf('pool-1-16x1'), ['lane 1']);
    assert.deepEqual(lanesOf('pool-2-16x16'), ['lane 1', 'lane 2']);
    const { projectedQps, threadsCpuUs } = cases.get('pool-1-16x1')!;
    const busiestUs = Math.max(threadsCpuUs!['acceptor']!, threadsCpuUs!['lane 1']!);
    // Rounded to a thousandth; a thread of V8 may be busier in so short a run.
    assert.ok(projectedQps! > 0 && projectedQps! <= (1e6 / busiestUs) * 1.01, `${projectedQps}`);
    assert.ok(report.ratios['capacityPool1OverInline 16x1']! > 0);
  });

  test('names each case of the full run once', () => {
    const names = LANES_CASES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    // Four configurations at two sizes; three of them at five loads.
    assert.equal(names.length, 4 * 2 + 3 * 5);
  });
});
