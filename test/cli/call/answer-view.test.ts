// One answer as people and as programs see it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { bodyText, meaningOf, resultJson, statusLines } from '#cli/call/answer-view.ts';
import type { CallResult } from '#cli/call/target.ts';
import { plain } from '#cli/call/terminal.ts';

const RESULT: CallResult = {
  resultCode: 1000,
  httpStatus: 0,
  memo: '',
  tips: '',
  headers: [],
  contentType: 0,
  body: Buffer.from('{"a": 1}'),
  ms: 1.23456,
};

function lines(changes: Partial<CallResult>): string[] {
  return statusLines({ ...RESULT, ...changes }, 'Mmtp x', plain);
}

function json(changes: Partial<CallResult>): Record<string, unknown> {
  const text = resultJson('demo.echo', { ...RESULT, ...changes });
  assert.doesNotMatch(text, /\n/);
  return JSON.parse(text) as Record<string, unknown>;
}

describe('statusLines', () => {
  test('a success is one line with code, time, size and place', () => {
    assert.deepEqual(lines({}), ['1000 Success  1.23 ms · 8 bytes · Mmtp x']);
  });

  test('a failure has the texts of the gateway and what to do', () => {
    const [head, tips, hint] = lines({ resultCode: 2000, memo: '登录超时', tips: 'log in' });
    assert.match(head!, /^2000 登录超时 {2}/);
    assert.equal(tips, 'log in');
    assert.match(hint!, /mgw session issue/);
  });

  test('texts of a peer cannot move the cursor', () => {
    const [head, tips] = lines({ resultCode: 1001, memo: 'a\x1b[2Jb', tips: '\rc' });
    assert.match(head!, /^1001 a\\x1b\[2Jb/);
    assert.equal(tips, '\\x0dc');
  });

  test('a code of its own has no meaning, an unusual HTTP status shows', () => {
    assert.equal(meaningOf(1234), '');
    assert.match(lines({ resultCode: 1234, httpStatus: 503 })[0]!, /^1234 {2}HTTP 503 · /);
  });

  test('an answer without code is doubted', () => {
    const [head, question] = lines({ resultCode: 0, httpStatus: 404 });
    assert.match(head!, /^no result code {2}HTTP 404/);
    assert.match(question!, /HTTP port of a gateway\?/);
  });
});

describe('bodyText', () => {
  const shown = (body: string | Uint8Array) => bodyText(Buffer.from(body as string), plain);

  test('JSON is laid out, text is left alone, nothing is nothing', () => {
    assert.equal(shown('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}\n');
    assert.equal(shown('a\tb\n'), 'a\tb\n');
    assert.equal(shown('hello'), 'hello\n');
    assert.equal(shown(''), '');
  });

  test('bytes and texts that would steer a terminal are dumped', () => {
    const bytes = Uint8Array.from({ length: 18 }, (_, i) => i + 0xf0);
    assert.equal(
      shown(bytes),
      '00000000  f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff  ................\n' +
        `00000010  00 01${' '.repeat(42)}  ..\n`,
    );
    assert.match(shown('\x1b]0;x'), /^00000000 {2}1b 5d 30 3b 78 +\.\]0;x\n$/);
  });

  test('no body at all lets a control character through', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.doesNotMatch(shown(bytes), /[^\P{Cc}\t\r\n]/u);
      }),
    );
  });

  test('a long dump is cut and says so', () => {
    const dump = shown(new Uint8Array(5000).fill(255));
    assert.equal(dump.split('\n').length, 256 + 2);
    assert.match(dump, /\n904 bytes more; --json has them all\n$/);
  });
});

describe('resultJson', () => {
  test('has everything, a JSON body as the service wrote it', () => {
    const text = resultJson('demo.echo', {
      ...RESULT,
      headers: [['a', 'b']],
      body: Buffer.from('{"uid": 18446744073709551615}'),
    });
    assert.equal(
      text,
      '{"operationType":"demo.echo","resultCode":1000,"meaning":"Success","memo":"","tips":"",' +
        '"ms":1.235,"contentType":"json","headers":[["a","b"]],' +
        '"body":{"uid":18446744073709551615}}',
    );
  });

  test('other bodies are text or base64, none is null', () => {
    assert.equal(json({ body: Buffer.from('hi\n') })['bodyText'], 'hi\n');
    assert.equal(json({ body: Buffer.from([255]) })['bodyBase64'], '/w==');
    assert.equal(json({ body: Buffer.alloc(0) })['body'], null);
  });

  test('names the content type and, by HTTP, the status', () => {
    assert.equal(json({ contentType: 1 })['contentType'], 'protobuf');
    assert.equal(json({ httpStatus: 200 })['httpStatus'], 200);
    assert.equal('httpStatus' in json({}), false);
  });
});
