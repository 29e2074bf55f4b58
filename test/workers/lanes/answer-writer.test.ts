// Answers as a lane writes them: how many records a streamed body costs, and in which order they
// are.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SlotArena, arenaBytes } from '#core/slot-arena.ts';
import { exchangeOf } from '#test/core/pipeline/support/filter-bench.ts';
import { AnswerWriter } from '#workers/lanes/answer-writer.ts';
import { createRings, RESPONSE_RING, ResponseKind, ringWords } from '#workers/lanes/layout.ts';
import { recordKind, RingReader } from '#workers/lanes/ring.ts';

const CLASSES = [{ bytes: 64 * 1024, count: 8 }];

/** A writer, and what its other side sees. */
class Bench {
  readonly arena = new SlotArena(CLASSES, new ArrayBuffer(arenaBytes(CLASSES)));
  readonly writer: AnswerWriter;
  readonly #reader: RingReader;

  constructor() {
    const words = ringWords(createRings());
    this.writer = new AnswerWriter(
      words,
      this.arena,
      () => {},
      () => assert.fail('crowded'),
    );
    this.#reader = new RingReader(words, RESPONSE_RING);
  }

  /** An open exchange with this index. */
  exchange(index: number) {
    const exchange = exchangeOf();
    exchange.streamId = index;
    this.writer.opened(index, index + 1, exchange);
    return exchange;
  }

  /** The records since the last call: index and, of pieces, the bytes. */
  records(): (readonly [kind: number, index: number, text?: string])[] {
    this.writer.publish();
    this.#reader.look();
    const records: (readonly [number, number, string?])[] = [];
    for (let at = this.#reader.next(); at >= 0; at = this.#reader.next()) {
      const [head = 0, index = 0, , from = 0, length = 0] = this.#reader.words.subarray(at, at + 5);
      const kind = recordKind(head);
      if (kind !== ResponseKind.piece) records.push([kind, index]);
      else records.push([kind, index, this.arena.bytes.latin1Slice(from, from + length)]);
    }
    this.#reader.release();
    return records;
  }
}

describe('AnswerWriter', () => {
  test('makes one record of what a service sends byte by byte', () => {
    const bench = new Bench();
    const exchange = bench.exchange(3);
    const bytes = Buffer.from('0123456789'.repeat(100));
    for (let at = 0; at < bytes.length; at++) bench.writer.pieces(exchange, bytes, at, 1);
    assert.deepEqual(bench.records(), [[ResponseKind.piece, 3, bytes.toString()]]);
  });

  test('gathers no more than it has room for', () => {
    const bench = new Bench();
    const exchange = bench.exchange(3);
    const bytes = Buffer.alloc(1000, 'x');
    for (let i = 0; i < 20; i++) bench.writer.pieces(exchange, bytes, 0, bytes.length);
    const lengths = bench.records().map(([, , text = '']) => text.length);
    assert.deepEqual(lengths, [16_000, 4000]);
  });

  test('keeps the order of pieces, large and small, of several answers', () => {
    const bench = new Bench();
    const [one, two] = [bench.exchange(1), bench.exchange(2)];
    const large = Buffer.alloc(2000, 'L');
    const small = Buffer.from('s');
    bench.writer.pieces(one, small, 0, 1);
    bench.writer.pieces(one, small, 0, 1);
    bench.writer.pieces(two, small, 0, 1);
    bench.writer.pieces(two, large, 0, large.length);
    bench.writer.pieces(one, small, 0, 1);
    bench.writer.end(one, true);
    bench.writer.pieces(two, small, 0, 1);
    bench.writer.end(two, false);
    const { piece, end } = ResponseKind;
    assert.deepEqual(bench.records(), [
      [piece, 1, 'ss'],
      [piece, 2, 's'],
      [piece, 2, large.toString()],
      [piece, 1, 's'],
      [end, 1],
      [piece, 2, 's'],
      [end, 2],
    ]);
  });
});
