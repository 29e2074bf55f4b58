// The stream table against a Map.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { StreamTable } from '#core/downstream/stream-table.ts';

/** Ids that crowd the same slots, consecutive ones, and those at the end of the range. */
const idArbitrary = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => n * 2 + 1),
  fc.integer({ min: 0, max: 20 }).map((n) => n * 64 + 1),
  fc.integer({ min: 0, max: 10 }).map((n) => 0x7fff_ffff - n * 2),
);

const stepArbitrary = fc.tuple(fc.constantFrom('add', 'add', 'delete', 'clear'), idArbitrary);

describe('StreamTable', () => {
  test('property: behaves as a Map', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 200, size: 'max' }), (steps) => {
        const table = new StreamTable<number>();
        const model = new Map<number, number>();
        let clears = 0;
        steps.forEach(([kind, id], index) => {
          if (kind === 'delete') {
            table.delete(id);
            model.delete(id);
          } else if (kind === 'clear') {
            if (clears++ % 20 !== 19) return;
            table.clear();
            model.clear();
          } else if (!model.has(id)) {
            table.add(id, index);
            model.set(id, index);
          }
          assert.equal(table.count, model.size);
        });
        for (const [, id] of steps) assert.equal(table.get(id), model.get(id) ?? null);
        const values = table.values().toSorted((a, b) => a - b);
        assert.deepEqual(
          values,
          [...model.values()].toSorted((a, b) => a - b),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('holds nothing before the first stream', () => {
    const table = new StreamTable<number>();
    assert.equal(table.get(1), null);
    table.delete(1);
    assert.deepEqual(table.values(), []);
  });

  test('many streams one after the other leave no trace', () => {
    const table = new StreamTable<number>();
    for (let id = 1; id < 200_000; id += 2) {
      table.add(id, id);
      if (id > 20) table.delete(id - 20);
    }
    assert.equal(table.count, 10);
  });
});
