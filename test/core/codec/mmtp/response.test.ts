// Messages into RESPONSE frames and back: golden frames, and a model that reads what was written.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import { headerTexts } from '#core/codec/mmtp/push.ts';
import { decodeResponse, encodeResponse } from '#core/codec/mmtp/response.ts';
import { Field, MetaStatus } from '#core/codec/mmtp/types.ts';
import { encoded, fromDump, peekWhole, rawFrame, tlv } from './support.ts';

function decode(bytes: Buffer, headersMax = 64) {
  const response = new ResponseMessage();
  const frame = peekWhole(bytes);
  const status = decodeResponse(bytes, frame, new DynamicTable(8), response, headersMax);
  return { status, frame, response };
}

/** An answer with `headers` in a buffer of its own and `added` beside. */
function answer(fields: {
  resultCode: number;
  contentType?: number;
  headers?: [string, string][];
  added?: string[];
  body?: Buffer;
}): ResponseMessage {
  const response = new ResponseMessage();
  response.resultCode = fields.resultCode;
  response.contentType = fields.contentType ?? 0;
  response.added.push(...(fields.added ?? []));
  const parts: Buffer[] = [Buffer.from('HTTP/1.1 200 OK')];
  let at = parts[0]!.length;
  for (const [name, value] of fields.headers ?? []) {
    const [n, v] = [Buffer.from(name), Buffer.from(value)];
    response.headers.add(at, n.length, at + n.length, v.length);
    parts.push(n, v);
    at += n.length + v.length;
  }
  response.headerSource = Buffer.concat(parts);
  const body = fields.body ?? Buffer.alloc(0);
  response.bodySource = Buffer.concat([Buffer.from('before'), body, Buffer.from('behind')]);
  response.bodyOffset = 6;
  response.bodyLength = body.length;
  return response;
}

describe('encodeResponse', () => {
  test('golden success', () => {
    const response = answer({
      resultCode: 1000,
      headers: [['x-a', '1']],
      added: ['Mgw-Trace', 't'],
      body: Buffer.from('{}'),
    });
    const bytes = fromDump(`
      4d 01 06 00 00 00 00 05 00 00 00 2d 00 1b 01 00 | RESPONSE, stream 5, 45 bytes, meta 27
      0b 02 03 e8                            | RESULT_STATUS 1000
      20 01 00                               | CONTENT_TYPE JSON
      0a 05 03 78 2d 61 31                   | HEADER x-a: 1
      0a 0b 09 4d 67 77 2d 54 72 61 63 65 74 | HEADER Mgw-Trace: t
      7b 7d                                  | body`);
    const out = new OutBuffer();
    assert.equal(encodeResponse(out, 5, response, null, null), bytes.length);
    assert.deepEqual(Buffer.from(out.take()), bytes);
  });

  test('golden failure with memo and tips', () => {
    const response = answer({ resultCode: 2000, contentType: 2 });
    const bytes = fromDump(`
      4d 01 06 09 7f ff ff ff 00 00 00 22 00 12 01 00 | flags 9, stream 2^31 - 1, 34 bytes, meta 18
      0b 02 07 d0          | RESULT_STATUS 2000
      20 01 02             | CONTENT_TYPE bytes
      0c 06 e7 99 bb e5 bd 95 | MEMO
      0d 01 2e             | TIPS "."`);
    const actual = encoded((out) => {
      encodeResponse(out, 0x7fffffff, response, Buffer.from('登录'), Buffer.from('.'), 9);
    });
    assert.deepEqual(actual, bytes);
    const decoded = decode(bytes);
    assert.equal(decoded.status, MetaStatus.ok);
    assert.deepEqual([decoded.response.memo, decoded.response.tips], ['登录', '.']);
    assert.equal(decoded.frame.flags, 9);
  });

  test('writes nothing when the headers do not fit a meta', () => {
    const out = new OutBuffer();
    out.appendLatin1('kept');
    const value = 'v'.repeat(1000);
    const headers = Array.from({ length: 66 }, (): [string, string] => ['name', value]);
    assert.equal(encodeResponse(out, 1, answer({ resultCode: 1000, headers }), null, null), 0);
    assert.equal(out.take().toString(), 'kept');
  });

  test('writes a meta of exactly 65,535 bytes', () => {
    const memo = Buffer.alloc(65_535 - 7 - 4, 0x61);
    const bytes = encoded((out) => {
      assert.ok(encodeResponse(out, 1, answer({ resultCode: 1000 }), memo, null) > 0);
    });
    assert.equal(decode(bytes).response.memo.length, memo.length);
    const longer = Buffer.alloc(memo.length + 1);
    const response = answer({ resultCode: 1000 });
    assert.equal(encodeResponse(new OutBuffer(), 1, response, longer, null), 0);
  });

  const header = fc.tuple(
    fc.constantFrom('a', 'Set-Cookie', 'x'.repeat(200)),
    fc.constantFrom('', 'ü'),
  );
  const answers = fc.record({
    resultCode: fc.integer({ min: 1, max: 0xffff }),
    contentType: fc.nat(2),
    headers: fc.array(header, { maxLength: 10 }),
    added: fc.array(header, { maxLength: 3 }).map((pairs) => pairs.flat()),
    body: fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array)),
  });

  test('property: what is encoded decodes to the same', () => {
    const text = fc.option(fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(answers, text, text, fc.nat(255), (fields, memo, tips, flags) => {
        const bytes = encoded((out) => {
          const memoBytes = memo === null ? null : Buffer.from(memo);
          const tipsBytes = tips === null ? null : Buffer.from(tips);
          encodeResponse(out, 1, answer(fields), memoBytes, tipsBytes, flags);
        });
        const { status, frame, response } = decode(bytes);
        assert.equal(status, MetaStatus.ok);
        assert.equal(frame.flags, flags);
        assert.equal(response.resultCode, fields.resultCode);
        assert.equal(response.contentType, fields.contentType);
        assert.equal(response.memo, memo ?? '');
        assert.equal(response.tips, tips ?? '');
        const added: string[][] = [];
        for (let i = 0; i < fields.added.length; i += 2) added.push(fields.added.slice(i, i + 2));
        assert.deepEqual(headerTexts(response.headers, response.headerSource), [
          ...fields.headers,
          ...added,
        ]);
        const { bodyOffset, bodyLength } = response;
        const body = response.bodySource.subarray(bodyOffset, bodyOffset + bodyLength);
        assert.deepEqual(Buffer.from(body), fields.body);
      }),
    );
  });
});

