// The validator that a build writes says of every configuration what the one compiled here says.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { ValidateFunction } from 'ajv';
import { build } from 'esbuild';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { packageFile } from '#config/package-files.ts';
import { validate } from '#config/schema-validator.ts';
import { compiledValidator } from '#tools/build/compiled-validator.ts';

let directory: string;
let built: ValidateFunction;
let text: string;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mgw-validator-'));
  const outfile = join(directory, 'validator.mjs');
  await build({
    entryPoints: [packageFile('config/schema-validator.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    plugins: [compiledValidator],
  });
  text = readFileSync(outfile, 'utf8');
  ({ validate: built } = (await import(pathToFileURL(outfile).href)) as {
    validate: ValidateFunction;
  });
});

after(() => rmSync(directory, { recursive: true }));

/** What is wrong with `value`, by both. */
function check(value: unknown): void {
  assert.equal(built(value), validate(value));
  assert.deepEqual(built.errors ?? null, validate.errors ?? null);
}

describe('the validator of the built form', () => {
  test('needs no package', () => {
    assert.doesNotMatch(text, /^\s*import\b|Dynamic require/m);
  });

  test('profiles fit, and what is damaged is told alike', () => {
    for (const name of readdirSync(packageFile('profiles'))) {
      if (name.endsWith('.yaml')) {
        check(parse(readFileSync(join(packageFile('profiles'), name), 'utf8')));
      }
    }
    const api = { operationType: 'x', upstream: { name: 'a' } };
    const upstreams = { a: { protocol: 'http', hosts: ['127.0.0.1:1', '127.0.0.1:1'] } };
    for (const value of [
      {},
      null,
      [],
      { unknown: 1 },
      { apis: [api, { ...api, timeoutMs: -1 }, { operationType: 'é'.repeat(9000) }], upstreams },
      { upstreams: { 'not a name': upstreams.a, b: { protocol: 'smtp', hosts: [] } } },
      { listeners: { httpPort: 70000, adminPort: 'on', frameBytesMax: 1.5 } },
    ]) {
      check(value);
    }
  });

  test('property: any value', () => {
    const leaf = fc.oneof(fc.jsonValue(), fc.constantFrom('http', 'bolt', 'required', 8003, 'x'));
    const keys = ['apis', 'upstreams', 'listeners', 'runtime', 'limits', 'hosts', 'name', 'qps'];
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('node'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(fc.property(tree.node, check), { numRuns: 2000 });
  });
});
