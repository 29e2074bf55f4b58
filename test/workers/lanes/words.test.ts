// Requests and answers as words: what comes out is what went in, in every field that there is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Errors } from '#core/base/errors.ts';
import { DownstreamProtocol, RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import { exchangeOf } from '#test/core/pipeline/support/filter-bench.ts';
import {
  readRequest,
  requestWords,
  requestWordsMax,
  writeRequest,
} from '#workers/lanes/request-words.ts';
import {
  readResponse,
  responseWords,
  STYLES,
  textsOf,
  writeResponse,
  type ReplyFacts,
} from '#workers/lanes/response-words.ts';

const ARENA = Buffer.alloc(4096, 'abcdefghijklmnopqrstuvwxyz');

/** Numbers of a message that are no offsets: what each may be. */
const RANGES: Readonly<Record<string, number>> = {
  signType: 255,
  timestampMs: 2 ** 53 - 1,
  timeoutMs: 2 ** 32 - 1,
  bucket: 9999,
  attempt: 255,
  flags: 255,
  channel: 255,
  contentType: 255,
};

/** A message with every field set: those that a class gets later fail the test until they cross. */
function requestFrom(random: (max: number) => number): RequestMessage {
  const request = new RequestMessage();
  const fields = request as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(request)) {
    if (typeof value === 'number') fields[name] = random(RANGES[name] ?? 4000);
    else if (typeof value === 'boolean') fields[name] = random(1) === 1;
  }
  request.source = request.sessionSource = request.bodySource = ARENA;
  request.deviceSource = random(1) === 1 ? ARENA : null;
  request.clientIp = '10.0.0.1';
  if (request.hasTrace)
    for (let i = 0; i < request.trace.length; i++) request.trace[i] = random(255);
  for (let i = random(40); i > 0; i--) {
    request.headers.add(random(4000), random(90), random(4000), random(90));
  }
  return request;
}

/** Everything that can be compared. */
function shown(message: RequestMessage | ResponseMessage): Record<string, unknown> {
  const { headers } = message;
  const entries = Object.entries(message).filter(([name]) => name !== 'headers');
  const words = [...headers.words.subarray(0, headers.count * 4)];
  return { ...Object.fromEntries(entries), words };
}

describe('request words', () => {
  test('property: every field of a request crosses', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (stream) => {
        const random = (max: number): number => {
          return Math.min(max, Math.floor((stream.next().value as number) * (max + 1)));
        };
        const request = requestFrom(random);
        const count = requestWords(request);
        assert.ok(count <= requestWordsMax(40));
        const words = new Int32Array(count + 20);
        writeRequest(words, 10, request, 12345.678, { offset: 0, length: 0 });
        assert.deepEqual(
          [...words.subarray(10 + count)],
          Array.from({ length: 10 }, () => 0),
        );
        const read = new RequestMessage();
        const startedMs = readRequest(words, 10, read, ARENA, '10.0.0.1');
        assert.equal(startedMs, 12345.678);
        if (!request.hasTrace) request.trace.fill(0);
        assert.deepEqual(shown(read), shown(request));
      }),
      { numRuns: 300 },
    );
  });

  test('an address of the client that is not the peer’s', () => {
    const words = new Int32Array(100);
    const arena = Buffer.from('..192.0.2.77..', 'latin1');
    const request = new RequestMessage();
    writeRequest(words, 0, request, 0, { offset: 2, length: 10 });
    const read = new RequestMessage();
    readRequest(words, 0, read, arena, '10.0.0.1');
    assert.equal(read.clientIp, '192.0.2.77');
  });
});

describe('response words', () => {
  test('every field of an answer crosses, with texts and headers of the gateway', () => {
    for (const protocol of [DownstreamProtocol.mmtp, DownstreamProtocol.http1]) {
      const exchange = exchangeOf();
      exchange.protocol = protocol;
      exchange.error = Errors.timeout;
      exchange.sentMs = 100;
      exchange.isSent = true;
      exchange.answeredMs = 101.5;
      exchange.request.trace.fill(0x5a);
      const { response } = exchange;
      const fields = response as unknown as Record<string, unknown>;
      let next = 3;
      for (const [name, value] of Object.entries(response)) {
        if (typeof value === 'number') fields[name] = next++;
      }
      response.isStreaming = true;
      response.streamBytes = 2 ** 40;
      response.memo = 'nicht möglich';
      response.tips = '请稍后再试';
      response.added.push('X-Müll', 'ä', 'Empty', '');
      response.headers.add(100, 4, 200, 9);
      const texts = textsOf(response);
      const bytes = Buffer.alloc(1000);
      const base = 64;
      texts.copy(bytes, base + 500);
      const count = responseWords(exchange);
      const words = new Int32Array(count + 1);
      writeResponse(words, 0, exchange, 500);
      assert.equal(words[count], 0);
      const read = new ResponseMessage();
      const trace = Buffer.alloc(25);
      const facts: ReplyFacts = { error: null, api: STYLES[0]!, upstreamMs: -1 };
      readResponse(words, 0, read, bytes, base, trace, facts);
      assert.equal(facts.error, Errors.timeout);
      assert.equal(facts.upstreamMs, 1.5);
      assert.equal(trace[15], protocol === DownstreamProtocol.http1 ? 0x5a : 0);
      response.headers.shift(base);
      response.bodyOffset += base;
      response.bodySource = response.headerSource = bytes;
      assert.deepEqual(shown(read), shown(response));
    }
  });
});
