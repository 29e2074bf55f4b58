// Rounds, medians and ratios.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadResult } from '#bench/load/tally.ts';
import { formatReport, median } from '#bench/report.ts';
import { cpuRatios, qpsPerCore, ratios, runRounds, summarize, differences } from '#bench/rounds.ts';

function resultOf(cpuUs: number | null, change: Partial<LoadResult> = {}): LoadResult {
  return {
    requests: 1000,
    wrong: 0,
    unanswered: 0,
    problems: {},
    seconds: 2,
    qps: 500,
    p50Us: 100,
    p90Us: 150,
    p99Us: 200,
    maxUs: 300,
    lateP99Us: 0,
    loadCpuUs: 1_000_000,
    watched: cpuUs === null ? null : { cpuUs, rssMb: 80, threads: [{ id: 1, name: 'n', cpuUs }] },
    ...change,
  };
}

describe('runRounds', () => {
  test('measures in turns, every other round backwards', async () => {
    const order: string[] = [];
    const cases = ['a', 'b', 'c'].map((name) => ({
      name,
      measure: async () => {
        order.push(name);
        return resultOf(order.length);
      },
    }));
    const measured = await runRounds(cases, 3, () => {});
    assert.equal(order.join(''), 'abccbaabc');
    assert.deepEqual(
      measured.get('a')?.map(({ watched }) => watched?.cpuUs),
      [1, 6, 7],
    );
  });
});

describe('summarize', () => {
  test('takes medians of figures and sums of counts', () => {
    const results = [
      resultOf(4000, { qps: 10, problems: { GOAWAY: 1 }, wrong: 1 }),
      resultOf(9000, { qps: 30, unanswered: 2 }),
      resultOf(5000, { qps: 20 }),
    ];
    const { qps, requests, wrong, cpuUsPerRequest, problems } = summarize('x', results);
    assert.deepEqual([qps, requests, wrong, cpuUsPerRequest], [20, 3000, 3, 5]);
    assert.deepEqual(problems, { GOAWAY: 1, 'no answer': 2 });
  });

  test('takes the median of the curves where all rounds have a point', () => {
    const { percentiles } = summarize('x', [
      resultOf(1, {
        percentiles: [
          [50, 10],
          [99, 100],
          [99.9, 400],
        ],
      }),
      resultOf(1, {
        percentiles: [
          [50, 30],
          [99, 500],
        ],
      }),
      resultOf(1, {
        percentiles: [
          [50, 20],
          [99, 300],
          [99.9, 800],
        ],
      }),
    ]);
    assert.deepEqual(percentiles, [
      [50, 20],
      [99, 300],
    ]);
    const mixed = [resultOf(1), resultOf(1, { percentiles: [[50, 30]] })];
    assert.equal(summarize('x', mixed).percentiles, undefined);
  });

  test('says null where the system does not tell CPU time', () => {
    const { cpuUsPerRequest, rssMb, gatewayCores } = summarize('x', [resultOf(null)]);
    assert.deepEqual([cpuUsPerRequest, rssMb, gatewayCores], [null, null, null]);
  });
});

describe('qpsPerCore', () => {
  test('is what a whole CPU would answer; its ratio is that of CPU the other way round', () => {
    // 2 and 5 µs a request.
    const [ours, theirs] = [resultOf(2000), resultOf(5000)];
    assert.deepEqual([ours, theirs].map(qpsPerCore), [500_000, 200_000]);
    const measured = new Map([
      ['ours', [ours]],
      ['theirs', [theirs]],
    ]);
    const specs = [{ name: 'over', upper: 'ours', lower: 'theirs' }];
    assert.deepEqual(ratios(specs, measured, qpsPerCore), { over: 2.5 });
    assert.deepEqual(cpuRatios(specs, measured), { over: 0.4 });
  });

  test('is unknown where the system tells of no CPU time, and such a round has no ratio', () => {
    const none = [resultOf(null), resultOf(0), resultOf(1000, { requests: 0 })];
    assert.deepEqual(none.map(qpsPerCore), [null, null, null]);
    const measured = new Map([
      ['ours', [resultOf(0), resultOf(1000)]],
      ['theirs', [resultOf(4000), resultOf(4000)]],
    ]);
    const specs = [{ name: 'over', upper: 'ours', lower: 'theirs' }];
    assert.deepEqual(ratios(specs, measured, qpsPerCore), { over: 4 });
  });
});

describe('differences', () => {
  test('are medians within rounds, and may be 0 or less', () => {
    const p50Of = (p50Us: number) => resultOf(1, { p50Us });
    const measured = new Map([
      ['gateway', [p50Of(50), p50Of(90), p50Of(40)]],
      ['direct', [p50Of(20), p50Of(30), p50Of(40)]],
    ]);
    const specs = [
      { name: 'added', upper: 'gateway', lower: 'direct' },
      { name: 'missing', upper: 'gateway', lower: 'nobody' },
    ];
    assert.deepEqual(
      differences(specs, measured, ({ p50Us }) => p50Us),
      { added: 30 },
    );
  });
});

describe('cpuRatios', () => {
  test('is the median of ratios within rounds, not a ratio of medians', () => {
    const measured = new Map([
      ['a', [resultOf(2000), resultOf(30_000), resultOf(9000)]],
      ['b', [resultOf(1000), resultOf(10_000), resultOf(1000)]],
    ]);
    const specs = [
      { name: 'aOverB', upper: 'a', lower: 'b' },
      { name: 'aOverC', upper: 'a', lower: 'c' },
    ];
    assert.deepEqual(cpuRatios(specs, measured), { aOverB: 3 });
  });
});

describe('report', () => {
  test('median takes the middle, or the mean of both middle values', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });

  test('formatReport shows cases, ratios, skipped cases and problems', () => {
    const bad = resultOf(5000, { wrong: 7, problems: { 'wrong body': 7 } });
    const text = formatReport({
      cases: [summarize('first', [resultOf(5000)]), summarize('second-case', [bad])],
      ratios: { firstOverSecond: 1.25 },
      skipped: [{ name: 'nginx', reason: 'is not installed' }],
    });
    const lines = text.split('\n');
    assert.match(lines[0]!, /^case\s+qps\s+p50 µs/);
    assert.match(lines[1]!, /^first\s+500\s+100\s+200\s+5\.00/);
    assert.equal(lines[1]!.length, lines[2]!.length);
    assert.deepEqual(lines.slice(3, 6), [
      'firstOverSecond = 1.25',
      'nginx skipped: is not installed',
      'second-case: 7 x wrong body',
    ]);
  });

  test('formatReport shows projected capacity, threads that have names, and notes', () => {
    const plain = { ...summarize('plain', [resultOf(5000)]), projectedQps: null };
    const threadsCpuUs = { acceptor: 4, 'lane 1': 6.25 };
    const threaded = { ...plain, name: 'threaded', projectedQps: 160_000, threadsCpuUs };
    const cases = [plain, threaded];
    const text = formatReport({ cases, ratios: {}, skipped: [], notes: ['shared CPUs'] });
    const lines = text.split('\n');
    assert.match(lines[0]!, /qps\s+projected qps .*CPU µs\/req\s+of threads/);
    assert.match(lines[1]!, /^plain\s+500\s+-\s+100\s+200\s+5\.00\s+-/);
    assert.match(lines[2]!, /^threaded\s+500\s+160,000 .*\s+acceptor 4\.00, lane 1 6\.25\s/);
    assert.equal(lines[3], 'shared CPUs');
  });
});
