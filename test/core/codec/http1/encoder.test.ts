// What is written is what the parser reads back, and what could break out of its line is not
// written at all.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import {
  appendChunk,
  appendChunkedCoding,
  appendContentLength,
  appendContinue,
  appendDate,
  appendDecimal,
  appendHeader,
  appendHeaderBytes,
  appendHeadEnd,
  appendHex,
  appendLastChunk,
  appendRequestLine,
  appendStatusLine,
} from '#core/codec/http1/encoder.ts';
import { parseRequestHead } from '#core/codec/http1/head-parser.ts';
import { percentEncodeUtf8 } from '#core/codec/http1/percent.ts';
import { HttpHead, HttpMethod } from '#core/codec/http1/types.ts';
import { HEADER_WORDS } from '#core/codec/message.ts';

import { LIMITS } from './support/limits.ts';
import { transcribe } from './support/transcript.ts';

function written(write: (out: OutBuffer) => void): string {
  const out = new OutBuffer();
  write(out);
  return out.take().latin1Slice();
}

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~09azAZ";
const name = fc
  .array(fc.constantFrom(...TOKEN_CHARACTERS), { minLength: 1, maxLength: 30 })
  .map((characters) => `X${characters.join('')}`);
const value = fc
  .array(fc.constantFrom(...'az09 \t,;:="\xe4\xff'), { maxLength: 60 })
  .map((characters) => characters.join('').replace(/^[ \t]+|[ \t]+$/g, ''));

describe('lines', () => {
  test('status lines, with and without a registered phrase', () => {
    assert.equal(
      written((out) => appendStatusLine(out, 200)),
      'HTTP/1.1 200 OK\r\n',
    );
    assert.equal(
      written((out) => appendStatusLine(out, 418)),
      'HTTP/1.1 418 \r\n',
    );
    assert.equal(
      written((out) => appendStatusLine(out, 999)),
      'HTTP/1.1 999 \r\n',
    );
  });

  test('every status is read back', () => {
    for (let status = 200; status < 1000; status++) {
      const text = written((out) => {
        appendStatusLine(out, status);
        appendContentLength(out, 0);
        appendHeadEnd(out);
      });
      const transcript = transcribe('response', Buffer.from(text, 'latin1'));
      assert.match(transcript, new RegExp(`^${status} .*{Content-Length=0}; end$`));
    }
  });

  test('request line from a part of a buffer', () => {
    const source = Buffer.from('..//a?b..');
    const text = written((out) => appendRequestLine(out, HttpMethod.delete, source, 3, 4));
    assert.equal(text, 'DELETE /a?b HTTP/1.1\r\n');
  });

  test('interim answer', () => {
    assert.equal(written(appendContinue), 'HTTP/1.1 100 Continue\r\n\r\n');
  });

  test('date, made anew when the second changes', () => {
    const first = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n';
    const wallMs = Date.UTC(1994, 10, 6, 8, 49, 37);
    const text = written((out) => {
      appendDate(out, wallMs);
      appendDate(out, wallMs + 999);
      appendDate(out, wallMs + 1000);
      appendDate(out, wallMs);
    });
    assert.equal(text, first + first + first.replace('37 GMT', '38 GMT') + first);
  });
});

