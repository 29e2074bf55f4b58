// Routing: one API among 5,000, by the bytes of its operation type.

import assert from 'node:assert/strict';
import { RequestMessage } from '#core/codec/message.ts';
import { compileChain } from '#core/pipeline/chain.ts';
import { SessionPolicy, StatusMode, type Api } from '#core/pipeline/api.ts';
import { Router } from '#core/routing/router.ts';
import { checked, type CorpusCase } from './corpus-case.ts';

const APIS = 5000;
const WANTED = 3210;

function createApi(index: number): Api {
  const api: Omit<Api, 'chain'> = {
    operationType: `bench.module${index % 97}.facade.operation${index}`,
    group: '',
    isEnabled: true,
    isDefault: false,
    isUnknown: false,
    // Tells which API was found.
    timeoutMs: index,
    sessionPolicy: SessionPolicy.none,
    acceptsCompact: true,
    acceptsLegacy: false,
    protocols: 0b11,
    channels: 0b110,
    isIdempotent: false,
    bodyRequired: false,
    bodyIsJson: false,
    bodyBytesMax: 1024,
    statusMode: StatusMode.code,
    language: 'en',
    isPathRouted: false,
    limit: null,
    requestHeaders: { add: [], remove: [] },
    responseHeaders: { add: [], remove: [] },
    target: null,
    recorder: { record: () => {} },
  };
  return { ...api, chain: compileChain([], api) };
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
