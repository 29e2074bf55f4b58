// Adaptive placement: a busy acceptor hands over, a calm one does not, and a load between the two
// marks stays where it is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { AdaptivePlacement } from '#workers/lanes/placement.ts';

const WINDOW_MS = 100;
const COST_MS = 0.01;

/** A window with a load that fills `share` of an inline acceptor. @returns whether it changed */
function pass(placement: AdaptivePlacement, share: number, costMs = COST_MS): boolean {
  const requests = Math.round((share * WINDOW_MS) / costMs);
  // How busy an acceptor is that hands over must not count: here it always is.
  const activeMs = placement.isSpreading ? WINDOW_MS : Math.min(WINDOW_MS, requests * costMs);
  return placement.observe(WINDOW_MS, activeMs, requests);
}

function passMany(placement: AdaptivePlacement, share: number, windows: number): number {
  let changes = 0;
  for (let i = 0; i < windows; i++) if (pass(placement, share)) changes++;
  return changes;
}

describe('AdaptivePlacement', () => {
  test('begins inline, and stays there while there is little to do', () => {
    const placement = new AdaptivePlacement();
    assert.equal(passMany(placement, 0.5, 100), 0);
    assert.equal(placement.isSpreading, false);
  });

  test('spreads after two busy windows in a row, not after one', () => {
    const placement = new AdaptivePlacement();
    assert.equal(pass(placement, 0.9), false);
    pass(placement, 0.3);
    assert.equal(pass(placement, 0.9), false);
    assert.equal(pass(placement, 0.9), true);
    assert.equal(placement.isSpreading, true);
  });

  test('comes back after five calm windows in a row', () => {
    const placement = new AdaptivePlacement();
    passMany(placement, 0.9, 2);
    assert.equal(passMany(placement, 0.3, 4), 0);
    pass(placement, 0.6);
    assert.equal(passMany(placement, 0.3, 4), 0);
    assert.equal(pass(placement, 0.3), true);
    assert.equal(placement.isSpreading, false);
  });

  test('a loop that is busy with something else than requests does not spread', () => {
    const placement = new AdaptivePlacement();
    for (let i = 0; i < 20; i++) assert.equal(placement.observe(WINDOW_MS, WINDOW_MS, 3), false);
  });

  test('a steady load never oscillates, wherever it lies', () => {
    for (let share = 0; share <= 1.5; share += 0.01) {
      const placement = new AdaptivePlacement();
      assert.ok(passMany(placement, share, 500) <= 1, `share ${share.toFixed(2)}`);
    }
  });

  test('property: a load that wavers by less than the gap changes sides at most once', () => {
    const shape = fc.record({
      middle: fc.double({ min: 0, max: 1.2, noNaN: true }),
      wavers: fc.array(fc.double({ min: -0.12, max: 0.12, noNaN: true }), {
        minLength: 200,
        maxLength: 200,
      }),
    });
    fc.assert(
      fc.property(shape, ({ middle, wavers }) => {
        const placement = new AdaptivePlacement();
        let changes = 0;
        for (const waver of wavers) if (pass(placement, Math.max(0, middle + waver))) changes++;
        assert.ok(changes <= 1, `${changes} changes`);
      }),
    );
  });

  test('follows the cost of requests: dearer ones spread at a lower rate', () => {
    const placement = new AdaptivePlacement();
    for (let i = 0; i < 20; i++) pass(placement, 0.5, 0.01);
    assert.ok(Math.abs(placement.costMs - 0.01) < 0.001);
    for (let i = 0; i < 20; i++) pass(placement, 0.5, 0.1);
    assert.ok(Math.abs(placement.costMs - 0.1) < 0.001);
  });
});
