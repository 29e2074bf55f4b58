// ChunkedDecoder by itself: ranges, limits, reuse. Which bytes are refused is the corpus's part.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { DecodeStatus } from '#core/base/decode-status.ts';
import { ChunkedDecoder } from '#core/codec/http1/chunked.ts';
import { MalformedReason } from '#core/codec/http1/malformed-reason.ts';
import type { HttpLimits } from '#core/codec/http1/types.ts';

import { LIMITS } from './support/limits.ts';

const { ok, needMore, malformed, tooLarge } = DecodeStatus;

/** Decodes `text` in one buffer to its end or verdict. */
function decode(text: string, limits: Partial<HttpLimits>): readonly [DecodeStatus, number] {
  const bytes = Buffer.from(text, 'latin1');
  const decoder = new ChunkedDecoder({ ...LIMITS, ...limits });
  let at = 0;
  for (;;) {
    const status = decoder.next(bytes, at, bytes.length);
    at += decoder.consumed;
    if (status !== ok || decoder.isDone) return [status, decoder.malformedReason];
  }
}

describe('ChunkedDecoder', () => {
  test('tells data as ranges of the given bytes and leaves what follows the body', () => {
    const bytes = Buffer.from('..3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\nGET', 'latin1');
    const decoder = new ChunkedDecoder(LIMITS);
    let at = 2;
    assert.equal(decoder.next(bytes, at, bytes.length), ok);
    assert.deepEqual([decoder.dataOffset, decoder.dataLength, decoder.consumed], [5, 3, 6]);
    at += decoder.consumed;
    assert.equal(decoder.next(bytes, at, bytes.length), ok);
    assert.deepEqual([decoder.dataOffset, decoder.dataLength], [15, 2]);
    at += decoder.consumed;
    assert.equal(decoder.next(bytes, at, bytes.length), ok);
    assert.equal(decoder.isDone, true);
    assert.equal(decoder.dataLength, 0);
    assert.equal(decoder.bodyBytes, 5);
    assert.equal(bytes.latin1Slice(at + decoder.consumed), 'GET');
  });

  test('goes on in other buffers, consuming everything it has seen', () => {
    const text = '3;a="b\\"c"\r\nabc\r\n0\r\nX-Long-Trailer-Name-To-Keep: y\r\n\r\n';
    const decoder = new ChunkedDecoder(LIMITS);
    let body = '';
    for (const [index, character] of Array.from(text).entries()) {
      const bytes = Buffer.from(`\n${character}\r`, 'latin1');
      const status = decoder.next(bytes, 1, 2);
      assert.equal(decoder.consumed, 1);
      const isLast = index === text.length - 1;
      assert.equal(status, decoder.dataLength > 0 || isLast ? ok : needMore);
      body += bytes.latin1Slice(decoder.dataOffset, decoder.dataOffset + decoder.dataLength);
    }
    assert.equal(body, 'abc');
    assert.equal(decoder.isDone, true);
  });

  test('needs more of nothing', () => {
    const decoder = new ChunkedDecoder(LIMITS);
    assert.equal(decoder.next(Buffer.alloc(0), 0, 0), needMore);
    assert.equal(decoder.consumed, 0);
  });

  test('is done for good until reset, then starts afresh', () => {
    const bytes = Buffer.from('1\r\na\r\n0\r\n\r\n', 'latin1');
    const decoder = new ChunkedDecoder(LIMITS);
    for (let round = 0; round < 2; round++) {
      assert.equal(decoder.next(bytes, 0, bytes.length), ok);
      assert.equal(decoder.next(bytes, decoder.consumed, bytes.length), ok);
      assert.equal(decoder.isDone, true);
      assert.equal(decoder.bodyBytes, 1);
      assert.equal(decoder.next(bytes, 0, bytes.length), ok);
      assert.equal(decoder.consumed, 0);
      decoder.reset();
      assert.equal(decoder.isDone, false);
    }
  });

  test('refuses for good, with a reason', () => {
    const decoder = new ChunkedDecoder(LIMITS);
    const bytes = Buffer.from('x3\r\nabc\r\n', 'latin1');
    assert.equal(decoder.next(bytes, 0, bytes.length), malformed);
    assert.equal(decoder.next(bytes, 1, bytes.length), malformed);
    assert.match(decoder.describeReason(), /chunk size/);
  });
});

describe('limits of a chunked body', () => {
  test('the body may be exactly as long as its limit', () => {
    const text = '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
    assert.deepEqual(decode(text, { bodyBytesMax: 5 }), [ok, MalformedReason.none]);
    assert.deepEqual(decode(text, { bodyBytesMax: 4 }), [tooLarge, MalformedReason.bodyTooLong]);
  });

  test('a chunk that would pass the limit is refused by its size, before its data', () => {
    const limits = { bodyBytesMax: 255 };
    assert.deepEqual(decode('ff', limits), [needMore, MalformedReason.none]);
    assert.deepEqual(decode('ff0', limits), [tooLarge, MalformedReason.bodyTooLong]);
  });

  test('a size line may be exactly as long as its limit', () => {
    const limits = { chunkLineBytesMax: 6 };
    assert.equal(decode('000001\r\na\r\n0\r\n\r\n', limits)[0], ok);
    assert.equal(decode('1;abcd\r\na\r\n0\r\n\r\n', limits)[0], ok);
    const verdict = [tooLarge, MalformedReason.chunkLineTooLong];
    assert.deepEqual(decode('0000001', limits), verdict);
    assert.deepEqual(decode('1;abcde', limits), verdict);
    assert.deepEqual(decode('1;a="bcd', limits), verdict);
  });

  test('extensions of all chunks count together', () => {
    const chunk = '1;abc\r\nx\r\n';
    const limits = { chunkLineBytesMax: 12 };
    assert.equal(decode(chunk.repeat(3) + '0\r\n\r\n', limits)[0], ok);
    const verdict = decode(chunk.repeat(4) + '0\r\n\r\n', limits);
    assert.deepEqual(verdict, [tooLarge, MalformedReason.chunkLineTooLong]);
  });

  test('trailers may be exactly as long as their limit', () => {
    const text = '0\r\nA: b\r\nC: d\r\n\r\n';
    assert.equal(decode(text, { trailerBytesMax: 12 })[0], ok);
    const verdict = decode(text, { trailerBytesMax: 11 });
    assert.deepEqual(verdict, [tooLarge, MalformedReason.trailersTooLong]);
    assert.equal(decode('0\r\n\r\n', { trailerBytesMax: 0 })[0], ok);
  });

  test('chunk lines of a long body do not add up', () => {
    const text = '1\r\nx\r\n'.repeat(500) + '0\r\n\r\n';
    assert.equal(decode(text, { chunkLineBytesMax: 8 })[0], ok);
  });
});
