// Requests that are staged and run together: order, tags, what was aborted, what throws.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import {
  STAGED_MAX,
  StagedRequests,
  type Lookahead,
  type RequestRunner,
} from '#core/exchange/staged-requests.ts';
import { Exchange } from '#core/pipeline/exchange.ts';
import { DriverBench, FakeDownstream } from './support/fakes.ts';

/** Writes down what happens. */
class Journal implements Lookahead, RequestRunner {
  readonly lines: string[] = [];

  add({ slot }: Exchange): void {
    this.lines.push(`add ${slot}`);
  }
  verify(): void {
    this.lines.push('verify');
  }
  clear(): void {
    this.lines.push('clear');
  }
  proceed({ slot }: Exchange): void {
    this.lines.push(`run ${slot}`);
  }
}

function exchanges(count: number): Exchange[] {
  return Array.from({ length: count }, (_, slot) => new Exchange(slot, { resume() {} }, () => {}));
}

describe('StagedRequests', () => {
  test('all are looked at before the first runs; each is announced by its tag', () => {
    const journal = new Journal();
    const staged = new StagedRequests(journal);
    exchanges(2).forEach((exchange, index) => staged.add(exchange, 70 + index));
    staged.run((tag) => journal.lines.push(`tag ${tag}`), journal);
    const expected = ['add 0', 'add 1', 'verify', 'tag 70', 'run 0', 'tag 71', 'run 1', 'clear'];
    assert.deepEqual(journal.lines, expected);
    staged.run(null, journal);
    assert.equal(journal.lines.length, expected.length);
  });

  test('one alone is not looked at', () => {
    const journal = new Journal();
    const staged = new StagedRequests(journal);
    staged.add(exchanges(1)[0]!, 0);
    staged.run(null, journal);
    assert.deepEqual(journal.lines, ['run 0']);
  });

  test('one that ended in the meantime is not run, though its object is staged again', () => {
    const journal = new Journal();
    const staged = new StagedRequests(journal);
    const [first, second] = exchanges(2) as [Exchange, Exchange];
    staged.add(first, 0);
    first.serial++;
    staged.add(second, 0);
    staged.add(first, 0);
    staged.run(null, journal);
    assert.deepEqual(journal.lines, ['add 1', 'add 0', 'verify', 'run 1', 'run 0', 'clear']);
  });

  test('what throws leaves nothing behind', () => {
    const journal = new Journal();
    const staged = new StagedRequests(journal);
    for (const exchange of exchanges(3)) staged.add(exchange, 0);
    const runner = {
      proceed() {
        throw new Error('no');
      },
    };
    assert.throws(() => staged.run(null, runner), /no/);
    assert.equal(journal.lines.at(-1), 'clear');
    staged.run(null, journal);
    assert.equal(journal.lines.at(-1), 'clear');
  });
});

describe('ExchangeDriver stage', () => {
  test('runs at runStaged, in order, without what was aborted', () => {
    const bench = new DriverBench();
    const downstream = new FakeDownstream();
    const opened = Array.from({ length: 3 }, (_, index) => bench.open(downstream, `${index}`));
    for (const exchange of opened) bench.driver.stage(exchange);
    assert.deepEqual(bench.target.open, []);
    bench.driver.abort(opened[1]!, Errors.clientCancelled);
    bench.driver.runStaged();
    assert.deepEqual(bench.target.open, [opened[0], opened[2]]);
    assert.equal(bench.driver.openCount, 2);
  });

  test('more than there is room for: the first run at once', () => {
    const bench = new DriverBench();
    const downstream = new FakeDownstream();
    for (let i = 0; i <= STAGED_MAX; i++) bench.driver.stage(bench.open(downstream));
    assert.equal(bench.target.sent, STAGED_MAX);
    bench.driver.runStaged();
    assert.equal(bench.target.sent, STAGED_MAX + 1);
  });
});
