// What becomes of a trusted peer's word about the bucket, which no service sees, and of a device id
// that is too long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import { parseRequestHead } from '#core/codec/http1/head-parser.ts';
import { HttpHead } from '#core/codec/http1/types.ts';
import { RequestMessage } from '#core/codec/message.ts';
import { fillRequest } from '#core/downstream/http-request.ts';

const LIMITS = {
  headBytesMax: 4096,
  headersMax: 100,
  bodyBytesMax: 4096,
  chunkLineBytesMax: 100,
  trailerBytesMax: 100,
};

interface Filled {
  readonly request: RequestMessage;
  readonly error: GatewayError | null;
}

function fill(lines: string, isTrusted: boolean): Filled {
  const bytes = Buffer.from(`GET /mgw.htm HTTP/1.1\r\nHost: x\r\n${lines}\r\n`, 'latin1');
  const head = new HttpHead();
  parseRequestHead(bytes, 0, bytes.length, head, LIMITS);
  const request = new RequestMessage();
  return { request, error: fillRequest(request, bytes, head, isTrusted, '127.0.0.1') };
}

function bucketOf(values: readonly string[], isTrusted = true): number {
  const lines = values.map((value) => `Mgw-Bucket: ${value}\r\n`).join('');
  const { request, error } = fill(lines, isTrusted);
  assert.equal(error, null);
  return request.bucket;
}

test('fillRequest: a bucket is believed of a trusted peer that names one', () => {
  assert.equal(bucketOf(['42']), 42);
  assert.equal(bucketOf(['9999']), 9999);
  assert.equal(bucketOf(['42'], false), -1);
  for (const text of ['', '10000', '-1', '0x10', '1e3', '4.2', 'x']) {
    assert.equal(bucketOf([text]), -1, text);
  }
  assert.equal(bucketOf(['1', '42']), -1);
  assert.equal(bucketOf(['42', '42']), -1);
});

test('fillRequest: a device id has at most 256 bytes', () => {
  const longest = fill(`Did: ${'d'.repeat(256)}\r\n`, false);
  assert.deepEqual([longest.error, longest.request.deviceIdLength], [null, 256]);
  assert.equal(fill(`Did: ${'d'.repeat(257)}\r\n`, false).error, Errors.fieldMalformed);
});
