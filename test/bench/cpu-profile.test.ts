// Self time of functions from a profile.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProfile, summarizeProfile, type CpuProfile } from '#bench/cpu-profile.ts';

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
    node(6, '(garbage collector)'),
    node(7, '(program)'),
    node(8, 'onread', 'node:internal/stream', 3),
    node(9, 'log', 'file:///app/node_modules/pino/a.js', 0),
  ],
  samples: [4, 2, 1, 3, 5, 4, 6, 7, 8, 9],
  timeDeltas: [100, 10, 500, 20, 40, 30, 25, 15, 35, 25],
  startTime: 1000,
  endTime: 1800,
};

describe('summarizeProfile', () => {
  test('adds up self time by function without idle time and without the start', () => {
    const { functions } = summarizeProfile(PROFILE, 699, 'file:///app/');
    assert.deepEqual(
      functions.map(({ name, place, selfUs }) => [name, place, selfUs]),
      [
        ['(anonymous)', 'core/b.ts:1', 40],
        ['onread', 'node:internal/stream:4', 35],
        ['parse', 'core/a.ts:10', 30],
        ['writeBuffer', 'native functions called from JavaScript', 30],
        ['(garbage collector)', 'garbage collector', 25],
        ['log', 'node_modules/pino/a.js:1', 25],
        ['(program)', "Node's native code and the kernel", 15],
      ],
    );
    assert.equal(functions[0]?.share, 0.2);
    const whole = summarizeProfile(PROFILE, 1e9, 'file:///app/');
    assert.equal(whole.functions[0]?.selfUs, 130);
  });

  test('names the kinds of code; their shares are those of the busy time', () => {
    const { idleShare, parts } = summarizeProfile(PROFILE, 699, 'file:///app/');
    assert.equal(idleShare, 500 / 700);
    const shares = new Map(parts.map(({ name, share }) => [name, share]));
    assert.equal(parts[0]?.name, 'gateway');
    assert.equal(shares.get('gateway'), 0.35);
    assert.equal(shares.get('garbage collector'), 0.125);
    assert.equal(shares.get('packages'), 0.125);
    const sum = parts.reduce((total, { share }) => total + share, 0);
    assert.ok(Math.abs(sum - 1) < 1e-9);
  });

  test('formatProfile gives one line a part and a function', () => {
    const text = formatProfile(summarizeProfile(PROFILE, 699, 'file:///app/'), 2);
    assert.match(text, /^idle 71\.4 % of the window/);
    assert.match(text, /\n +35\.0 % {2}gateway\n/);
    assert.match(
      text,
      /time:\n +20\.0 % {2}\(anonymous\) +core\/b\.ts:1\n +17\.5 % {2}onread .*\n$/,
    );
  });
});
