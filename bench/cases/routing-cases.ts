// Routing: one API among 5,000, by the bytes of its operation type.

import assert from 'node:assert/strict';
import { RequestMessage } from '#core/codec/message.ts';
import type { Api } from '#core/pipeline/api.ts';
import { Router } from '#core/routing/router.ts';
import { makeApi } from '#test/core/pipeline/support/make-api.ts';
import { checked, type CorpusCase } from './corpus-case.ts';

const APIS = 5000;
const WANTED = 3210;

function createApi(index: number): Api {
  return makeApi({
    operationType: `bench.module${index % 97}.facade.operation${index}`,
    // Tells which API was found.
    timeoutMs: index,
  });
}

export const routingCases: readonly CorpusCase[] = [
  {
    name: 'router',
    prepare() {
      const apis = Array.from({ length: APIS }, (_, index) => createApi(index));
      const unknownApi = { ...createApi(APIS), isUnknown: true };
      const router = new Router({ revision: 1, apis, unknownApi });
      const request = new RequestMessage();
      request.source = Buffer.from(`..${apis[WANTED]!.operationType}..`, 'latin1');
      request.operationOffset = 2;
      request.operationLength = request.source.length - 4;
      const operation = checked(() => router.find(request).timeoutMs, WANTED);
      request.operationLength--;
      assert.equal(router.find(request).timeoutMs, APIS);
      request.operationLength++;
      return operation;
    },
  },
];
