// Who pauses whom, and the budget of retries.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Brakes } from '#core/exchange/brakes.ts';
import { RetryBudget } from '#core/exchange/retry-budget.ts';
import { FakeDownstream } from './support/fakes.ts';

describe('Brakes', () => {
  test('pauses once per link and lets go when the link does', () => {
    const brakes = new Brakes();
    const downstream = new FakeDownstream();
    const link = {};
    brakes.apply(link, downstream);
    brakes.apply(link, downstream);
    assert.equal(downstream.brakes, 1);
    brakes.release(link);
    assert.equal(downstream.brakes, 0);
    brakes.release(link);
    assert.equal(downstream.brakes, 0);
  });

  test('a connection that two links paused waits for both', () => {
    const brakes = new Brakes();
    const downstream = new FakeDownstream();
    const links = [{}, {}] as const;
    for (const link of links) brakes.apply(link, downstream);
    brakes.release(links[0]);
    assert.equal(downstream.brakes, 1);
    brakes.release(links[1]);
    assert.equal(downstream.brakes, 0);
  });

  test('one link pauses many and releases all of them', () => {
    const brakes = new Brakes();
    const downstreams = Array.from({ length: 5 }, () => new FakeDownstream());
    const link = {};
    for (const downstream of downstreams) brakes.apply(link, downstream);
    brakes.release(link);
    assert.ok(downstreams.every(({ brakes: count }) => count === 0));
  });
});

describe('RetryBudget', () => {
  test('has a small reserve at start and no more without traffic', () => {
    const budget = new RetryBudget();
    let taken = 0;
    while (budget.tryTake()) taken++;
    assert.equal(taken, 10);
  });

  test('earns one retry for five requests', () => {
    const budget = new RetryBudget();
    while (budget.tryTake());
    let taken = 0;
    for (let i = 0; i < 1000; i++) {
      budget.requestSent();
      if (budget.tryTake()) taken++;
    }
    assert.ok(taken >= 199 && taken <= 200, String(taken));
  });

  test('LIMIT: saves up at most 100', () => {
    const budget = new RetryBudget();
    for (let i = 0; i < 100_000; i++) budget.requestSent();
    let taken = 0;
    while (budget.tryTake()) taken++;
    assert.ok(taken >= 99 && taken <= 101, String(taken));
  });
});
