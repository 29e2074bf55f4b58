// What a head says beyond its lines: offsets, known headers, flags, limits, moves. Which bytes are
// refused is the corpus's part.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { DecodeStatus } from '#core/base/decode-status.ts';
import { isListedInConnection, keepAliveTimeoutMs } from '#core/codec/http1/connection-tokens.ts';
import { parseRequestHead, parseResponseHead } from '#core/codec/http1/head-parser.ts';
import { HeaderId } from '#core/codec/http1/known-headers.ts';
import { MalformedReason, statusOfReason } from '#core/codec/http1/malformed-reason.ts';
import { HttpHead, HttpMethod } from '#core/codec/http1/types.ts';
import type { HttpLimits } from '#core/codec/http1/types.ts';
import { headerText } from '#core/codec/message.ts';

import { LIMITS } from './support/limits.ts';

interface Parsed {
  readonly bytes: Buffer;
  readonly head: HttpHead;
  readonly status: DecodeStatus;
}

function parseRequest(text: string, limits: HttpLimits = LIMITS, head = new HttpHead()): Parsed {
  const bytes = Buffer.from(text, 'latin1');
  return { bytes, head, status: parseRequestHead(bytes, 0, bytes.length, head, limits) };
}

function request(lines: string, version = '1.1'): HttpHead {
  const { status, head } = parseRequest(`GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`);
  assert.equal(status, DecodeStatus.ok, head.describeReason());
  return head;
}

function response(text: string): HttpHead {
  const bytes = Buffer.from(text, 'latin1');
  const head = new HttpHead();
  const status = parseResponseHead(bytes, 0, bytes.length, head, LIMITS);
  assert.equal(status, DecodeStatus.ok, head.describeReason());
  return head;
}

const FULL =
  'POST http://b.c:1/p/q?r=s HTTP/1.1\r\nHost: a\r\nX: 1\r\nOperation-Type: demo.echo\r\n' +
  'MGW-Session: t\r\nmgw-anything: u\r\nx: 2\r\nContent-Length: 12\r\n\r\n';

function assertFull(bytes: Buffer, head: HttpHead): void {
  const text = (offset: number, length: number): string =>
    bytes.latin1Slice(offset, offset + length);
  assert.equal(head.method, HttpMethod.post);
  assert.equal(text(head.methodOffset, head.methodLength), 'POST');
  assert.equal(text(head.targetOffset, head.targetLength), 'http://b.c:1/p/q?r=s');
  assert.equal(text(head.authorityOffset, head.authorityLength), 'b.c:1');
  assert.equal(text(head.pathOffset, head.pathLength), '/p/q');
  assert.equal(text(head.queryOffset, head.queryLength), 'r=s');
  assert.equal(head.headBytes, FULL.length);
  assert.equal(head.contentLength, 12);
  assert.equal(head.headers.count, 7);
  assert.equal(headerText(head.headers, bytes, 'operation-type'), 'demo.echo');
  assert.deepEqual(Array.from(head.headerIds.subarray(0, 7)), [
    HeaderId.host,
    HeaderId.unknown,
    HeaderId.operationType,
    HeaderId.mgwSession,
    HeaderId.mgwOther,
    HeaderId.unknown,
    HeaderId.contentLength,
  ]);
  assert.equal(head.known[HeaderId.operationType], 2);
  assert.equal(head.known[HeaderId.unknown], 1);
  assert.equal(head.known[HeaderId.cookie], -1);
}

