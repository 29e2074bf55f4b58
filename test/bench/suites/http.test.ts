// The suite `http` at smoke size; each proxy of others takes part where it is installed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HTTP_PEERS } from '#bench/peers/http-peers.ts';
import { reportOf, runBench } from '../support/run-bench.ts';

describe('bench http', () => {
  test('measures with and without session check, beside others or with a reason', async () => {
    const report = reportOf(await runBench('http', '--smoke'), 'http');
    const present = HTTP_PEERS.filter((peer) => peer.missing() === null);
    assert.deepEqual(
      report.cases.map(({ name }) => name),
      ['http-16', 'http-16-none', ...present.map(({ name }) => `${name}-16`)],
    );
    for (const { title, checksSession } of present) {
      assert.ok(report.ratios[`cpuOver${title}`]! > 0, title);
      assert.equal(report.ratios[`cpuWithoutCheckOver${title}`] === undefined, checksSession);
    }
    const absent = HTTP_PEERS.filter((peer) => peer.missing() !== null);
    assert.deepEqual(
      report.skipped,
      absent.map((peer) => ({ name: `${peer.name}-16`, reason: peer.missing() })),
    );
    for (const { reason } of report.skipped) assert.match(reason, /apt-get install|npm ci/);
  });
});
