// Which settings a running process takes from a changed configuration: those that the schema calls
// live, and no other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayConfig } from '#config/schema.ts';
import { listSettings } from '#config/settings.ts';
import { valueAt, type Tokens } from '#config/value-path.ts';
import { untilRestart } from '#workers/until-restart.ts';

/** Loaded whenever they are named. */
const EXCEPTIONS = ['filters.modules'];

const isPlain = (tokens: Tokens): boolean => tokens.every((token) => token !== '*');

/** A configuration whose every setting has the value `mark`; only its shape matters here. */
function marked(mark: string): GatewayConfig {
  const root: Record<string, Record<string, string>> = {};
  for (const { tokens } of listSettings()) {
    const [section, key] = tokens;
    if (tokens.length !== 2 || !isPlain(tokens)) continue;
    (root[section!] ??= {})[key!] = mark;
  }
  return root as unknown as GatewayConfig;
}

test('settings that need a restart stay, all others follow', () => {
  const followed = untilRestart(marked('start'), marked('next'));
  let checked = 0;
  for (const { tokens, node, path } of listSettings()) {
    const value = valueAt(followed, tokens);
    if (tokens.length !== 2 || value === undefined) continue;
    const stays = node.reload === 'restart' && !EXCEPTIONS.includes(path);
    assert.equal(value, stays ? 'start' : 'next', path);
    checked++;
  }
  assert.ok(checked > 30, `${checked} settings`);
});
