// The golden corpus: every row gives its transcript, whole, byte by byte and split at every offset,
// and llhttp agrees or the row says that the gateway is stricter.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { readCorpus } from './support/corpus.ts';
import type { CorpusCase } from './support/corpus.ts';
import { oracle } from './support/llhttp.ts';
import { transcribe } from './support/transcript.ts';
import type { Side } from './support/transcript.ts';

const REFUSAL = /(^|; )(refused|too large): [^;]*$/;

function checkLlhttp(side: Side, row: CorpusCase): void {
  const { lines, error } = oracle(side, row.bytes);
  const accepted = row.expected.replace(REFUSAL, '');
  if (row.llhttp === 'accepts') {
    // A row is strict on purpose only as long as llhttp lets it pass.
    assert.equal(error, undefined, 'llhttp refuses this by now; mark the row "same"');
    assert.match(row.expected, REFUSAL);
  } else if (REFUSAL.test(row.expected)) {
    assert.notEqual(error, undefined, `llhttp accepts: ${lines.join('; ')}`);
    assert.ok(lines.join('; ').startsWith(accepted), `llhttp saw: ${lines.join('; ')}`);
  } else {
    assert.equal(lines.join('; '), accepted);
  }
}

for (const side of ['request', 'response'] as const) {
  describe(`corpus of ${side}s`, () => {
    const rows = readCorpus(side);

    test('has its rows', () => assert.ok(rows.length > (side === 'request' ? 180 : 50)));

    for (const row of rows) {
      test(row.title, () => {
        assert.equal(transcribe(side, row.bytes), row.expected);
        const everywhere = Array.from(row.bytes.keys());
        assert.equal(transcribe(side, row.bytes, everywhere), row.expected, 'byte by byte');
        for (const cut of everywhere) {
          assert.equal(transcribe(side, row.bytes, [cut]), row.expected, `split at ${cut}`);
        }
        checkLlhttp(side, row);
      });
    }
  });
}
