// The profiles that come with the gateway: each loads, says for whom it is, and says for every
// value why it is not the default.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import { listProfiles } from '#config/profiles.ts';
import { schemaAt } from '#config/settings.ts';
import { readProfileSheets } from '#tools/profile-reference.ts';

const REQUIRED = [
  'access',
  'central',
  'double11',
  'latency',
  'sidecar-large',
  'sidecar-small',
  'throughput',
];

const UPSTREAM = ['--upstream', 'app=http://127.0.0.1:9000'];

describe('profiles', () => {
  test('are those that people are told of', async () => {
    const names = (await listProfiles()).map(({ name }) => name);
    assert.deepEqual(names, REQUIRED);
  });

  for (const name of REQUIRED) {
    test(`"${name}" is a sound configuration without warnings`, async () => {
      const argv = [...UPSTREAM, '--profile', name];
      const loaded = await loadConfig({ argv, env: {}, cwd: '.' });
      assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'));
      assert.deepEqual(loaded.snapshot.warnings, []);
      const origins = [...loaded.snapshot.origins.values()].map(({ origin }) => origin);
      assert.ok(origins.includes('profile'));
    });
  }

  test('say for whom they are and why each value differs', async () => {
    for (const { name, description, settings } of await readProfileSheets()) {
      assert.ok(description.length > 60, `${name} does not say for whom it is`);
      assert.ok(settings.length > 0, name);
      const reasons = new Set<string>();
      for (const { tokens, value, reason } of settings) {
        const place = `${name}: ${tokens.join('.')}`;
        assert.ok(reason.length > 15, `${place} has no reason`);
        assert.ok(!reasons.has(reason), `${place} has the reason of another value`);
        reasons.add(reason);
        const standard = schemaAt(tokens)?.default;
        // Said all the same by who means several cores, so that nobody has to know the default.
        const mayRepeat = tokens.join('.') === 'runtime.workers' && value === 'auto';
        assert.ok(mayRepeat || value !== standard, `${place} is the default`);
      }
    }
  });

  test('are weaker than everything else', async () => {
    const argv = [...UPSTREAM, '--profile=double11', '--timeout-ms=7'];
    const env = { MGW_SESSION_CACHE: '3' };
    const loaded = await loadConfig({ argv, env, cwd: '.' });
    assert.ok(loaded.ok);
    const { config, origins } = loaded.snapshot;
    assert.deepEqual([config.limits.timeoutMs, config.sessions.cacheEntries], [7, 3]);
    assert.equal(origins.get('telemetry.logLevel')?.origin, 'profile');
    assert.match(origins.get('telemetry.logLevel')?.where ?? '', /^profiles\/double11\.yaml:\d+$/);
  });
});
