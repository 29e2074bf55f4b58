// Inheritance of API settings: API over group over the whole.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkConfig } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import type { ResolvedApi } from '#config/resolve-api.ts';

const UPSTREAMS = {
  app: { protocol: 'http', hosts: ['h:1'] },
  pay: { protocol: 'http', hosts: ['h:2'] },
};

async function resolve(value: object): Promise<readonly ResolvedApi[]> {
  const result = await checkConfig({ upstreams: UPSTREAMS, ...value });
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join('\n'));
  return result.snapshot.apis;
}

describe('resolveApis', () => {
  test('takes each setting from the API, else its group, else the whole', async () => {
    const whole = {
      limits: { timeoutMs: 1, default: { qps: 0.5 } },
      sessions: { rule: 'none', accept: ['legacy'] },
      runtime: { language: 'zh' },
    };
    const shared = {
      timeoutMs: 2,
      session: 'optional',
      accept: ['compact'],
      limit: { qps: 20 },
      language: 'en',
      statusMode: 'http',
      protocols: ['mmtp'],
      channels: ['pc'],
    };
    const groups = { g: { upstream: 'pay', ...shared }, empty: { upstream: 'app' } };
    const own = { timeoutMs: 3, session: 'none', limit: { qps: 30, burst: 5 }, channels: [] };
    const apis = [
      { operationType: 'own', group: 'g', upstream: { name: 'app', path: '/p' }, ...own },
      { operationType: 'group', group: 'g' },
      { operationType: 'whole', group: 'empty' },
    ];
    const [first, second, third] = await resolve({ ...whole, groups, apis });
    const pick = (api: ResolvedApi | undefined) => {
      assert.ok(api);
      const { upstream, timeoutMs, session, accept, language, statusMode, channels } = api;
      const limit = api.limit && [api.limit.qps, api.limit.burst, api.limit.mode];
      return [upstream, timeoutMs, session, accept, language, statusMode, channels, limit];
    };
    const block = 'block';
    assert.deepEqual(pick(first), [
      'app',
      3,
      'none',
      ['compact'],
      'en',
      'http',
      [],
      [30, 5, block],
    ]);
    assert.deepEqual(pick(second), [
      'pay',
      2,
      'optional',
      ['compact'],
      'en',
      'http',
      ['pc'],
      [20, 20, block],
    ]);
    assert.deepEqual(pick(third), [
      'app',
      1,
      'none',
      ['legacy'],
      'zh',
      'code',
      ['wireless', 'pc'],
      [0.5, 1, block],
    ]);
    assert.deepEqual([first?.path, second?.path], ['/p', '']);
  });

  test('drops limits that are switched off', async () => {
    const apis = [{ operationType: 'a', limit: { qps: 1, mode: 'closed' } }];
    const [api] = await resolve({ upstreams: { app: UPSTREAMS.app }, apis });
    assert.equal(api?.limit, undefined);
  });

  test('joins header changes, the value of the API before that of the group', async () => {
    const group = {
      request: { add: { 'X-A': 'g', 'x-b': 'g', 'X-C': 'g' }, remove: ['Cookie'] },
      response: {},
    };
    const own = {
      request: { add: { 'x-a': 'api', 'X-B': 'api' }, remove: ['Cookie', 'X-Old'] },
      response: {},
    };
    const groups = { g: { upstream: 'app', headers: group } };
    const [api] = await resolve({
      groups,
      apis: [{ operationType: 'a', group: 'g', headers: own }],
    });
    assert.deepEqual(api?.requestHeaders, {
      add: { 'X-C': 'g', 'x-a': 'api', 'X-B': 'api' },
      remove: ['Cookie', 'X-Old'],
    });
    assert.deepEqual(api?.responseHeaders, { add: {}, remove: [] });
  });
});
