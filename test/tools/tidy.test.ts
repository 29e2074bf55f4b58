// Each rule of `npm run check` against text that breaks it and text that does not, and the
// repository itself, which breaks none.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anchorsOf, checkLinks } from '#tools/tidy/doc-links.ts';
import { sourceFile } from '#tools/tidy/source-file.ts';
import { checkSource, functionsOf } from '#tools/tidy/source-rules.ts';
import { findViolations, formatViolation, ROOT } from '#tools/tidy.ts';

const HEAD = '// A file.\n';

function rulesBroken(text: string, path = 'core/base/x.ts'): readonly string[] {
  return checkSource(sourceFile(path, text)).map(({ rule }) => rule);
}

test('the repository breaks no rule', () => {
  assert.deepEqual(findViolations(ROOT).map(formatViolation), []);
});

describe('checkSource', () => {
  test('takes a clean file', () => {
    assert.deepEqual(rulesBroken(`${HEAD}export const a = 1;\n`), []);
  });

  test('wants a head comment, after a shebang too', () => {
    assert.deepEqual(rulesBroken('export const a = 1;\n'), ['head-comment']);
    assert.deepEqual(rulesBroken('#!/usr/bin/env node\n// A file.\n'), []);
    assert.deepEqual(rulesBroken('#!/usr/bin/env node\nexport {};\n'), ['head-comment']);
  });

  test('bounds the lines of a file', () => {
    const body = 'export {};\n'.repeat(399);
    assert.deepEqual(rulesBroken(HEAD + body), []);
    assert.deepEqual(rulesBroken(`${HEAD}${body}export {};\n`), ['file-lines']);
  });

  test('bounds the columns of a line, counted in characters', () => {
    assert.deepEqual(rulesBroken(`${HEAD}// ${'─'.repeat(97)}\n`), []);
    assert.deepEqual(rulesBroken(`${HEAD}// ${'─'.repeat(98)}\n`), ['columns']);
  });

  test('finds what goes around the seams, but not in rooms that own them', () => {
    for (const call of ['Date.now()', 'Math.random()', 'setTimeout(f, 1)', 'performance.now()']) {
      assert.deepEqual(rulesBroken(`${HEAD}${call};\n`), ['seams'], call);
      assert.deepEqual(rulesBroken(`${HEAD}${call};\n`, 'core/base/clock.ts'), [], call);
      assert.deepEqual(rulesBroken(`${HEAD}${call};\n`, 'test/x.test.ts'), [], call);
    }
  });

  test('finds resets that may leave a socket open', () => {
    const call = `socket.${['reset', 'AndDestroy'].join('')}();\n`;
    assert.deepEqual(rulesBroken(`${HEAD}${call}`), ['socket-reset']);
    assert.deepEqual(rulesBroken(`${HEAD}${call}`, 'test/peers/reset.ts'), []);
  });

  test('finds notes of unfinished work', () => {
    const note = ['TO', 'DO'].join('');
    assert.deepEqual(rulesBroken(`${HEAD}// ${note} later\n`), ['notes']);
  });

  test('finds paths of one machine, but not paths of URLs', () => {
    const path = ['', 'home', 'me', 'x'].join('/');
    assert.deepEqual(rulesBroken(`${HEAD}const a = '${path}';\n`), ['machine-paths']);
    assert.deepEqual(rulesBroken(`${HEAD}const a = 'https://x.org${path}';\n`), []);
  });

  test('finds default exports, barrel files and silenced checkers', () => {
    assert.deepEqual(rulesBroken(`${HEAD}export default 1;\n`), ['default-export']);
    assert.deepEqual(rulesBroken(HEAD, 'core/base/index.ts'), ['barrel']);
    assert.deepEqual(rulesBroken(`${HEAD}// @ts-ignore\n`), ['suppressions']);
  });

  test('tells file, line, rule and what to do', () => {
    const [violation] = checkSource(sourceFile('core/base/x.ts', `${HEAD}Date.now();\n`));
    assert.match(formatViolation(violation!), /^core\/base\/x\.ts:2 seams: .*take Clock/);
  });
});

