// The routing table against a Map: thousands of APIs, names that almost collide, the default API,
// names in paths.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { RequestMessage } from '#core/codec/message.ts';
import type { Api } from '#core/pipeline/api.ts';
import { Router } from '#core/routing/router.ts';
import { makeApi } from '#test/core/pipeline/support/make-api.ts';

const unknownApi = makeApi({ operationType: '', isUnknown: true });
const defaultApi = makeApi({ operationType: '*', isDefault: true });

function routerOf(apis: readonly Api[]): Router {
  return new Router({ revision: 7, apis, unknownApi });
}

function named(operationType: string, isPathRouted = false): Api {
  return makeApi({ operationType, isPathRouted });
}

const message = new RequestMessage();

function find(router: Router, name: string, isPathRouted = false): Api {
  message.reset();
  message.source = Buffer.from(`##${name}##`, 'latin1');
  message.operationOffset = 2;
  message.operationLength = name.length;
  message.isPathRouted = isPathRouted;
  return router.find(message);
}

describe('Router', () => {
  test('finds each of 5,000 APIs, and nothing that differs in one place', () => {
    const apis = Array.from({ length: 5000 }, (_, index) =>
      named(`com.shop.order.v1.call${index}`),
    );
    const router = routerOf(apis);
    for (const api of apis) {
      const name = api.operationType;
      assert.equal(find(router, name), api);
      assert.equal(find(router, `${name}.`), unknownApi);
      assert.equal(find(router, name.slice(1)), unknownApi);
      assert.equal(find(router, name.replace('call', 'cal1')), unknownApi);
      assert.equal(find(router, name.toUpperCase()), unknownApi);
    }
  });

  test('property: finds what a Map finds, for names over few letters', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 100 }), fc.array(name), (names, asked) => {
        const apis = names.map((text) => named(text));
        const byName = new Map(apis.map((api) => [api.operationType, api]));
        const router = routerOf(apis);
        for (const text of [...names, ...asked]) {
          assert.equal(find(router, text), byName.get(text) ?? unknownApi);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('without a name there is no API, not even the default one', () => {
    assert.equal(find(routerOf([defaultApi]), ''), unknownApi);
  });

  test('the default API takes every name that is one', () => {
    const api = named('known');
    const router = routerOf([defaultApi, api]);
    assert.equal(router.defaultApi, defaultApi);
    assert.equal(find(router, 'known'), api);
    assert.equal(find(router, 'un-known_1.X'), defaultApi);
    for (const name of ['.', '..', '...', 'a/b', 'a b', 'a?b', 'a#', '..%2f', 'a\r\nb', 'ä', '*']) {
      assert.equal(find(router, name), unknownApi, JSON.stringify(name));
    }
  });

  test('LIMIT: the default API takes names of up to 128 bytes', () => {
    const router = routerOf([defaultApi]);
    assert.equal(find(router, 'a'.repeat(128)), defaultApi);
    assert.equal(find(router, 'a'.repeat(129)), unknownApi);
  });

  test('a name in a path finds APIs that are open by path, and no others', () => {
    const open = named('open', true);
    const closed = named('closed');
    const router = routerOf([defaultApi, open, closed]);
    assert.equal(find(router, 'open', true), open);
    assert.equal(find(router, 'open', false), open);
    assert.equal(find(router, 'closed', true), unknownApi);
    assert.equal(find(router, 'other', true), unknownApi);
  });

  test('an empty table knows nothing', () => {
    const router = routerOf([]);
    assert.equal(router.defaultApi, null);
    assert.equal(find(router, 'a'), unknownApi);
    assert.equal(router.revision, 7);
  });
});
