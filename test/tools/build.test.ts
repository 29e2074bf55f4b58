// The parts of `npm run build`: what has a file of its own, when a build is made anew, and how it
// takes the place of the one before. The result as a whole: test/e2e/package.test.ts.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { packageFile, programFile } from '#config/package-files.ts';
import { build, buildIfChanged } from '#tools/build.ts';
import { COPIES, EXPORTS, PROGRAMS } from '#tools/build/entries.ts';
import { replaceFolder } from '#tools/build/replace-folder.ts';
import { readSources } from '#tools/tidy/source-file.ts';
import { ROOT } from '#tools/tidy.ts';

let directory: string;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'mgw-build-'));
});

after(() => rmSync(directory, { recursive: true, force: true }));

describe('entries of the build', () => {
  test('are files, and those that package.json exports', () => {
    for (const path of [...PROGRAMS, ...EXPORTS, ...COPIES]) {
      assert.ok(existsSync(packageFile(path)), path);
    }
    const { exports } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
      exports: Record<string, { default?: string }>;
    };
    const exported = Object.values(exports).flatMap((entry) => entry.default ?? []);
    const built = EXPORTS.map((path) => `./dist/${path.replace('.ts', '.js')}`);
    assert.deepEqual(exported.toSorted(), built.toSorted());
  });

  test('are all that a program or a thread is started with', () => {
    const used = readSources(ROOT, ['.ts'])
      .filter(({ path }) => !path.startsWith('test/'))
      .flatMap(({ text }) => [...text.matchAll(/\bprogramFile\('([^']+)'\)/g)])
      .map(([, path]) => path!);
    assert.ok(used.length >= 5, used.join());
    const known = [...PROGRAMS, ...COPIES];
    assert.deepEqual(
      used.filter((path) => !known.includes(path)),
      [],
    );
  });

  test('are TypeScript where this test runs', () => {
    assert.equal(programFile('cli/main.ts'), join(ROOT, 'cli/main.ts'));
  });
});

describe('build()', () => {
  test('makes nothing twice, and leaves nothing of the build before', async () => {
    const place = join(directory, 'dist');
    await build(place);
    const files = readdirSync(place, { recursive: true }).toSorted();
    writeFileSync(join(place, 'chunks', 'stale.js'), '');
    assert.equal(await buildIfChanged(place), false);
    assert.ok(existsSync(join(place, 'chunks', 'stale.js')));
    writeFileSync(join(place, 'sources.sha256'), 'those of another build');
    assert.equal(await buildIfChanged(place), true);
    assert.deepEqual(readdirSync(place, { recursive: true }).toSorted(), files);
    assert.deepEqual(readdirSync(directory), ['dist']);
  });

  test('keeps names and lazy parts: version does not load the gateway', () => {
    const main = readFileSync(join(directory, 'dist/cli/main.js'), 'utf8');
    assert.match(main, /import\("\.\.\/chunks\/sidecar-\w+\.js"\)/);
    assert.match(main, /^function commandOf\(name\) \{$/m);
  });
});

describe('replaceFolder()', () => {
  test('takes the place of a folder, also of many at a time', async () => {
    const place = join(directory, 'place');
    const made = Array.from({ length: 8 }, (_, index) => join(directory, `made-${index}`));
    for (const [index, folder] of made.entries()) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'a'), String(index));
      writeFileSync(join(folder, 'b'), String(index));
    }
    await Promise.all(made.map((folder) => replaceFolder(folder, place)));
    const [a, b] = ['a', 'b'].map((name) => readFileSync(join(place, name), 'utf8'));
    assert.equal(a, b);
    const left = readdirSync(directory).filter((name) => name.startsWith('made-'));
    assert.deepEqual(left, []);
  });
});
