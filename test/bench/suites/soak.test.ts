// The suite `soak` at smoke size: every kind of act took place, and nothing stayed open behind it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reportOf, runBench } from '../support/run-bench.ts';

const ACTS = [
  'mmtpToBolt',
  'mmtpToHttp',
  'httpToHttp',
  'comeAndGoMmtp',
  'comeAndGoHttp',
  'timeOut',
  'cancel',
  'malformed',
  'slowReader',
];

describe('bench soak', () => {
  test('runs every kind of traffic at its rate and tells what became of memory', async () => {
    const report = reportOf(await runBench('soak', '--smoke'), 'soak');
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      ['soak', 'idle-mmtp', 'idle-http'],
    );
    const [soak, ...idle] = report.cases;
    const figures = soak!.soak!;
    assert.deepEqual(Object.keys(figures.acts).toSorted(), ACTS.toSorted());
    for (const name of ACTS) assert.ok(figures.acts[name]! > 0, name);
    assert.ok(figures.acts['mmtpToBolt']! > figures.acts['cancel']!);
    // Trouble is no request: 96 of a hundred are left of the rate, give or take a busy machine.
    assert.ok(soak!.qps < soak!.rate! && soak!.qps > 0.5 * soak!.rate!, String(soak!.qps));
    assert.ok(figures.samples > 2);
    assert.ok(figures.connectionsFirst >= 4, 'the clients that stay');
    if (process.platform === 'linux') {
      assert.ok(figures.rssFirstMb > 10 && figures.rssLastMb > 10);
      assert.ok(figures.fdsFirst > figures.connectionsFirst);
      assert.ok(report.ratios['rssLastOverFirst']! > 0);
    }
    for (const { name, requests, kibPerConnection } of idle) {
      assert.equal(requests, 2000, name);
      assert.equal(typeof kibPerConnection, 'number');
    }
  });
});
