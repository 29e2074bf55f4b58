// Self time of functions from a profile.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatFunctions, hottestFunctions, type CpuProfile } from '#bench/cpu-profile.ts';

function node(id: number, functionName: string, url = '', lineNumber = -1) {
  return { id, callFrame: { functionName, url, lineNumber } };
}

const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(idle)'),
    node(2, 'parse', 'file:///app/core/a.ts', 9),
    // The same function under another caller.
    node(3, 'parse', 'file:///app/core/a.ts', 9),
    node(4, 'writeBuffer'),
    node(5, '', 'file:///app/core/b.ts', 0),
  ],
  samples: [4, 2, 1, 3, 5, 4],
  timeDeltas: [100, 10, 500, 20, 40, 30],
  startTime: 1000,
  endTime: 1700,
};

describe('hottestFunctions', () => {
  test('adds up self time by function without idle time and without the start', () => {
    const functions = hottestFunctions(PROFILE, 599, 'file:///app/');
    assert.deepEqual(functions, [
      { name: '(anonymous)', place: 'core/b.ts:1', selfUs: 40, share: 0.4 },
      { name: 'parse', place: 'core/a.ts:10', selfUs: 30, share: 0.3 },
      { name: 'writeBuffer', place: '', selfUs: 30, share: 0.3 },
    ]);
    assert.equal(hottestFunctions(PROFILE, 1e9, '')[0]?.selfUs, 130);
  });

  test('formatFunctions gives one line a function', () => {
    const text = formatFunctions(hottestFunctions(PROFILE, 599, 'file:///app/'));
    assert.match(text, /^ {2}40\.0 % {2}\(anonymous\) +core\/b\.ts:1\n {2}30\.0 % {2}parse +core/);
  });
});
