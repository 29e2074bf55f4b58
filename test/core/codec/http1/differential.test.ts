// The codec and llhttp over the same generated and damaged streams. What llhttp refuses is refused
// here; what is accepted here llhttp has read the same way; where only the gateway refuses, the
// reason is one of those in which it is stricter on purpose.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { readCorpus } from './support/corpus.ts';
import { oracle } from './support/llhttp.ts';
import { damaged, streams } from './support/streams.ts';
import { transcribe } from './support/transcript.ts';
import type { Side } from './support/transcript.ts';

const REFUSAL = /(?:^|; )(?:refused|too large): ([^;]*)$/;

/** Reasons the gateway has and llhttp has not; the corpus shows a row for each. */
const STRICTER = new Set([
  'emptyLine',
  'method',
  'methodUnknown',
  'target',
  'startLine',
  'version',
  'status',
  'reasonPhrase',
  'bareCr',
  'contentLength',
  'transferCoding',
  'transferCodingOnHttp10',
  'hostMissing',
  'hostRepeated',
  'host',
  'chunkExtension',
  'bodyTooLong',
  'trailerForbidden',
  'bytes after the last message',
]);

/** llhttp tells these before the part is complete; the gateway when it is. */
const EARLY_ERRORS = new Set(['HPE_INVALID_METHOD', 'HPE_INVALID_URL', 'HPE_INVALID_EOF_STATE']);

const LINE_REST = Buffer.from('0\r\n\r\n', 'latin1');

type Verdict = 'both accept' | 'both refuse' | 'only the gateway refuses' | 'waits';

function compare(side: Side, bytes: Buffer): Verdict {
  const ours = transcribe(side, bytes);
  const refusal = REFUSAL.exec(ours)?.[1];
  const seen = ours.replace(REFUSAL, '');
  const { lines, error } = oracle(side, bytes);
  const theirs = lines.join('; ');
  const story = `gateway: ${ours}\nllhttp:  ${theirs} ${error ?? ''}`;
  if (refusal === undefined && error === undefined) {
    assert.equal(seen, theirs, story);
    return 'both accept';
  }
  assert.ok(theirs.startsWith(seen), story);
  if (refusal === undefined) {
    assert.ok(EARLY_ERRORS.has(error!), story);
    return 'waits';
  }
  if (error !== undefined) return 'both refuse';
  if (STRICTER.has(refusal)) return 'only the gateway refuses';
  // The gateway may tell earlier, from a header's name alone; then llhttp tells soon.
  const longer = oracle(side, Buffer.concat([bytes, LINE_REST]));
  assert.notEqual(longer.error, undefined, story);
  return 'both refuse';
}

/** Runs the comparison and makes sure that streams of every kind were among them. */
function compareAll(side: Side, streams: fc.Arbitrary<Buffer>, numRuns: number): void {
  const counts = new Map<Verdict, number>();
  const property = fc.property(streams, (bytes) => {
    const verdict = compare(side, bytes);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  });
  fc.assert(property, { numRuns });
  for (const verdict of ['both accept', 'both refuse', 'only the gateway refuses'] as const) {
    const share = (counts.get(verdict) ?? 0) / numRuns;
    assert.ok(share > 0.01, `${verdict}: only ${share} of the streams`);
  }
}

for (const side of ['request', 'response'] as const) {
  describe(`${side}s read next to llhttp`, () => {
    test('generated streams', () => compareAll(side, streams(side), 4000));

    test('damaged corpus', () => {
      const samples = readCorpus(side).map((row) => row.bytes);
      compareAll(side, damaged(samples), 4000);
    });

    test('damaged streams', () => {
      const property = fc.property(
        streams(side).chain((bytes) => damaged([bytes])),
        (bytes) => void compare(side, bytes),
      );
      fc.assert(property, { numRuns: 3000 });
    });
  });
}