describe('decodeResponse', () => {
  const code = tlv(Field.resultStatus, Buffer.from([3, 232]));

  test('uses the table of the connection', () => {
    const table = new DynamicTable(8);
    const response = new ResponseMessage();
    const define = fromDump('40 06 02 0a 03 01 61 62 | DEFINE 2: HEADER a: b');
    for (const meta of [define, fromDump('41 01 02 | REF 2')]) {
      const bytes = rawFrame(6, 1, Buffer.concat([code, meta]), 'body');
      const status = decodeResponse(bytes, peekWhole(bytes), table, response, 64);
      assert.equal(status, MetaStatus.ok);
      assert.deepEqual(headerTexts(response.headers, response.headerSource), [['a', 'b']]);
      const { bodySource, bodyOffset, bodyLength } = response;
      assert.equal(bodySource.toString('latin1', bodyOffset, bodyOffset + bodyLength), 'body');
    }
  });

  test('tells wrong fields from malformed ones', () => {
    const cases: [Buffer, MetaStatus][] = [
      [Buffer.alloc(0), MetaStatus.fieldWrong],
      [tlv(Field.resultStatus, 'abc'), MetaStatus.fieldWrong],
      [Buffer.concat([code, tlv(Field.contentType, Buffer.from([3]))]), MetaStatus.fieldWrong],
      [Buffer.concat([code, tlv(Field.header, '\x01a\n')]), MetaStatus.fieldWrong],
      [Buffer.concat([code, tlv(Field.header, '\x09a')]), MetaStatus.malformed],
      [Buffer.concat([code, Buffer.from([1])]), MetaStatus.malformed],
      [Buffer.concat([code, tlv(Field.split, 'v=1')]), MetaStatus.ok],
    ];
    for (const [meta, expected] of cases) {
      assert.equal(decode(rawFrame(6, 1, meta)).status, expected, meta.toString('hex'));
    }
    const headers = Buffer.concat([code, tlv(Field.header, '\x01a'), tlv(Field.header, '\x01b')]);
    assert.equal(decode(rawFrame(6, 1, headers), 1).status, MetaStatus.fieldWrong);
  });
});
