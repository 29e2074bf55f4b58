// trimHeap: memory that was freed below memory that is still in use goes back to the system.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadNative } from '#native/loader.ts';
import { skipNative } from './support/forms.ts';

/** Blocks that the C library takes from its heap, not from the system one by one. */
const BLOCK_BYTES = 64 * 1024;
const BLOCKS = 1000;

/** Only the GNU C library is asked; elsewhere the call does nothing. */
function whySkip(): string | false {
  if (skipNative !== false) return skipNative;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'the C library is not the GNU one' : false;
}

describe('trimHeap', { skip: whySkip() }, () => {
  test('gives free memory back to the system', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    let blocks: Buffer[] = [];
    for (let i = 0; i < BLOCKS; i++) blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES).fill(i));
    // The last ones stay: what is free lies below them, where the C library keeps it.
    blocks = blocks.slice(-2);
    while (process.memoryUsage().arrayBuffers > (BLOCKS * BLOCK_BYTES) / 2) {
      collect();
      await new Promise(setImmediate);
    }
    const { trimHeap } = loadNative('on');
    assert.ok(trimHeap !== null);
    const before = process.memoryUsage.rss();
    assert.equal(trimHeap(), true);
    const freed = before - process.memoryUsage.rss();
    assert.ok(freed > (BLOCKS * BLOCK_BYTES) / 2, `${freed} bytes were given back`);
    assert.equal(blocks.length, 2);
  });
});
