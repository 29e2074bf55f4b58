// The call table against a Map: ids are unique while open, and an answer finds its own call only.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CallTable } from '#core/upstream/call-table.ts';
import { TestCall } from './support/test-call.ts';

const stepArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: 'add' as const, pick: 0 }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const), pick: fc.nat(500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('guess' as const), pick: fc.nat(2000) }) },
);

describe('CallTable', () => {
  test('property: behaves as a Map that draws its own keys', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 400, size: 'max' }), (steps) => {
        const table = new CallTable();
        const model = new Map<number, TestCall>();
        for (const { kind, pick } of steps) {
          if (kind === 'add') {
            const call = new TestCall();
            const id = table.add(call);
            assert.ok(id > 0 && !model.has(id));
            assert.equal(call.linkId, id);
            model.set(id, call);
          } else {
            const open = [...model.keys()];
            const id = kind === 'guess' || open.length === 0 ? pick : open[pick % open.length]!;
            assert.equal(table.take(id), model.get(id) ?? null);
            model.delete(id);
          }
          assert.equal(table.count, model.size);
        }
        assert.deepEqual(new Set(table.drain()), new Set(model.values()));
        assert.equal(table.count, 0);
      }),
      { numRuns: 200 },
    );
  });

  test('a call that stays open keeps its id while others come and go', () => {
    const table = new CallTable();
    const long = new TestCall();
    const id = table.add(long);
    for (let i = 0; i < 10_000; i++) {
      const call = new TestCall();
      const other = table.add(call);
      assert.notEqual(other, id);
      assert.equal(table.take(other), call);
    }
    assert.equal(table.take(id), long);
  });

  test('an id that was answered finds nothing any more', () => {
    const table = new CallTable();
    const id = table.add(new TestCall());
    assert.notEqual(table.take(id), null);
    assert.equal(table.take(id), null);
    assert.equal(table.take(0), null);
    assert.equal(table.take(0xffff_ffff), null);
  });
});
