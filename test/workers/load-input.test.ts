// What a snapshot names outside of itself: session keys, revocations, filter modules. Everything
// that is wrong is told at once, with the place in the configuration, and nothing is half loaded.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { formatKeyFile } from '#core/codec/session/keys.ts';
import type { GatewayInput } from '#core/gateway.ts';
import { LimitBook } from '#core/limit-places.ts';
import { checkConfig } from '#config/load.ts';
import { KEY_1 } from '#test/core/codec/session/harness.ts';
import { loadLaneConfig, openLaneConfig, type LoadedInput } from '#workers/load-input.ts';

const directory = mkdtempSync(join(tmpdir(), 'mgw-input-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const UPSTREAMS = { app: { protocol: 'http', hosts: ['127.0.0.1:1'] } };

async function load(value: Readonly<Record<string, unknown>>): Promise<LoadedInput<GatewayInput>> {
  const checked = await checkConfig({ upstreams: UPSTREAMS, ...value });
  assert.ok(checked.ok, JSON.stringify(checked));
  const loaded = await loadLaneConfig(checked.snapshot, directory, new LimitBook(() => 0));
  // As another thread gets it: nothing in it may be more than data.
  return loaded.ok
    ? openLaneConfig(structuredClone(loaded.input), new TypeScriptKernels())
    : loaded;
}

/** `path: message` of every problem; none when the input was loaded. */
async function problemsOf(value: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const result = await load(value);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
}

function write(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return name;
}

const GOOD_FILTER = `export const filters = [
  { name: 'mine', maturity: 'beta', phases: ['routed'], create: () => null },
];`;

describe('loadLaneConfig and openLaneConfig', () => {
  test('needs nothing when nothing is named', async () => {
    const result = await load({});
    assert.ok(result.ok);
    assert.deepEqual(result.input.customFilters, []);
  });

  test('reads keys by a name relative to the working directory', async () => {
    const keysFile = write('keys.json', formatKeyFile([KEY_1]));
    const result = await load({ sessions: { keysFile } });
    assert.ok(result.ok);
  });

  test('keys that are not there: the file, the reason, the command that makes one', async () => {
    const [problem] = await problemsOf({ sessions: { keysFile: 'missing.json' } });
    assert.match(problem!, /^sessions\.keysFile: .*"missing\.json".*ENOENT.*mgw session keygen/);
  });

  test('keys that are wrong: the place inside of the file', async () => {
    const keysFile = write('bad.json', '{"keys":[{"kid":1,"state":"odd","master":"x"}]}');
    const problems = await problemsOf({ sessions: { keysFile } });
    assert.ok(problems.length > 0);
    for (const problem of problems) assert.match(problem, /^sessions\.keysFile: bad\.json: /);
  });

  test('a key file that is no JSON: the file and the reason', async () => {
    const keysFile = write('text.json', 'no json');
    assert.deepEqual(await problemsOf({ sessions: { keysFile } }), [
      'sessions.keysFile: text.json: The key file is not JSON',
    ]);
  });

  test('loads a filter module and imports it by path', async () => {
    const module = write('good.mjs', GOOD_FILTER);
    const result = await load({ filters: { modules: [module] } });
    assert.ok(result.ok);
    assert.deepEqual(
      result.input.customFilters.map(({ name }) => name),
      ['mine'],
    );
  });

  const wrong: readonly (readonly [name: string, text: string])[] = [
    ['exports nothing', ''],
    ['exports no list', 'export const filters = {};'],
    ['has no name', 'export const filters = [{ phases: [], create() {} }];'],
    ['has an empty name', "export const filters = [{ name: '', phases: [], create() {} }];"],
    ['has no create', "export const filters = [{ name: 'a', phases: [] }];"],
    [
      'has a phase that is none',
      "export const filters = [{ name: 'a', phases: ['x'], create() {} }];",
    ],
    ['holds null', 'export const filters = [null];'],
  ];
  wrong.forEach(([name, text], index) => {
    test(`a module that ${name} is refused`, async () => {
      const module = write(`wrong-${index}.mjs`, text);
      const problems = await problemsOf({ filters: { modules: [module] } });
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, /^filters\.modules\[0\]: .*must export `filters`/);
    });
  });

  const unloadable: readonly (readonly [name: string, text: string, told: string])[] = [
    ['throws', "\n\nthrow new Error('no luck');", 'no luck (PATH:3)'],
    ['throws a text', "throw 'no luck';", 'no luck'],
    ['does not parse', 'export const = 1', "Unexpected token '='; `node PATH` shows the line"],
    ['imports what is not there', "import './gone.mjs';", "Cannot find module 'DIR/gone.mjs'"],
    [
      'imports a name that is not there',
      "\nimport { sep, nix } from 'node:path';",
      "The requested module 'node:path' does not provide an export named 'nix' (PATH:2)",
    ],
  ];
  unloadable.forEach(([name, text, told], index) => {
    test(`a module that ${name} says so, and where`, async () => {
      const module = write(`broken-${index}.mjs`, text);
      const [problem = '', ...others] = await problemsOf({ filters: { modules: [module] } });
      assert.deepEqual(others, []);
      const reason = told.replaceAll('PATH', join(directory, module)).replaceAll('DIR', directory);
      const start = `filters.modules[0]: Cannot load the filter module "${module}": ${reason}`;
      assert.ok(problem.startsWith(start), problem);
      assert.ok(!problem.includes('load-input'), problem);
    });
  });

  test('a module in TypeScript that does not parse names the line', async () => {
    const module = write('broken.ts', '\nexport const filters: = [];');
    const [problem = ''] = await problemsOf({ filters: { modules: [module] } });
    assert.ok(problem.includes('Cannot load the filter module "broken.ts": '), problem);
    assert.ok(problem.endsWith(` (${join(directory, module)}:2)`), problem);
  });

  test('a module that is no file says so, and what to do', async () => {
    assert.deepEqual(await problemsOf({ filters: { modules: ['gone.ts', '.'] } }), [
      `filters.modules[0]: Cannot load the filter module "gone.ts": ${directory}/gone.ts does ` +
        `not exist; correct the name (relative ones start from ${directory})`,
      `filters.modules[1]: Cannot load the filter module ".": ${directory} is a directory; name ` +
        'a file in it',
    ]);
  });

  test('tells everything that is wrong at once', async () => {
    const value = { sessions: { keysFile: 'missing.json' }, filters: { modules: ['gone.mjs'] } };
    const problems = await problemsOf(value);
    assert.deepEqual(
      problems.map((problem) => problem.split(':')[0]),
      ['sessions.keysFile', 'filters.modules[0]'],
    );
  });

  test('revocations become a table', async () => {
    const result = await load({ sessions: { revocations: { sids: ['ab'.repeat(16)] } } });
    assert.ok(result.ok, JSON.stringify(result));
  });
});
