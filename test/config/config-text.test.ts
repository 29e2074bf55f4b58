// The text of a configuration file, YAML or JSON: what is wrong with it as text, with lines.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfigText } from '#config/config-text.ts';
import { loadConfig, snapshotFromText } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import { dottedTokens } from '#config/value-path.ts';

const BUILT_IN = { name: '', value: { upstreams: { a: { protocol: 'http', hosts: ['h:1'] } } } };
const TWICE = 'is there twice; put both parts under one, or remove one';

async function problemsOf(text: string, fileName = 'f.yaml'): Promise<readonly string[]> {
  const loaded = await loadConfig({ argv: [], env: {}, cwd: '/', builtIn: BUILT_IN });
  assert.ok(loaded.ok);
  const result = await snapshotFromText(text, loaded.base, fileName);
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('JSON', () => {
  test('problems have lines too, with tabs and spaces', async () => {
    const text =
      '{\n\t"upstreams": {"a": {"protocol": "http", "hosts": ["h:1"]}},\n' +
      '\t"apis": [\n\t\t{"a": 1}\n\t]\n}';
    assert.deepEqual(await problemsOf(text, 'f.json'), [
      'f.json:4: apis[0].operationType: is missing; ' +
        'give 1 to 128 of A-Z a-z 0-9 . _ - (or "*" alone)',
      'f.json:4: apis[0].a: unknown key; known: ' +
        '"operationType", "group", "enabled", "upstream", "timeoutMs", "session", "accept", ' +
        '"protocols", "channels", "limit", "headers", "statusMode", "language", "idempotent", ' +
        '"body"',
    ]);
  });

  test('is JSON and not YAML', async () => {
    for (const text of ['{\n"a": 1,\n}', "{\n\n'a': 1}", '{\n"a": 1 # one\n\n}', 'a:\n  b: 1']) {
      const problems = await problemsOf(text, 'f.json');
      assert.match(problems.join(), /^f\.json:[123]: not JSON: /);
    }
    assert.match((await problemsOf('{"a": 1', 'f.json')).join(), /^f\.json:1: not JSON: /);
  });

  test('with the same key twice is refused', async () => {
    const problems = await problemsOf('{"revision": 1,\n "revision": 2}', 'f.json');
    assert.deepEqual(problems, [`f.json:2: the key "revision" ${TWICE}`]);
  });

  test('that is empty or no map is refused with the name of the file', async () => {
    for (const text of ['', '\n', 'null']) {
      const parsed = await parseConfigText(text, 'f.json');
      assert.deepEqual(parsed.ok && parsed.value, {}, text);
    }
    assert.match((await problemsOf('[1]', 'f.json')).join(), /^f\.json: the file is a list; give/);
  });
});

describe('YAML', () => {
  test('with the same key twice is refused', async () => {
    const cases: Readonly<Record<string, string>> = {
      'a: 1\na: 2': 'a',
      '"b c": 1\n"b c": 2': 'b c',
      "x: 1\n'x': 2": 'x',
      [`${'k'.repeat(99)}: 1\n${'k'.repeat(99)}: 2`]: `${'k'.repeat(64)}...`,
    };
    for (const [text, key] of Object.entries(cases)) {
      assert.deepEqual(await problemsOf(text), [`f.yaml:2: the key "${key}" ${TWICE}`]);
    }
  });

  test('that is no map is refused with the name of the file', async () => {
    const wanted = 'give a map of settings, such as "upstreams: ..."';
    assert.deepEqual(await problemsOf('- a\n- b'), [`f.yaml: the file is a list; ${wanted}`]);
    assert.deepEqual(await problemsOf('42'), [`f.yaml: the file is a single value; ${wanted}`]);
  });

  test('nested too deeply says so, once', async () => {
    const deep = '['.repeat(20_000) + ']'.repeat(20_000);
    for (const [text, name] of [
      [`a: ${deep}`, 'f.yaml'],
      [`{"a": ${deep}}`, 'f.json'],
    ] as const) {
      const problems = await problemsOf(text, name);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, /^f\.\w+: the file is nested too deeply; /);
    }
  });

  test('syntax errors have lines', async () => {
    assert.match((await problemsOf('a: 1\nb: [1\nc: 2')).join(), /^f\.yaml:3: /);
    assert.match((await problemsOf('a: 1\n\ta: 1')).join(), /^f\.yaml:2: /);
    assert.match(
      (await problemsOf('a: 1\n--- \nb: 1')).join(),
      /^f\.yaml:\d: .*multiple documents/,
    );
    assert.match(
      (await problemsOf('a: 1\nb: !!js/function x')).join(),
      /^f\.yaml:2: Unresolved tag/,
    );
  });

  test('keys that are no texts are refused', async () => {
    const problems = await problemsOf('a: 1\n? [b, c]\n: 2');
    assert.match(problems.join(), /^f\.yaml:2: .*keys must be strings/);
  });

  test('aliases cannot multiply a small text', async () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      return `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}]`;
    });
    const problems = await problemsOf(['l0: &l0 [x]', ...levels].join('\n'));
    assert.match(problems.join(), /alias/i);
  });

  test('lines follow aliases to where the value stands', async () => {
    const text = 'a: &x\n  b:\n    c: 1\nd: *x\n';
    const parsed = await parseConfigText(text, 'f.yaml');
    assert.ok(parsed.ok);
    assert.equal(parsed.lineOf(dottedTokens('d.b.c')), 3);
    assert.equal(parsed.lineOf(dottedTokens('d')), 4);
    assert.equal(parsed.lineOf(dottedTokens('d.none')), 4);
  });

  test('an empty file is an empty configuration', async () => {
    for (const text of ['', '# nothing\n', '---\n']) {
      const parsed = await parseConfigText(text, 'f.yaml');
      assert.deepEqual(parsed.ok && parsed.value, {});
    }
  });
});
