// Calibrated work takes time in proportion to its turns.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calibrate, CalibratedWork } from '#bench/peers/calibrated-work.ts';

/** The fastest of some runs, ms: what other processes add is left out. */
function fastestMs(work: CalibratedWork): number {
  let fastest = Infinity;
  for (let i = 0; i < 20; i++) {
    const startMs = performance.now();
    work.run();
    fastest = Math.min(fastest, performance.now() - startMs);
  }
  return fastest;
}

describe('CalibratedWork', () => {
  test('takes as long as calibration says, and ten times that for ten times the turns', () => {
    const turnsPerUs = calibrate();
    assert.ok(turnsPerUs > 1 && turnsPerUs < 100_000, `${turnsPerUs}`);
    const short = fastestMs(new CalibratedWork(Math.round(turnsPerUs * 200)));
    const long = fastestMs(new CalibratedWork(Math.round(turnsPerUs * 2000)));
    // A slower stretch of the machine between the two must not fail the test.
    assert.ok(short > 0.05 && short < 2, `${short} ms for 0.2 ms`);
    assert.ok(long / short > 3 && long / short < 30, `${long / short} times`);
  });
});
