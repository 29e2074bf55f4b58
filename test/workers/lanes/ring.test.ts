// The ring between two threads, one at a time: records come out as they went in, whole and in
// order, around the end, over the wrap of positions, and never more than there is room for.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { recordKind, recordWords, RingReader, RingWriter } from '#workers/lanes/ring.ts';

const SIZE = 64;
const PLACE = { base: 32, size: SIZE, written: 0, read: 16 };

function ringAt(position: number): { writer: RingWriter; reader: RingReader; words: Int32Array } {
  const words = new Int32Array(new SharedArrayBuffer((PLACE.base + SIZE) * 4));
  words[PLACE.written] = words[PLACE.read] = position;
  return { words, writer: new RingWriter(words, PLACE), reader: new RingReader(words, PLACE) };
}

/** Writes a record of `count` words that hold `value`. */
function write(writer: RingWriter, kind: number, count: number, value: number): boolean {
  const at = writer.begin(kind, count);
  if (at < 0) return false;
  writer.words.fill(value, at + 1, at + count);
  return true;
}

function take(reader: RingReader): { kind: number; values: number[] } | null {
  const at = reader.next();
  if (at < 0) return null;
  const head = reader.words[at]!;
  return {
    kind: recordKind(head),
    values: [...reader.words.subarray(at + 1, at + recordWords(head))],
  };
}

describe('ring', () => {
  test('a record is seen once it is published, and its memory is free once it is released', () => {
    const { writer, reader } = ringAt(0);
    assert.ok(write(writer, 3, SIZE, 7));
    assert.equal(reader.look(), false);
    writer.publish();
    assert.equal(reader.look(), true);
    assert.equal(write(writer, 1, 1, 0), false, 'full');
    assert.deepEqual(take(reader), { kind: 3, values: Array.from({ length: SIZE - 1 }, () => 7) });
    assert.equal(write(writer, 1, 1, 0), false, 'taken, but not released');
    reader.release();
    assert.ok(write(writer, 1, 1, 0));
  });

  test('a record that does not fit before the end begins at the beginning', () => {
    const { writer, reader, words } = ringAt(SIZE - 5);
    assert.ok(write(writer, 1, 6, 9));
    assert.deepEqual([...words.subarray(PLACE.base + 1, PLACE.base + 6)], [9, 9, 9, 9, 9]);
    writer.publish();
    reader.look();
    assert.deepEqual(take(reader), { kind: 1, values: [9, 9, 9, 9, 9] });
    assert.equal(take(reader), null);
    assert.equal(reader.position, writer.position);
  });

  test('what the end costs counts as used', () => {
    const { writer } = ringAt(SIZE - 5);
    assert.equal(writer.hasRoom(SIZE - 5), true);
    assert.equal(writer.hasRoom(SIZE - 4), false);
  });

  test('property: what goes in comes out, from any position on', () => {
    const step = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ take: fc.integer({ min: 0, max: 5 }) }),
      fc.constant('publish' as const),
      fc.constant('release' as const),
    );
    const shape = fc.record({
      // Also where positions wrap from 2^31 - 1 and from -1.
      position: fc.constantFrom(0, 17, 2 ** 31 - 70, -70, -3),
      steps: fc.array(step, { maxLength: 200, size: 'max' }),
    });
    fc.assert(
      fc.property(shape, ({ position, steps }) => {
        const { writer, reader } = ringAt(position);
        const written: { kind: number; values: number[] }[] = [];
        let published = 0;
        let taken = 0;
        let value = 0;
        for (const entry of steps) {
          if (entry === 'publish') {
            writer.publish();
            published = written.length;
          } else if (entry === 'release') {
            reader.release();
          } else if ('write' in entry) {
            const kind = 1 + (value % 200);
            if (!write(writer, kind, entry.write, ++value)) continue;
            const values = Array.from({ length: entry.write - 1 }, () => value);
            written.push({ kind, values });
          } else {
            reader.look();
            for (let i = 0; i < entry.take; i++) {
              const record = take(reader);
              if (record === null) break;
              assert.deepEqual(record, written[taken++]);
            }
          }
          assert.ok(taken <= published);
          assert.ok(writer.depth >= 0 && writer.depth <= SIZE);
        }
        writer.publish();
        reader.look();
        for (let record = take(reader); record !== null; record = take(reader)) {
          assert.deepEqual(record, written[taken++]);
        }
        assert.equal(taken, written.length);
        reader.release();
        assert.equal(writer.hasRoom(SIZE / 2), true);
      }),
      { numRuns: 500 },
    );
  });
});
