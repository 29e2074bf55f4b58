// Chains hold the filters of each phase in the order of the contract, and only those that have it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileChain } from '#core/pipeline/chain.ts';
import type { ListedFactory } from '#core/pipeline/create-filter.ts';
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

/** A factory that makes whatever `create` says. */
function factoryOf(
  phases: readonly Phase[],
  create: () => unknown,
  module?: string,
): ListedFactory {
  const factory = { name: 'deny', maturity: 'beta', phases, create, module };
  return factory as unknown as ListedFactory;
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

  test('a factory that throws names itself, the API and the place', () => {
    const create = (): never => {
      throw new Error('create boom');
    };
    const api = { ...apiBase(), operationType: 'a.b' };
    assert.throws(
      () => compileChain([factoryOf(['routed'], create, 'deny.mjs')], api),
      ({ message }: Error) =>
        message.startsWith('deny.mjs: Filter "deny" cannot be created for the API "a.b": ') &&
        /: create threw create boom \(.*chain\.test\.ts:\d+\)$/.test(message),
    );
    const unknown = { ...apiBase(), operationType: '' };
    assert.throws(() => compileChain([factoryOf(['routed'], create)], unknown), {
      message: /^Filter "deny" cannot be created for requests without an API: create threw /,
    });
  });

  test('refuses a filter that has none of the phases that it declares', () => {
    for (const create of [() => ({}), () => ({ requestHead: undefined }), () => new Map()]) {
      const made = factoryOf(['requestHead', 'complete'], create, 'deny.mjs');
      assert.throws(() => compileChain([made], apiBase()), {
        message:
          'deny.mjs: Filter "deny" implements none of the phases that it declares (requestHead, ' +
          'complete): create must return an object with a function for each, or null for no filter',
      });
    }
    assert.throws(() => compileChain([factoryOf([], () => ({}))], apiBase()), {
      message: /^Filter "deny" implements none of the phases that it declares \(which are none\)/,
    });
  });

  class Misspelt {
    complete(): void {}
    request_head(): number {
      return 0;
    }
  }
  class Inherited extends Misspelt {}
  const misspelt: readonly (readonly [name: string, phase: Phase, filter: object])[] = [
    ['requesthead', 'requestHead', { requesthead: () => 1 }],
    ['requesthead', 'requestHead', { requesthead: () => 1, requestHead: () => 0 }],
    ['RoutED', 'routed', { requestHead: () => 0, RoutED: () => 1 }],
    ['onRequestHead', 'requestHead', { onRequestHead: () => 1, complete: () => {} }],
    ['requestHeader', 'requestHead', { requestHeader: () => 1, complete: () => {} }],
    ['request_head', 'requestHead', new Misspelt()],
    ['request_head', 'requestHead', new Inherited()],
  ];
  for (const [name, phase, filter] of misspelt) {
    test(`refuses ${name} beside ${Object.keys(filter).join()}: it would never run`, () => {
      const made = factoryOf(['requestHead', 'complete'], () => filter);
      assert.throws(() => compileChain([made], apiBase()), {
        message:
          `Filter "deny" has "${name}", which is no phase: ` +
          `rename it to ${phase}, or it never runs`,
      });
    });
  }

  test('names of its own are no business of the contract', () => {
    class Counting {
      requestHeads = 0;
      get completed(): number {
        throw new Error('not to be run');
      }
      requestHead(): number {
        this.onRequestHead();
        return 0;
      }
      onRequestHead(): void {
        this.requestHeads++;
      }
    }
    const made = factoryOf(['requestHead', 'complete'], () => new Counting());
    assert.deepEqual(compileChain([made], apiBase()).requestHead.names, ['deny']);
  });

  const noFilters: readonly (readonly [created: unknown, told: RegExp])[] = [
    [undefined, /"deny" is undefined: create must return an object/],
    [5, /"deny" is a number: create must return an object/],
    [() => 0, /"deny" is a function: create must return an object/],
    [Promise.reject(new Error('late')), /"deny" is a promise: create must not be async/],
    [{ requestHead: 5 }, /"deny" has a phase requestHead that is no function/],
    [{ requestHead: null }, /"deny" has a phase requestHead that is no function/],
  ];
  noFilters.forEach(([created, message], index) => {
    test(`refuses what is no filter: ${index}`, () => {
      const made = factoryOf(['requestHead'], () => created);
      assert.throws(() => compileChain([made], apiBase()), { message });
    });
  });

  test('declaring more than a filter has is no error', () => {
    const chain = compileChain([factory('a', ['routed'], PHASES)], apiBase());
    assert.deepEqual(chain.routed.names, ['a']);
  });
});