/** A function of `inner + 2` lines in each of the forms that the formatter leaves. */
const FORMS: readonly (readonly [name: string, open: string, close: string])[] = [
  ['function', 'export function run(a: number): void {', '}'],
  ['function', 'async function run(\n  a: number,\n): Promise<void> {', '}'],
  ['method', '  #run(a: number): { b: number } {', '  }'],
  ['method', '  private async run(\n    a: number,\n  ): Promise<void> {', '  }'],
  ['method', '  constructor(options: Options) {', '  }'],
  ['method', '  get size(): number {', '  }'],
  ['arrow', 'const run = (a: number): void => {', '};'],
  ['arrow', '  list.forEach((a) => {', '  });'],
];

describe('functionsOf', () => {
  for (const [name, open, close] of FORMS) {
    test(`measures ${name}: ${open.split('\n')[0]!}`, () => {
      const indent = /^\s*/.exec(open)![0];
      const lines = ['', ...open.split('\n'), ...`${indent}  x();\n`.repeat(5).split('\n'), close];
      const spans = functionsOf(lines);
      assert.equal(spans.length, 1, JSON.stringify(spans));
      assert.equal(spans[0]!.line, 2);
      assert.equal(spans[0]!.length, lines.length - 1);
      assert.ok(spans[0]!.name.startsWith(name), spans[0]!.name);
    });
  }

  test('does not take other blocks for functions', () => {
    const blocks = [
      'if (a) {',
      'for (const a of b) {',
      'switch (a) {',
      '} else {',
      'do {',
      'try {',
    ];
    const text = [...blocks, 'export class A {', 'export interface A {', 'const a = {'];
    for (const open of text) assert.deepEqual(functionsOf([open, '  x();', '}']), [], open);
    const wide = ['if (', '  a &&', '  b', ') {', '  x();', '}'];
    assert.deepEqual(functionsOf(wide), []);
  });

  test('a long function breaks the rule, a long list of tests does not', () => {
    const inner = '  x();\n'.repeat(69);
    assert.deepEqual(rulesBroken(`${HEAD}function a() {\n${inner}}\n`), ['function-lines']);
    assert.deepEqual(rulesBroken(`${HEAD}function a() {\n${inner.slice(7)}}\n`), []);
    const suite = `${HEAD}describe('a', () => {\n  test('b', f);\n${inner}});\n`;
    assert.deepEqual(rulesBroken(suite, 'test/a.test.ts'), []);
  });
});

describe('checkLinks', () => {
  const guide = sourceFile('docs/guide.md', '# The guide\n\n## What it does: *all*\n');
  const documents = new Map([[guide.path, guide]]);
  const exists = (path: string): boolean => ['docs/guide.md', 'docs/a.md', 'core'].includes(path);

  function problems(text: string): readonly string[] {
    const document = sourceFile('docs/a.md', text);
    return checkLinks(document, exists, new Map([...documents, [document.path, document]])).map(
      ({ line, message }) => `${line}: ${message}`,
    );
  }

  test('takes files, folders, anchors and the web', () => {
    const links = ['guide.md', '../core', 'guide.md#the-guide', 'guide.md#what-it-does-all'];
    const text = [...links, 'https://x.org/y'].map((link) => `[x](${link})`).join('\n');
    assert.deepEqual(problems(text), []);
  });

  test('finds files and headings that are not there', () => {
    assert.match(problems('\n[x](missing.md)').join(), /^2: .*docs\/missing\.md, which does not/);
    assert.match(problems('[x](guide.md#other)').join(), /names a heading/);
    assert.match(problems('[x](#nowhere)').join(), /names a heading/);
    assert.match(problems('[x](../../outside.md)').join(), /leaves the repository/);
  });

  test('does not look into code', () => {
    assert.deepEqual(problems('`[x](a.md)`\n\n```\n[x](b.md)\n```\n'), []);
  });

  test('anchors of equal headings are numbered', () => {
    assert.deepEqual([...anchorsOf('# A b\n## A b\n')], ['a-b', 'a-b-1']);
  });
});
