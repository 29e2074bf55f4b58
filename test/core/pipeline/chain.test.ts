// Chains hold the filters of each phase in the order of the contract, and only those that have it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileChain } from '#core/pipeline/chain.ts';
import { PHASES, type Filter, type FilterFactory, type Phase } from '#core/pipeline/filter.ts';
import { apiBase } from './support/make-api.ts';

/** A factory whose filters have `has` and declare `declares`. */
function factory(
  name: string,
  has: readonly Phase[],
  declares: readonly Phase[] = has,
): FilterFactory {
  const filter = Object.fromEntries(has.map((phase) => [phase, () => 0])) as Filter;
  return { name, maturity: 'stable', phases: declares, create: () => filter };
}

describe('compileChain', () => {
  test('request phases run in order, response phases and complete in reverse', () => {
    const chain = compileChain([factory('a', PHASES), factory('b', PHASES)], apiBase());
    for (const phase of ['requestHead', 'requestBody', 'routed'] as const) {
      assert.deepEqual(chain[phase].names, ['a', 'b']);
    }
    for (const phase of ['responseHead', 'responseBody', 'complete'] as const) {
      assert.deepEqual(chain[phase].names, ['b', 'a']);
    }
  });

  test('a phase holds only the filters that have it', () => {
    const factories = [factory('a', ['requestHead']), factory('b', ['complete'])];
    const chain = compileChain(factories, apiBase());
    assert.deepEqual(chain.requestHead.names, ['a']);
    assert.deepEqual(chain.complete.names, ['b']);
    for (const phase of ['requestBody', 'routed', 'responseHead', 'responseBody'] as const) {
      assert.equal(chain[phase].filters.length, 0);
      assert.equal(chain[phase].phase, phase);
    }
  });

  test('an API that needs no filter of a kind has none; state indexes stay apart', () => {
    const indexes: number[] = [];
    const counted = (name: string, isNeeded: boolean): FilterFactory => ({
      ...factory(name, ['routed']),
      create: ({ stateIndex }) => {
        indexes.push(stateIndex);
        return isNeeded ? { routed: () => 0 } : null;
      },
    });
    const chain = compileChain([counted('a', true), counted('b', false), counted('c', true)], {
      ...apiBase(),
    });
    assert.deepEqual(chain.routed.names, ['a', 'c']);
    assert.deepEqual(indexes, [0, 1, 2]);
  });

  for (const phase of PHASES) {
    test(`refuses a filter that has ${phase} and does not declare it`, () => {
      const others = PHASES.filter((other) => other !== phase);
      assert.throws(() => compileChain([factory('sly', [phase], others)], apiBase()), {
        message: new RegExp(`"sly" implements the phase ${phase}`),
      });
    });
  }

  test('declaring more than a filter has is no error', () => {
    const chain = compileChain([factory('a', ['routed'], PHASES)], apiBase());
    assert.deepEqual(chain.routed.names, ['a']);
  });
});
