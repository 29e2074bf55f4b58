// Body kinds as RFC 9112 section 6.3 lists them, and media types.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { DecodeStatus } from '#core/base/decode-status.ts';
import {
  BodyKind,
  isBodyTooLong,
  requestBodyKind,
  responseBodyKind,
} from '#core/codec/http1/body-framing.ts';
import { parseRequestHead, parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { mediaTypeName, parseMediaType } from '#core/codec/http1/media-type.ts';
import { HttpHead } from '#core/codec/http1/types.ts';
import { ContentType } from '#core/codec/message.ts';

import { LIMITS } from './support/limits.ts';

function headOf(side: 'request' | 'response', text: string): HttpHead {
  const bytes = Buffer.from(text + '\r\n', 'latin1');
  const head = new HttpHead();
  const parse = side === 'request' ? parseRequestHead : parseResponseHead;
  assert.equal(parse(bytes, 0, bytes.length, head, LIMITS), DecodeStatus.ok);
  return head;
}

const LENGTH = 'Content-Length: 7\r\n';
const NO_LENGTH = 'Content-Length: 0\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

describe('requestBodyKind', () => {
  const kind = (lines: string): number =>
    requestBodyKind(headOf('request', `POST / HTTP/1.1\r\nHost: a\r\n${lines}`));

  test('by length or coding, else none', () => {
    assert.equal(kind(''), BodyKind.none);
    assert.equal(kind(LENGTH), BodyKind.length);
    assert.equal(kind(NO_LENGTH), BodyKind.none);
    assert.equal(kind(CHUNKED), BodyKind.chunked);
  });
});

describe('responseBodyKind', () => {
  const kind = (status: number, lines: string, requestWasHead = false): number =>
    responseBodyKind(headOf('response', `HTTP/1.1 ${status} x\r\n${lines}`), requestWasHead);

  test('by length or coding, else until the peer closes', () => {
    assert.equal(kind(200, LENGTH), BodyKind.length);
    assert.equal(kind(200, NO_LENGTH), BodyKind.none);
    assert.equal(kind(200, CHUNKED), BodyKind.chunked);
    assert.equal(kind(200, ''), BodyKind.untilClose);
    assert.equal(kind(500, ''), BodyKind.untilClose);
  });

  test('none to HEAD and for 1xx, 204, 304, whatever the headers say', () => {
    for (const lines of [LENGTH, NO_LENGTH, CHUNKED, '']) {
      assert.equal(kind(200, lines, true), BodyKind.none);
      for (const status of [100, 101, 103, 199, 204, 304]) {
        assert.equal(kind(status, lines), BodyKind.none);
      }
    }
  });
});

test('isBodyTooLong compares the announced length with the limit', () => {
  const head = headOf('request', `POST / HTTP/1.1\r\nHost: a\r\n${LENGTH}`);
  assert.equal(isBodyTooLong(head, { ...LIMITS, bodyBytesMax: 7 }), false);
  assert.equal(isBodyTooLong(head, { ...LIMITS, bodyBytesMax: 6 }), true);
});

describe('parseMediaType', () => {
  const typeOf = (text: string): number =>
    parseMediaType(Buffer.from(`<${text}>`, 'latin1'), 1, text.length);

  const types: Readonly<Record<string, number>> = {
    '': ContentType.json,
    'application/json': ContentType.json,
    'Application/JSON; charset=UTF-8': ContentType.json,
    'application/json \t;charset=utf-8': ContentType.json,
    'text/json': ContentType.json,
    'application/problem+json': ContentType.json,
    'application/protobuf': ContentType.protobuf,
    'application/x-protobuf': ContentType.protobuf,
    'application/vnd.google.protobuf; proto=a.B': ContentType.protobuf,
    'application/x+protobuf': ContentType.protobuf,
    'application/octet-stream': ContentType.bytes,
    'text/plain': ContentType.bytes,
    'application/jsonx': ContentType.bytes,
    'application/jso': ContentType.bytes,
    '+json': ContentType.bytes,
    '; charset=utf-8': ContentType.bytes,
  };
  for (const [text, expected] of Object.entries(types)) {
    test(text === '' ? 'no Content-Type' : text, () => assert.equal(typeOf(text), expected));
  }

  test('reads back the names that are sent', () => {
    for (const type of Object.values(ContentType)) assert.equal(typeOf(mediaTypeName(type)), type);
  });
});
