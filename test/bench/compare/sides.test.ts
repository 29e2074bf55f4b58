// What the command line says about the sides of a comparison.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasProfile, mergeFlags, readSides, tieSideFlags } from '#bench/compare/sides.ts';
import { UsageError } from '#bench/suite.ts';

describe('compare sides', () => {
  test('tieSideFlags takes the word behind --a and --b, dashes and all', () => {
    const argv = ['compare', '--a', '--workers 1', '--b', '--workers 2 --zone x', '--rounds', '2'];
    assert.deepEqual(tieSideFlags(argv), [
      'compare',
      '--a=--workers 1',
      '--b=--workers 2 --zone x',
      '--rounds',
      '2',
    ]);
    assert.deepEqual(tieSideFlags(['--a=x', '--b']), ['--a=x', '--b']);
    assert.deepEqual(tieSideFlags(['--b-node', '--x --y']), ['--b-node=--x --y']);
  });

  test('readSides splits flags and variables', () => {
    const [a, b] = readSides({
      a: ' --workers  1 ',
      'a-source': 'ts',
      'b-node': '--single-threaded-gc',
      'b-rev': 'HEAD~1',
      'b-env': ['MGW_NATIVE=off', 'X=a=b'],
    });
    assert.deepEqual(a, {
      name: 'a',
      flags: ['--workers', '1'],
      nodeFlags: [],
      revision: null,
      source: 'ts',
      env: {},
    });
    assert.deepEqual(b, {
      name: 'b',
      flags: [],
      nodeFlags: ['--single-threaded-gc'],
      revision: 'HEAD~1',
      source: null,
      env: { MGW_NATIVE: 'off', X: 'a=b' },
    });
    assert.throws(() => readSides({ 'a-env': ['=x'] }), UsageError);
    assert.throws(() => readSides({ 'a-env': ['NAME'] }), /--a-env: "NAME" is no NAME=TEXT/);
  });

  test('mergeFlags lets a side say what is said for both', () => {
    const base = ['--workers=0', '--log-level=warn'];
    assert.deepEqual(mergeFlags(base, ['--workers', '2']), ['--log-level=warn', '--workers', '2']);
    assert.deepEqual(mergeFlags(base, ['--workers=2']), ['--log-level=warn', '--workers=2']);
    assert.deepEqual(mergeFlags(base, []), base);
  });

  test('hasProfile finds the profile of a side among its flags and variables', () => {
    const [a, b] = readSides({ a: '--profile=latency', 'b-env': ['MGW_PROFILE=latency'] });
    assert.deepEqual([hasProfile(a), hasProfile(b)], [true, true]);
    const [spaced, none] = readSides({ a: '--profile latency', b: '--profiles x' });
    assert.deepEqual([hasProfile(spaced), hasProfile(none)], [true, false]);
  });
});
