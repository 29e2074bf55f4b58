// From checked configuration to compiled APIs: every setting arrives where requests look for it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileRouter } from '#core/compile-router.ts';
import { bucketAt, LimitBook } from '#core/limit-places.ts';
import { SessionPolicy, StatusMode, type Api } from '#core/pipeline/api.ts';
import type { Router } from '#core/routing/router.ts';
import { checkConfig } from '#config/load.ts';

type ConfigValue = Readonly<Record<string, unknown>>;

const RECORDER = { record: () => {} };

async function compile(
  apis: readonly ConfigValue[],
  book = new LimitBook(() => 0),
  more: ConfigValue = {},
): Promise<Router> {
  const checked = await checkConfig({
    upstreams: { app: { protocol: 'http', hosts: ['127.0.0.1:1'] } },
    apis,
    ...more,
  });
  assert.ok(checked.ok, JSON.stringify(checked));
  const { config, apis: resolved } = checked.snapshot;
  const places = book.assign(resolved);
  book.use();
  return compileRouter({
    config,
    apis: resolved,
    factories: [],
    bucketOf: (name, limit) => bucketAt(places, name, limit),
    compileTarget: () => null,
    recorderOf: () => RECORDER,
    unknownRecorder: RECORDER,
  });
}

async function compileOne(api: ConfigValue): Promise<Api> {
  const router = await compile([{ operationType: 'a.b', ...api }]);
  const found = router.apis.find(({ operationType }) => operationType === 'a.b');
  assert.ok(found !== undefined);
  return found;
}

describe('compileRouter', () => {
  test('an API that says nothing is open to everyone without a session', async () => {
    const api = await compileOne({});
    assert.equal(api.isEnabled, true);
    assert.equal(api.isDefault, false);
    assert.equal(api.isUnknown, false);
    assert.equal(api.timeoutMs, 3000);
    assert.equal(api.protocols, 0b11);
    assert.equal(api.channels, 0b110);
    assert.equal(api.limit, null);
    assert.equal(api.isPathRouted, false);
    assert.equal(api.statusMode, StatusMode.code);
  });

  test('sessions, channels and protocols become numbers and bits', async () => {
    const policies = ['none', 'optional', 'required'] as const;
    for (const session of policies) {
      const { sessionPolicy } = await compileOne({ session });
      assert.equal(sessionPolicy, SessionPolicy[session]);
    }
    const api = await compileOne({ protocols: ['http'], channels: ['pc'], statusMode: 'http' });
    assert.equal(api.protocols, 0b10);
    assert.equal(api.channels, 0b100);
    assert.equal(api.statusMode, StatusMode.http);
    assert.equal((await compileOne({ protocols: ['mmtp'] })).protocols, 0b01);
    assert.equal((await compileOne({ channels: ['wireless'] })).channels, 0b010);
  });

  test('the API * is the default one', async () => {
    const router = await compile([{ operationType: '*' }]);
    assert.equal(router.defaultApi?.isDefault, true);
  });

  test('what is not there stands for itself and has no target', async () => {
    const { unknownApi } = await compile([], undefined, { runtime: { language: 'zh' } });
    assert.equal(unknownApi.isUnknown, true);
    assert.equal(unknownApi.target, null);
    assert.equal(unknownApi.language, 'zh');
  });

  test('header rules are in lower case where names are compared', async () => {
    const headers = { request: { add: { 'X-A': '1' }, remove: ['X-B'] } };
    const { requestHeaders } = await compileOne({ headers });
    assert.deepEqual(requestHeaders.add, [['X-A', '1']]);
    assert.deepEqual(requestHeaders.remove, ['x-b']);
  });

  test('a limit keeps the bucket of its operation type, one of another size does not', async () => {
    const book = new LimitBook(() => 0);
    const limitOf = async (burst: number) => {
      const apis = [{ operationType: 'a.b', limit: { qps: 1, burst } }];
      const router = await compile(apis, book);
      return router.apis.find(({ operationType }) => operationType === 'a.b')!.limit!;
    };
    const [one, two, larger] = [await limitOf(2), await limitOf(2), await limitOf(3)];
    const taken = [one, two, one, larger, larger].map(({ bucket }) => bucket.tryTake(0));
    assert.deepEqual(taken, [true, true, false, true, true]);
    assert.equal(two.bucket.limited, 1);
    assert.equal(one.mode, 'block');
    assert.equal(one.answer, null);
  });

  test('the answer of a limit is laid out as bytes', async () => {
    const response = { result: '{"queue":3}', tips: 'wait', resultStatus: 1002 };
    const { limit } = await compileOne({ limit: { qps: 1, burst: 1, response } });
    assert.equal(limit?.answer?.body.toString(), '{"queue":3}');
    assert.equal(limit?.answer?.tips, 'wait');
  });
});