describe('parseRequestHead', () => {
  test('fills offsets, ids and lengths', () => {
    const { bytes, head, status } = parseRequest(FULL);
    assert.equal(status, DecodeStatus.ok);
    assertFull(bytes, head);
  });

  test('goes on in another buffer at another offset', () => {
    const head = new HttpHead();
    let memory = Buffer.alloc(0);
    for (let length = 0; length <= FULL.length; length++) {
      const start = (length * 7) % 11;
      memory = Buffer.from('\r'.repeat(start) + FULL.slice(0, length) + '\n\n', 'latin1');
      const status = parseRequestHead(memory, start, start + length, head, LIMITS);
      const isWhole = length === FULL.length;
      assert.equal(status, isWhole ? DecodeStatus.ok : DecodeStatus.needMore);
    }
    assertFull(memory, head);
  });

  test('keeps its offsets right through rebase', () => {
    const { bytes, head } = parseRequest(FULL);
    const moved = Buffer.concat([Buffer.from('xyz'), bytes]);
    head.rebase(3);
    assertFull(moved, head);
  });

  test('reset leaves nothing of the message before', () => {
    const flags =
      'Connection: close, keep-alive, upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\n' +
      'Expect: other\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { head } = parseRequest(FULL);
    for (const text of [FULL, `GET /p?q HTTP/1.1\r\nHost: a\r\n${flags}`, 'GET / HTTP/1.0\r\nX']) {
      head.reset();
      assert.notEqual(parseRequest(text, LIMITS, head).status, DecodeStatus.malformed);
      parseRequestHead(Buffer.from('@'), 0, 1, head, LIMITS);
      head.reset();
      assert.equal(head.headers.count, 0);
      const same = { headers: 0, headerIds: 0 };
      assert.deepEqual({ ...head, ...same }, { ...new HttpHead(), ...same });
    }
    const bytes = Buffer.from('HTTP/1.0 299 x\r\n\r\n');
    assert.equal(parseResponseHead(bytes, 0, bytes.length, head, LIMITS), DecodeStatus.ok);
    head.reset();
    const { status } = parseRequest('GET / HTTP/1.1\r\nHost: z\r\n\r\n', LIMITS, head);
    assert.equal(status, DecodeStatus.ok);
    assert.equal(head.status, 0);
    assert.equal(head.contentLength, -1);
    assert.equal(head.known[HeaderId.operationType], -1);
    assert.equal(head.authorityLength, 1);
  });

  test('stops behind the head and gives the same answer again', () => {
    const text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const { bytes, head } = parseRequest(text + text);
    assert.equal(head.headBytes, text.length);
    assert.equal(parseRequestHead(bytes, 0, bytes.length, head, LIMITS), DecodeStatus.ok);
    assert.equal(head.headBytes, text.length);
  });

  test('counts an empty line in front into the head', () => {
    const { head } = parseRequest('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(head.headBytes, 29);
    assert.equal(head.methodOffset, 2);
  });

  test('refuses for good', () => {
    const { head } = parseRequest('GET / HTTP/1.1\r\nX : y');
    const good = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const status = parseRequestHead(good, 0, good.length, head, LIMITS);
    assert.equal(status, DecodeStatus.malformed);
    assert.equal(head.malformedReason, MalformedReason.spaceBeforeColon);
    assert.match(head.describeReason(), /before|between/);
  });

  test('takes Host as authority of a path', () => {
    const { bytes, head } = parseRequest('GET /x HTTP/1.1\r\nHost: h:1\r\n\r\n');
    const end = head.authorityOffset + head.authorityLength;
    assert.equal(bytes.latin1Slice(head.authorityOffset, end), 'h:1');
  });

  test('leaves the path of a URL without one empty', () => {
    const { head } = parseRequest('GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(head.pathLength, 0);
    assert.equal(head.queryLength, 1);
  });

  test('keeps more headers than the first arrays hold', () => {
    const lines = Array.from({ length: 200 }, (_, index) => `X${index}: ${index}\r\n`).join('');
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${lines}Cookie: c\r\n\r\n`;
    const { bytes, head, status } = parseRequest(text, { ...LIMITS, headersMax: 500 });
    assert.equal(status, DecodeStatus.ok);
    assert.equal(headerText(head.headers, bytes, 'x199'), '199');
    assert.equal(head.headerIds[head.known[HeaderId.cookie]!], HeaderId.cookie);
    assert.equal(head.headerIds[head.known[HeaderId.host]!], HeaderId.host);
  });
});

describe('limits of a head', () => {
  const text = 'GET /abc HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n';

  test('a head of exactly the limit passes, one byte less does not', () => {
    const fits = parseRequest(text, { ...LIMITS, headBytesMax: text.length });
    assert.equal(fits.status, DecodeStatus.ok);
    const tooLong = parseRequest(text, { ...LIMITS, headBytesMax: text.length - 1 });
    assert.equal(tooLong.status, DecodeStatus.tooLarge);
    assert.equal(tooLong.head.malformedReason, MalformedReason.headTooLong);
    assert.equal(statusOfReason(tooLong.head.malformedReason), 431);
  });

  test('a head that fills the limit is too large before its next byte', () => {
    const limits = { ...LIMITS, headBytesMax: 20 };
    assert.equal(parseRequest(text.slice(0, 19), limits).status, DecodeStatus.needMore);
    assert.equal(parseRequest(text.slice(0, 20), limits).status, DecodeStatus.tooLarge);
  });

  test('a target beyond the limit is named', () => {
    const { head, status } = parseRequest(text, { ...LIMITS, headBytesMax: 7 });
    assert.equal(status, DecodeStatus.tooLarge);
    assert.equal(statusOfReason(head.malformedReason), 414);
  });

  test('headers up to the limit pass, the next one is refused at its first byte', () => {
    assert.equal(parseRequest(text, { ...LIMITS, headersMax: 2 }).status, DecodeStatus.ok);
    const limits = { ...LIMITS, headersMax: 1 };
    const before = 'GET /abc HTTP/1.1\r\nHost: a\r\n';
    assert.equal(parseRequest(before, limits).status, DecodeStatus.needMore);
    const { head, status } = parseRequest(before + 'X', limits);
    assert.equal(status, DecodeStatus.tooLarge);
    assert.equal(head.malformedReason, MalformedReason.headersTooMany);
  });
});

describe('refusal at the byte that decides', () => {
  const start = 'GET / HTTP/1.1\r\nHost: a\r\n';
  const cases: Readonly<Record<string, string>> = {
    'binary instead of a method': '\x16',
    'a method longer than all': 'GETTINGX',
    'target of no form': 'GET a',
    'major version': 'GET / HTTP/2',
    'bare LF': 'GET / HTTP/1.1\n',
    'folded line': `${start} `,
    'space before the colon': `${start}X `,
    'length of no number': `${start}Content-Length: 1x`,
    'length too large': `${start}Content-Length: 9007199254740992`,
    'second length': `${start}Content-Length: 1\r\nContent-Length:`,
    'coding beside a length': `${start}Content-Length: 1\r\nTransfer-Encoding:`,
    'coding other than chunked': `${start}Transfer-Encoding: g`,
    'coding behind chunked': `${start}Transfer-Encoding: chunked,`,
    'second Host': `${start}Host:`,
    'control character': `${start}X: \x01`,
  };
  for (const [name, text] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(parseRequest(text.slice(0, -1)).status, DecodeStatus.needMore);
      assert.equal(parseRequest(text).status, DecodeStatus.malformed);
    });
  }
});

describe('flags of a head', () => {
  test('keepAlive by version and Connection', () => {
    assert.equal(request('').keepAlive, true);
    assert.equal(request('Connection: Close\r\n').keepAlive, false);
    assert.equal(request('', '1.0').keepAlive, false);
    assert.equal(request('Connection: Keep-Alive\r\n', '1.0').keepAlive, true);
    assert.equal(request('Connection: close, keep-alive\r\n', '1.0').keepAlive, false);
  });

  test('expectations', () => {
    assert.equal(request('Expect: 100-Continue\r\n').expectContinue, true);
    assert.equal(request('Expect: 100-continue\r\n', '1.0').expectContinue, false);
    assert.equal(request('Expect: magic\r\n').hasOtherExpectation, true);
    assert.equal(request('').expectContinue, false);
  });

  test('upgrade only when Connection lists it', () => {
    assert.equal(request('Upgrade: h2c\r\n').hasUpgrade, false);
    assert.equal(request('Connection: upgrade\r\n').hasUpgrade, false);
    assert.equal(request('Upgrade: h2c\r\nConnection: x, Upgrade\r\n').hasUpgrade, true);
    assert.equal(request('Upgrade: h2c\r\nConnection: upgrade\r\n', '1.0').hasUpgrade, false);
  });

  test('Connection tokens besides close and keep-alive', () => {
    assert.equal(request('Connection: close, keep-alive\r\n').hasConnectionTokens, false);
    assert.equal(request('Connection: X-Secret\r\n').hasConnectionTokens, true);
  });

  test('isListedInConnection compares names without case, over all Connection headers', () => {
    const { bytes, head } = parseRequest(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: a1, X-One\r\nx-ONE: 1\r\nx-two: 2\r\na: 0\r\n' +
        'connection: ,x-tw^\r\nx-tw~: 3\r\nConnection: close , X-TWO\r\n\r\n',
    );
    const isListed = (name: string): boolean =>
      isListedInConnection(bytes, head, bytes.indexOf(`\n${name}:`) + 1, name.length);
    assert.equal(isListed('x-ONE'), true);
    assert.equal(isListed('x-two'), true);
    assert.equal(isListed('x-tw~'), false);
    assert.equal(isListed('a'), false);
    assert.equal(isListed('Host'), false);
  });

  test('Keep-Alive timeout', () => {
    const timeout = (value: string): number => {
      const { bytes, head } = parseRequest(
        `GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: ${value}\r\n\r\n`,
      );
      return keepAliveTimeoutMs(bytes, head);
    };
    assert.equal(timeout('timeout=5'), 5000);
    assert.equal(timeout('max=100, Timeout=72'), 72000);
    assert.equal(timeout('timeout=99999999999999999999'), 86_400_000);
    assert.equal(timeout('timeout=5x'), -1);
    assert.equal(timeout('timeout='), -1);
    assert.equal(timeout('max=5'), -1);
    const { bytes, head } = parseRequest('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(keepAliveTimeoutMs(bytes, head), -1);
  });
});

describe('parseResponseHead', () => {
  test('fills status and phrase', () => {
    const text = 'HTTP/1.1 503 Try later\r\nRetry-After: 1\r\n\r\n';
    const head = response(text);
    assert.equal(head.status, 503);
    assert.equal(text.slice(head.reasonOffset, head.reasonOffset + head.reasonLength), 'Try later');
    assert.equal(head.method, HttpMethod.none);
    assert.equal(head.known[HeaderId.retryAfter], 0);
  });

  test('does not keep a connection whose answer may mean two things', () => {
    assert.equal(response('HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n').keepAlive, true);
    assert.equal(response('HTTP/1.1 204 x\r\nContent-Length: 1\r\n\r\n').keepAlive, false);
    assert.equal(response('HTTP/1.1 102 x\r\nTransfer-Encoding: chunked\r\n\r\n').keepAlive, false);
    assert.equal(response('HTTP/1.1 101 x\r\n\r\n').keepAlive, false);
    assert.equal(response('HTTP/1.1 304 x\r\nContent-Length: 1\r\n\r\n').keepAlive, true);
  });
});
