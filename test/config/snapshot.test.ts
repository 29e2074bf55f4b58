// Snapshots: frozen, with a hash that depends on nothing but the values, and equal after every
// way out and back in. Also what is made of them: masks, explanations, restart lists.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { changesNeedingRestart, explain } from '#config/explain.ts';
import { checkConfig, loadConfig, snapshotFromText, snapshotFromValue } from '#config/load.ts';
import type { ConfigBase } from '#config/load.ts';
import { maskSecrets } from '#config/mask.ts';
import { formatProblem } from '#config/problem.ts';
import { canonicalJson } from '#config/snapshot.ts';
import type { ConfigSnapshot, SnapshotResult } from '#config/snapshot.ts';
import { visitLeaves } from '#config/value-path.ts';
import { validConfig } from './valid-config.ts';

function snapshotOf(result: SnapshotResult): ConfigSnapshot {
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join('\n'));
  return result.snapshot;
}

async function plainBase(): Promise<ConfigBase> {
  const argv = ['--upstream=app=http://127.0.0.1:9000'];
  const loaded = await loadConfig({ argv, env: {}, cwd: '/' });
  assert.ok(loaded.ok);
  return { ...loaded.base, flags: loaded.base.env };
}

const APP = { upstreams: { app: { protocol: 'http', hosts: ['127.0.0.1:9000'] } } };

function withSecret(secret: string): unknown {
  const headers = { request: { add: { Authorization: secret } } };
  return { ...APP, apis: [{ operationType: 'a', headers }] };
}

describe('a snapshot', () => {
  test('is frozen to the last value', async () => {
    const given = structuredClone(APP);
    const snapshot = snapshotOf(await checkConfig(given));
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      assert.ok(Object.isFrozen(value));
      Object.values(value).forEach(check);
    };
    check(snapshot);
    check(snapshot.config);
    check(snapshot.apis);
    assert.throws(() => Object.assign(snapshot.config.runtime, { zone: 'x' }), TypeError);
    assert.equal(Object.isFrozen(given.upstreams), false);
  });

  test('does not share anything with the value it was made from', async () => {
    const given = structuredClone(APP);
    const { config } = snapshotOf(await checkConfig(given));
    given.upstreams.app.hosts.push('127.0.0.1:1');
    assert.deepEqual(config.upstreams['app']?.hosts, ['127.0.0.1:9000']);
  });

  test('has a hash of its values and not of their order or spelling', async () => {
    const base = await plainBase();
    const hashOf = async (text: string, name: string) =>
      snapshotOf(await snapshotFromText(text, base, name)).hash;
    const yaml =
      'runtime: {zone: z, app: y}\nupstreams: {app: {hosts: [h:1], protocol: http}}\n' +
      'groups: {b: {}, a: {}}';
    const json =
      '{"upstreams":{"app":{"protocol":"http","hosts":["h:1"],"waitMs":3000}},' +
      '"runtime":{"app":"y","zone":"z"},"groups":{"a":{},"b":{}}}';
    const hash = await hashOf(yaml, 'f.yaml');
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.equal(await hashOf(json, 'f.json'), hash);
    assert.notEqual(await hashOf(yaml.replace('zone: z', 'zone: a'), 'f.yaml'), hash);
  });

  test('survives JSON and snapshotFromValue, whatever the configuration', async () => {
    const base = await plainBase();
    await fc.assert(
      fc.asyncProperty(validConfig, async (value) => {
        const first = snapshotOf(await checkConfig(value));
        const text = JSON.stringify(first.config);
        const second = snapshotOf(await snapshotFromValue(JSON.parse(text), base));
        assert.deepEqual(second.config, first.config);
        assert.equal(second.hash, first.hash);
        assert.deepEqual(second.apis, first.apis);
        const third = snapshotOf(await snapshotFromText(text, base, 'f.json'));
        assert.equal(third.hash, first.hash);
      }),
      { numRuns: 100 },
    );
  });

  test('knows the source of every value', async () => {
    await fc.assert(
      fc.asyncProperty(validConfig, async (value) => {
        const { config, origins } = snapshotOf(await checkConfig(value, 'given'));
        let leaves = 0;
        visitLeaves(config, () => leaves++);
        assert.equal(origins.size, leaves);
        visitLeaves(value, (tokens, leaf) => {
          if (tokens.length !== 2 || typeof leaf === 'object') return;
          const entry = origins.get(tokens.join('.'));
          assert.deepEqual(entry, { value: leaf, origin: 'file', where: 'given' });
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe('checkConfig', () => {
  test('throws on nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        assert.equal((await checkConfig(value)).ok, false);
      }),
      { numRuns: 200 },
    );
  });

  test('throws on nothing when one value of a valid configuration is replaced', async () => {
    const paths = fc.nat({ max: 200 });
    await fc.assert(
      fc.asyncProperty(validConfig, paths, fc.jsonValue({ maxDepth: 2 }), async (...drawn) => {
        const [value, index, other] = drawn;
        const result = await checkConfig(replaceNode(value, index, other));
        if (!result.ok) assert.ok(result.problems.length > 0);
      }),
      { numRuns: 200 },
    );
  });
});

/** A copy with the `index`th value, counted depth first, replaced. */
function replaceNode(root: unknown, index: number, other: unknown): unknown {
  let count = 0;
  const text = JSON.stringify(root, (_key, value: unknown) => (count++ === index ? other : value));
  return JSON.parse(text ?? 'null');
}

describe('maskSecrets', () => {
  test('hides header values and nothing else', async () => {
    const { config } = snapshotOf(await checkConfig(withSecret('Bearer abc')));
    const masked = maskSecrets(config);
    assert.ok(!JSON.stringify(masked).includes('abc'));
    assert.deepEqual(masked.apis[0]?.headers?.request.add, { Authorization: '***' });
    const expected = JSON.stringify(config).replace('Bearer abc', '***');
    assert.equal(canonicalJson(masked), canonicalJson(JSON.parse(expected)));
    assert.equal(config.apis[0]?.headers?.request.add['Authorization'], 'Bearer abc');
  });
});

describe('explain', () => {
  test('lists every value with its source and hides secrets', async () => {
    const rows = explain(snapshotOf(await checkConfig(withSecret('abc'), 'given')));
    const row = (path: string) => rows.find((candidate) => candidate.path === path);
    assert.deepEqual(row('upstreams.app.hosts'), {
      path: 'upstreams.app.hosts',
      value: '["127.0.0.1:9000"]',
      origin: 'file',
      where: 'given',
      description: 'Hosts as HOST:PORT; with `balance: first` the first is preferred.',
    });
    assert.equal(row('limits.timeoutMs')?.origin, 'default');
    assert.equal(row('apis[0].headers.request.add.Authorization')?.value, '"***"');
    assert.ok(rows.every(({ value }) => !value.includes('abc')));
    assert.equal(rows[0]?.path, 'revision');
  });
});

describe('changesNeedingRestart', () => {
  test('names what a running process cannot take over', async () => {
    const before = snapshotOf(await checkConfig(APP)).config;
    const changed = {
      ...APP,
      revision: 2,
      listeners: { httpPort: 1, trustedPeers: ['10.0.0.0/8'] },
      limits: { timeoutMs: 5 },
    };
    const after = snapshotOf(await checkConfig(changed)).config;
    const expected = ['listeners.httpPort', 'listeners.trustedPeers'];
    assert.deepEqual(changesNeedingRestart(before, after), expected);
    assert.deepEqual(changesNeedingRestart(before, before), []);
  });
});
