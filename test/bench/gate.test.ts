// What a run must reach, and what it says when it does not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { missedRequirements, parseRequirement } from '#bench/gate.ts';

describe('requirements', () => {
  test('are a ratio, a comparison and a number', () => {
    assert.deepEqual(parseRequirement('qpsOver>=1.6'), {
      ratio: 'qpsOver',
      comparison: '>=',
      value: 1.6,
    });
    assert.deepEqual(parseRequirement('rt mesh <= 1'), {
      ratio: 'rt mesh',
      comparison: '<=',
      value: 1,
    });
    for (const wrong of [
      '',
      'x',
      'x=1',
      'x>1',
      '>=1',
      'x>=',
      'x>=-1',
      'x>=1.',
      'x>=1e3',
      'x>=1x',
    ]) {
      assert.equal(parseRequirement(wrong), null, wrong);
    }
  });

  test('are reached at the limit, and missed beyond it or without a measurement', () => {
    const missed = (text: string): readonly string[] =>
      missedRequirements([parseRequirement(text)!], { up: 1.6, down: 0.85 });
    assert.deepEqual(missed('up>=1.6'), []);
    assert.deepEqual(missed('down<=0.85'), []);
    assert.deepEqual(missed('up>=1.61'), ['up must be >= 1.61 and is 1.6']);
    assert.deepEqual(missed('down<=0.84'), ['down must be <= 0.84 and is 0.85']);
    assert.deepEqual(missed('gone>=0'), ['gone must be >= 0 and was not measured']);
  });
});