describe('headers', () => {
  test('text and bytes are read back as they were', () => {
    const property = fc.property(fc.array(fc.tuple(name, value), { maxLength: 40 }), (pairs) => {
      const out = new OutBuffer();
      const source = Buffer.from('/' + pairs.flat().join(''), 'latin1');
      appendRequestLine(out, HttpMethod.get, source, 0, 1);
      assert.ok(appendHeader(out, 'Host', 'a'));
      let at = 1;
      for (const [index, [name, value]] of pairs.entries()) {
        const valueAt = at + name.length;
        const isWritten =
          index % 2 === 0
            ? appendHeader(out, name, value)
            : appendHeaderBytes(out, source, at, name.length, valueAt, value.length);
        assert.ok(isWritten);
        at = valueAt + value.length;
      }
      appendHeadEnd(out);
      const bytes = out.take();
      const head = new HttpHead();
      assert.equal(parseRequestHead(bytes, 0, bytes.length, head, LIMITS), DecodeStatus.ok);
      const words = head.headers.words;
      const texts = Array.from({ length: head.headers.count * 2 }, (_, part) => {
        const offset = words[part * 2]!;
        return bytes.latin1Slice(offset, offset + words[part * 2 + 1]!);
      });
      assert.equal(head.headers.count * HEADER_WORDS, texts.length * 2);
      assert.deepEqual(texts, ['Host', 'a', ...pairs.flat()]);
    });
    fc.assert(property, { numRuns: 300 });
  });

  const unsafe: readonly (readonly [string, string])[] = [
    ['X', 'a\r\nY: b'],
    ['X', 'a\n'],
    ['X', 'a\r'],
    ['X', 'a\0'],
    ['X', '\x7f'],
    ['X\r\nY', 'b'],
    ['X Y', 'b'],
    ['X:', 'b'],
    ['', 'b'],
    ['X\xff', 'b'],
  ];

  test('a header that could end its line is left out as a whole', () => {
    for (const [name, value] of unsafe) {
      const source = Buffer.from(name + value, 'latin1');
      const text = written((out) => {
        assert.ok(appendHeader(out, 'A', 'b'));
        assert.equal(appendHeader(out, name, value), false);
        assert.equal(
          appendHeaderBytes(out, source, 0, name.length, name.length, value.length),
          false,
        );
        assert.ok(appendHeader(out, 'C', 'd'));
      });
      assert.equal(text, 'A: b\r\nC: d\r\n');
    }
  });

  test('a character above U+00FF is refused, not cut to a byte', () => {
    // U+010A cut to eight bits is LF.
    for (const character of ['\u010a', '\u010d', '\u4e2d', '\ud800']) {
      assert.equal(
        written((out) => assert.equal(appendHeader(out, 'X', character), false)),
        '',
      );
      assert.equal(
        written((out) => assert.equal(appendHeader(out, character, 'x'), false)),
        '',
      );
    }
  });
});

describe('numbers', () => {
  const numbers = fc.oneof(
    fc.nat({ max: 20 }),
    fc.maxSafeNat(),
    fc.constantFrom(9, 10, 99, 100, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER),
  );

  test('decimal and hexadecimal digits are those of JavaScript', () => {
    const property = fc.property(numbers, (value) => {
      assert.equal(
        written((out) => appendDecimal(out, value)),
        String(value),
      );
      assert.equal(
        written((out) => appendHex(out, value)),
        value.toString(16),
      );
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('chunks', () => {
  test('any cut of a body into chunks is read back', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    const property = fc.property(
      pieces,
      fc.array(fc.nat(2000), { maxLength: 5 }),
      (parts, cuts) => {
        const out = new OutBuffer();
        appendStatusLine(out, 200);
        appendChunkedCoding(out);
        appendHeadEnd(out);
        const source = Buffer.concat(parts);
        let at = 0;
        for (const part of parts) {
          appendChunk(out, source, at, part.length);
          at += part.length;
        }
        appendLastChunk(out);
        const bytes = out.take();
        const places = cuts.map((cut) => cut % bytes.length).sort((left, right) => left - right);
        const transcript = transcribe('response', bytes, places);
        const direct = new OutBuffer();
        appendStatusLine(direct, 200);
        appendContentLength(direct, source.length);
        appendHeadEnd(direct);
        direct.append(source, 0, source.length);
        const expected = transcribe('response', direct.take());
        assert.equal(transcript.replace(/{.*?}/, ''), expected.replace(/{.*?}/, ''));
        assert.match(transcript, /; end$/);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('an empty chunk is not written: it would end the body', () => {
    assert.equal(
      written((out) => appendChunk(out, Buffer.from('a'), 0, 0)),
      '',
    );
  });
});

describe('percentEncodeUtf8', () => {
  test('escapes everything but letters, digits and -._~', () => {
    assert.equal(percentEncodeUtf8('Ab-9._~'), 'Ab-9._~');
    assert.equal(percentEncodeUtf8('a b+c%\r\n'), 'a%20b%2Bc%25%0D%0A');
    assert.equal(percentEncodeUtf8('系统忙'), '%E7%B3%BB%E7%BB%9F%E5%BF%99');
  });

  test('is undone by URI decoding and by form decoding, and never throws', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoded = percentEncodeUtf8(text);
      assert.match(encoded, /^[A-Za-z0-9\-._~%]*$/);
      assert.equal(decodeURIComponent(encoded), text);
      assert.equal(new URLSearchParams(`x=${encoded}`).get('x'), text);
    });
    fc.assert(property, { numRuns: 300 });
    assert.equal(percentEncodeUtf8('\ud800'), '%EF%BF%BD');
  });
});
