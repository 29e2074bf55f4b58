// HTTP/1.1 as the gateway meets it: a request head of ten headers in, an answer's head out.

import assert from 'node:assert/strict';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import {
  appendContentLength,
  appendDate,
  appendHeader,
  appendHeadEnd,
  appendStatusLine,
} from '#core/codec/http1/encoder.ts';
import { parseRequestHead, parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { HttpHead, type HttpLimits } from '#core/codec/http1/types.ts';
import { checked, seededBytes, type CorpusCase } from './corpus-case.ts';

const LIMITS: HttpLimits = {
  headBytesMax: 32_768,
  headersMax: 128,
  bodyBytesMax: 1024 * 1024,
  chunkLineBytesMax: 1024,
  trailerBytesMax: 1024,
};

const HEADERS = 10;
const BODY_BYTES = 128;
const ANSWER_BYTES = 256;
const WALL_MS = 1_700_000_000_000;

function requestHead(): Buffer {
  const session = seededBytes(650, 'session').toString('base64url');
  const lines = [
    'POST /mgw.htm HTTP/1.1',
    'Host: gateway.example.com',
    'Accept: application/json',
    'Content-Type: application/json',
    `Content-Length: ${BODY_BYTES}`,
    'User-Agent: bench/1.0 (Linux; Android 14)',
    'Operation-Type: bench.account.get',
    'AppId: bench',
    'WorkspaceId: default',
    'Version: 2',
    `Cookie: MGW_SESSION=${session}`,
    '\r\n',
  ];
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

export const httpCases: readonly CorpusCase[] = [
  {
    name: 'http request head',
    prepare() {
      const bytes = requestHead();
      const head = new HttpHead();
      const operation = () => {
        head.reset();
        parseRequestHead(bytes, 0, bytes.length, head, LIMITS);
        return head.headBytes + head.headers.count;
      };
      checked(operation, bytes.length + HEADERS);
      assert.equal(head.contentLength, BODY_BYTES);
      return operation;
    },
  },
  {
    name: 'http response head',
    prepare() {
      const out = new OutBuffer();
      const operation = () => {
        out.length = 0;
        appendStatusLine(out, 200);
        appendHeader(out, 'Content-Type', 'application/json');
        appendHeader(out, 'Result-Status', '1000');
        appendHeader(out, 'Mgw-Trace', '0af7651916cd43dd8448eb211c80319c');
        appendHeader(out, 'Server-Timing', 'gw;dur=0.102, up;dur=0.731');
        appendDate(out, WALL_MS);
        appendContentLength(out, ANSWER_BYTES);
        appendHeadEnd(out);
        return out.length;
      };
      const head = new HttpHead();
      const length = operation();
      assert.equal(parseResponseHead(out.bytes, 0, length, head, LIMITS), DecodeStatus.ok);
      assert.equal(head.headBytes, length);
      assert.equal(head.headers.count, 6);
      assert.equal(head.contentLength, ANSWER_BYTES);
      return checked(operation, length);
    },
  },
];
