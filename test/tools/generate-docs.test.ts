// The generated reference stands in the repository as the code would write it now.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configFlags } from '#config/config-flags.ts';
import { listProfiles } from '#config/profiles.ts';
import { listSettings } from '#config/settings.ts';
import { RESULT_CODES } from '#core/base/result-codes.ts';
import { generateDocs, staleDocs } from '#tools/generate-docs.ts';

describe('docs/reference', () => {
  test('is current (npm run docs)', async () => {
    assert.deepEqual(await staleDocs(), []);
  });

  test('names every setting, flag, profile and result code', async () => {
    const docs = await generateDocs();
    for (const { path } of listSettings()) {
      assert.ok(docs.get('config.md')?.includes(`| \`${path}\` |`), path);
    }
    for (const { name } of configFlags) {
      assert.ok(docs.get('flags.md')?.includes(`| \`--${name}`), name);
    }
    for (const { name } of await listProfiles()) {
      assert.ok(docs.get('profiles.md')?.includes(`\n## ${name}\n`), name);
    }
    for (const { code } of RESULT_CODES) {
      assert.ok(docs.get('result-codes.md')?.includes(`\n| ${code} |`), String(code));
    }
  });

  test('has tables whose rows all have the cells of their heads', async () => {
    for (const [name, text] of await generateDocs()) {
      const cells = (row: string) => row.replaceAll('\\|', '').split('|').length;
      let head = 0;
      for (const row of text.split('\n')) {
        if (!row.startsWith('|')) head = 0;
        else if (head === 0) head = cells(row);
        else assert.equal(cells(row), head, `${name}: ${row}`);
      }
    }
  });
});
