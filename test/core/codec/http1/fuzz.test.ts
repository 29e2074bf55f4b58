// Damaged streams against the decoders alone: no exception, no read outside the range, the same
// result whatever stands around it and however it is cut, and work in proportion to the bytes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { DecodeStatus } from '#core/base/decode-status.ts';
import { ChunkedDecoder } from '#core/codec/http1/chunked.ts';
import { parseRequestHead, parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { HttpHead } from '#core/codec/http1/types.ts';
import { HEADER_WORDS } from '#core/codec/message.ts';

import { readCorpus } from './support/corpus.ts';
import { LIMITS } from './support/limits.ts';
import { damaged, streams } from './support/streams.ts';
import { transcribe } from './support/transcript.ts';
import type { Side } from './support/transcript.ts';
import { watched } from './support/watched.ts';

/** Reads per byte: a scan, a look at its class in an error, and a compare of what was scanned. */
const READS_PER_BYTE_MAX = 5;

const PARSERS = { request: parseRequestHead, response: parseResponseHead };

function anyStream(side: Side): fc.Arbitrary<Buffer> {
  const samples = readCorpus(side).map((row) => row.bytes);
  return fc.oneof(
    damaged(samples),
    streams(side),
    fc.uint8Array().map((raw) => Buffer.from(raw)),
  );
}

/** All that a head says, with offsets counted from the start of the message. */
function snapshot(status: DecodeStatus, head: HttpHead): string {
  head.rebase(0);
  const { headers, known, headerIds } = head;
  const fields: Record<string, unknown> = { ...head };
  for (const name of Object.keys(fields)) {
    // An offset means something only together with a length.
    if (name.endsWith('Offset') && fields[name.replace('Offset', 'Length')] === 0) fields[name] = 0;
  }
  const words = headers.words.subarray(0, headers.count * HEADER_WORDS);
  const lists = [[...words], [...known], [...headerIds.subarray(0, headers.count)]];
  return JSON.stringify([
    status,
    lists,
    { ...fields, headers: 0, known: 0, headerIds: 0, nameAt: 0 },
  ]);
}

for (const side of ['request', 'response'] as const) {
  describe(`fuzzed ${side}s`, () => {
    test('no byte outside the range is read or matters', () => {
      const property = fc.property(
        anyStream(side),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(40),
        (bytes, poison, offset) => {
          const end = offset + bytes.length;
          const memory = Buffer.alloc(end + 40, poison);
          bytes.copy(memory, offset);
          const head = new HttpHead();
          const view = watched(memory, (at) =>
            assert.ok(at >= offset && at < end, `read at ${at}`),
          );
          const status = PARSERS[side](view, offset, end, head, LIMITS);
          const alone = new HttpHead();
          const statusAlone = PARSERS[side](bytes, 0, bytes.length, alone, LIMITS);
          assert.equal(snapshot(status, head), snapshot(statusAlone, alone));
        },
      );
      fc.assert(property, { numRuns: 2000 });
    });

    test('cuts do not matter', () => {
      const property = fc.property(
        anyStream(side),
        fc.array(fc.nat(400), { maxLength: 8 }),
        (bytes, places) => {
          const cuts = places.map((place) => place % (bytes.length + 1));
          cuts.sort((left, right) => left - right);
          assert.equal(transcribe(side, bytes, cuts), transcribe(side, bytes));
        },
      );
      fc.assert(property, { numRuns: 3000 });
    });

    test('a head that drips in is read once, not once a drip', () => {
      const property = fc.property(anyStream(side), (bytes) => {
        let reads = 0;
        const view = watched(bytes, () => reads++);
        const head = new HttpHead();
        let status: DecodeStatus = DecodeStatus.needMore;
        for (let end = 0; end <= bytes.length && status === DecodeStatus.needMore; end++) {
          status = PARSERS[side](view, 0, end, head, LIMITS);
        }
        assert.ok(reads <= READS_PER_BYTE_MAX * bytes.length, `${reads} of ${bytes.length}`);
      });
      fc.assert(property, { numRuns: 1000 });
    });
  });
}

describe('worst cases that drip in', () => {
  const filler = (length: number): string => 'a'.repeat(length);
  const head = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const worst: Readonly<Record<string, string>> = {
    'a long target': `GET /${filler(8000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    'a long name': `${head}${filler(8000)}: b\r\n\r\n`,
    'a long value': `${head}X: ${filler(8000)}\r\n\r\n`,
    'white space around a value': `${head}X:${' '.repeat(4000)}b${' '.repeat(4000)}\r\n\r\n`,
    'white space behind the length': `${head}Content-Length: 1${' '.repeat(8000)}\r\n\r\n`,
    'zeros before the length': `${head}Content-Length: ${'0'.repeat(8000)}1\r\n\r\n`,
    'a long Connection list': `${head}Connection: ${'x,'.repeat(4000)}\r\n\r\n`,
    'many headers': `${head}${'X: y\r\n'.repeat(60)}\r\n`,
  };
  for (const [name, text] of Object.entries(worst)) {
    test(name, () => {
      const bytes = Buffer.from(text, 'latin1');
      let reads = 0;
      const view = watched(bytes, () => reads++);
      const head = new HttpHead();
      for (let end = 0; end < bytes.length; end++) {
        assert.equal(parseRequestHead(view, 0, end, head, LIMITS), DecodeStatus.needMore);
        assert.equal(head.scanAt, end);
      }
      assert.equal(parseRequestHead(view, 0, bytes.length, head, LIMITS), DecodeStatus.ok);
      assert.ok(reads <= READS_PER_BYTE_MAX * bytes.length, `${reads} of ${bytes.length}`);
    });
  }
});

describe('fuzzed chunked bodies', () => {
  const bodies = readCorpus('request')
    .map((row) => row.bytes.latin1Slice())
    .filter((text) => text.includes('Transfer-Encoding: chunked\r\n\r\n'))
    .map((text) => Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1'));

  test('no byte outside the range is read, and data ranges are within it', () => {
    const property = fc.property(damaged(bodies), fc.nat(20), (bytes, offset) => {
      const end = offset + bytes.length;
      const memory = Buffer.alloc(end + 20, '0\r\n');
      bytes.copy(memory, offset);
      let reads = 0;
      const view = watched(memory, (at) => {
        reads++;
        assert.ok(at >= offset && at < end, `read at ${at}`);
      });
      const decoder = new ChunkedDecoder(LIMITS);
      let at = offset;
      let status: DecodeStatus = DecodeStatus.ok;
      while (status === DecodeStatus.ok && !decoder.isDone) {
        status = decoder.next(view, at, end);
        const dataEnd = decoder.dataOffset + decoder.dataLength;
        if (decoder.dataLength > 0) assert.ok(decoder.dataOffset >= at && dataEnd <= end);
        at += decoder.consumed;
        assert.ok(at <= end);
      }
      assert.ok(reads <= bytes.length, 'framing bytes are read once and data not at all');
    });
    fc.assert(property, { numRuns: 3000 });
  });
});
