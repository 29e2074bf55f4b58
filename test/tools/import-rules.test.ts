// The import table holds in the whole repository, and its checker finds every way to break it. The
// planted files below exist only as text.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkImports, importsOf, roomOf } from '#tools/tidy/import-rules.ts';
import { ROOMS } from '#tools/tidy/import-table.ts';
import { readSources, sourceFile } from '#tools/tidy/source-file.ts';
import { formatViolation, ROOT } from '#tools/tidy.ts';

const sources = readSources(ROOT, ['.ts']);

function problemsOf(path: string, text: string): readonly string[] {
  return checkImports(sourceFile(path, text)).map(({ message }) => message);
}

describe('the import table', () => {
  test('holds for every file of the repository', () => {
    assert.ok(sources.length > 100, 'the repository was not found');
    assert.deepEqual(sources.flatMap(checkImports).map(formatViolation), []);
  });

  test('has a room for every file that is not at the root', () => {
    const homeless = sources.filter(({ path }) => path.includes('/') && roomOf(path) === null);
    assert.deepEqual(homeless, []);
  });

  test('names only rooms that have a row or a file', () => {
    const paths = sources.map(({ path }) => path);
    const known = (prefix: string): boolean =>
      ROOMS.some((room) => room.prefix.startsWith(prefix)) ||
      paths.some((path) => path.startsWith(prefix));
    const unknown = ROOMS.flatMap(({ values, types }) => [...values, ...types]).filter(
      (prefix) => !known(prefix),
    );
    assert.deepEqual(unknown, []);
  });
});

/** What must not be written, where, and what the checker says about it. */
const FORBIDDEN: readonly (readonly [path: string, text: string, says: RegExp])[] = [
  ['core/base/x.ts', "import { x } from '#core/codec/message.ts';", /core\/base\/ must not import/],
  ['core/base/x.ts', "import { Socket } from 'node:net';", /must not use node:net/],
  ['core/base/x.ts', "import { Worker } from 'node:worker_threads';", /must not use/],
  ['core/codec/http1/x.ts', "import { x } from '#core/pipeline/api.ts';", /core\/codec\/ must/],
  ['core/codec/x.ts', "import { setTimeout } from 'node:timers/promises';", /must not use/],
  ['core/codec/x.ts', "import { readFile } from 'node:fs/promises';", /must not use/],
  ['core/pipeline/x.ts', "import { x } from '#core/codec/kernels.ts';", /may name types only/],
  ['core/pipeline/chain.ts', "import { x } from './filters/api/filter.ts';", /must not import/],
  ['core/pipeline/filters/a/filter.ts', "import { x } from '../b/filter.ts';", /must not import/],
  ['core/pipeline/filters/a/f.ts', "import { x } from '../../registry.ts';", /must not import/],
  ['core/pipeline/filters/a/f.ts', "import { x } from '#core/exchange/x.ts';", /must not import/],
  ['core/routing/x.ts', "import { x } from '#core/pipeline/api.ts';", /may name types only/],
  ['core/telemetry/x.ts', "import { x } from '#core/exchange/brakes.ts';", /must not import/],
  ['core/downstream/x.ts', "import { x } from '#core/upstream/contract.ts';", /must not import/],
  ['core/upstream/x.ts', "import type { x } from '#core/downstream/x.ts';", /must not import/],
  ['core/upstream/x.ts', "import { connect } from 'node:net';", /must not use node:net/],
  ['core/exchange/x.ts', "import { x } from '#config/load.ts';", /may name types only/],
  ['core/gateway.ts', "import { x } from '#config/load.ts';", /may name types only/],
  ['core/gateway.ts', "import { x } from '#workers/acceptor.ts';", /must not import/],
  ['workers/x.ts', "import { x } from '#config/load.ts';", /may name types only/],
  ['workers/x.ts', "import { x } from '#cli/io.ts';", /must not import/],
  ['access/x.ts', "import { x } from '#core/pipeline/api.ts';", /must not import/],
  ['control/x.ts', "import { x } from '#core/gateway.ts';", /must not import/],
  ['native/x.ts', "import { x } from '#core/codec/message.ts';", /must not import/],
  ['config/x.ts', "import { x } from '#cli/io.ts';", /must not import/],
  ['tools/x.ts', "import { x } from '#test/peers/raw.ts';", /must not import/],
  ['core/base/x.ts', "await import('#core/gateway.ts');", /must not import/],
  ['core/base/x.ts', "import '#core/gateway.ts';", /must not import/],
  ['workers/x.ts', "import { x } from '../core/gateway.ts';", /write "#core\/gateway.ts"/],
  ['core/base/x.ts', "export { x } from './clock.ts';", /passes on names/],
  ['core/base/x.ts', "export * from './clock.ts';", /passes on names/],
  ['core/base/x.ts', "import {\n  x,\n  y,\n} from '#core/gateway.ts';", /must not import/],
  ['core/base/x.ts', "import { type A, b } from '#core/gateway.ts';", /must not import/],
];

const ALLOWED: readonly (readonly [path: string, text: string])[] = [
  ['core/base/x.ts', "import type { Socket } from 'node:net';"],
  ['core/base/x.ts', "import { y } from './clock.ts';"],
  ['core/codec/x.ts', "import { y } from '#core/base/errors.ts';"],
  ['core/pipeline/x.ts', "import { y } from '#core/codec/message.ts';"],
  ['core/pipeline/x.ts', "import type { y } from '#core/codec/kernels.ts';"],
  ['core/pipeline/registry.ts', "import { y } from './filters/api/filter.ts';"],
  ['core/pipeline/filters/a/f.ts', "import { y } from './other.ts';"],
  ['core/pipeline/filters/a/f.ts', "import { y } from '../../filter.ts';"],
  ['core/pipeline/filters/a/f.test.ts', "import { y } from '#test/core/support.ts';"],
  ['core/pipeline/filters/a/f.test.ts', "import { y } from './filter.ts';"],
  ['core/routing/x.ts', "import { type A, type B } from '#core/pipeline/api.ts';"],
  ['core/gateway.ts', "import { y } from '#core/upstream/backoff.ts';"],
  ['core/clusters.ts', "import { y } from './upstream/backoff.ts';"],
  ['workers/admin/x.ts', "import { y } from '#config/load.ts';"],
  ['cli/x.ts', "import { y } from '#workers/acceptor.ts';"],
  ['bench/x.ts', "import { y } from '#cli/io.ts';"],
  ['test/x.test.ts', "import { y } from '#tools/tidy.ts';"],
];

describe('checkImports', () => {
  for (const [path, text, says] of FORBIDDEN) {
    test(`refuses ${JSON.stringify(text)} in ${path}`, () => {
      const problems = problemsOf(path, text);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0]!, says);
    });
  }

  for (const [path, text] of ALLOWED) {
    test(`takes ${JSON.stringify(text)} in ${path}`, () => {
      assert.deepEqual(problemsOf(path, text), []);
    });
  }

  test('tells the line of the import', () => {
    const text = "// Head.\n\nimport { a } from './a.ts';\nimport { b } from '#core/gateway.ts';\n";
    const [violation] = checkImports(sourceFile('core/base/x.ts', text));
    assert.equal(violation?.line, 4);
  });
});

describe('importsOf', () => {
  test('does not take strings and comments of code for imports', () => {
    const text = "const a = \"x from 'y'\";\n// import { x } from 'z';\nexport const from = 'q';\n";
    assert.deepEqual(importsOf(text), []);
  });
});
