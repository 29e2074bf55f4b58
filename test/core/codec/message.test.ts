// The message model: header lists, and retain(), which must keep every byte that a message points
// at when the read buffer is used again.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  findHeader,
  HEADER_WORDS,
  headerText,
  HeaderList,
  RequestMessage,
  ResponseMessage,
} from '#core/codec/message.ts';

/** Fields of a request that are an offset and a length into `source`. */
const SPANS = [
  ['operationOffset', 'operationLength'],
  ['appIdOffset', 'appIdLength'],
  ['workspaceIdOffset', 'workspaceIdLength'],
  ['deviceIdOffset', 'deviceIdLength'],
  ['signOffset', 'signLength'],
  ['requestIdOffset', 'requestIdLength'],
  ['methodOffset', 'methodLength'],
  ['targetOffset', 'targetLength'],
  ['sessionTextOffset', 'sessionTextLength'],
] as const;

/** Every text that `request` points at. */
function textsOf(request: RequestMessage): readonly string[] {
  const texts = SPANS.map(([offset, length], index) => {
    const isElsewhere = index === 3 && request.deviceSource !== null;
    const source = isElsewhere ? request.deviceSource! : request.source;
    return source.latin1Slice(request[offset], request[offset] + request[length]);
  });
  const { sessionSource, sessionOffset, sessionLength, bodySource, bodyOffset } = request;
  const session = Math.max(0, sessionLength);
  texts.push(sessionSource.latin1Slice(sessionOffset, sessionOffset + session));
  texts.push(bodySource.latin1Slice(bodyOffset, bodyOffset + request.bodyLength));
  return [...texts, ...headerTexts(request.headers, request.source)];
}

function headerTexts(headers: HeaderList, source: Buffer): string[] {
  const texts: string[] = [];
  const { words } = headers;
  for (let i = 0; i < headers.count * HEADER_WORDS; i += 2) {
    texts.push(source.latin1Slice(words[i]!, words[i]! + words[i + 1]!));
  }
  return texts;
}

const spanArbitrary = fc.tuple(fc.nat(400), fc.oneof(fc.constant(0), fc.nat(100)));

const requestArbitrary = fc.record({
  spans: fc.array(spanArbitrary, { minLength: SPANS.length, maxLength: SPANS.length }),
  session: spanArbitrary,
  sessionState: fc.constantFrom('none', 'in source', 'elsewhere', 'undecodable'),
  body: spanArbitrary,
  isBodyElsewhere: fc.boolean(),
  isDeviceElsewhere: fc.boolean(),
  headers: fc.array(fc.tuple(spanArbitrary, spanArbitrary), { maxLength: 40 }),
});

function numberedBytes(seed: number): Buffer {
  return Buffer.from(Array.from({ length: 512 }, (_, index) => 33 + ((index * 7 + seed) % 90)));
}

function build(shape: typeof requestArbitrary extends fc.Arbitrary<infer T> ? T : never): {
  readonly request: RequestMessage;
  readonly buffers: readonly Buffer[];
} {
  const request = new RequestMessage();
  const source = numberedBytes(0);
  const other = numberedBytes(31);
  const device = numberedBytes(57);
  request.source = source;
  shape.spans.forEach(([offset, length], index) => {
    const [offsetName, lengthName] = SPANS[index]!;
    request[offsetName] = offset;
    request[lengthName] = length;
  });
  if (shape.isDeviceElsewhere) request.deviceSource = device;
  if (shape.sessionState !== 'none') {
    request.sessionSource = shape.sessionState === 'in source' ? source : other;
    [request.sessionOffset, request.sessionLength] = shape.session;
    if (shape.sessionState === 'undecodable') request.sessionLength = -1;
  }
  request.bodySource = shape.isBodyElsewhere ? other : source;
  [request.bodyOffset, request.bodyLength] = shape.body;
  for (const [[nameOffset, nameLength], [valueOffset, valueLength]] of shape.headers) {
    request.headers.add(nameOffset, nameLength, valueOffset, valueLength);
  }
  return { request, buffers: [source, other] };
}

describe('RequestMessage', () => {
  test('property: retain keeps every text when the buffers are used again', () => {
    fc.assert(
      fc.property(requestArbitrary, fc.integer({ min: 1, max: 3 }), (shape, times) => {
        const { request, buffers } = build(shape);
        const { sessionLength } = request;
        const before = textsOf(request);
        for (let i = 0; i < times; i++) {
          const { source, bodySource } = request;
          request.retain();
          for (const buffer of [...buffers, source, bodySource]) buffer.fill(0xdd);
        }
        assert.deepEqual(textsOf(request), before);
        assert.equal(request.sessionLength, sessionLength);
      }),
      { numRuns: 300 },
    );
  });

  test('retain takes no more memory than the message needs', () => {
    const request = new RequestMessage();
    request.source = Buffer.alloc(1 << 20);
    request.operationOffset = 1000;
    request.operationLength = 10;
    request.headers.add(1020, 4, 1026, 14);
    request.bodySource = request.source;
    request.bodyOffset = 500_000;
    request.bodyLength = 60;
    request.retain();
    assert.equal(request.source.buffer.byteLength, 40 + 60);
  });

  test('property: shift moves what points into source, and nothing else', () => {
    fc.assert(
      fc.property(requestArbitrary, fc.nat(1000), (shape, delta) => {
        const { request } = build(shape);
        const before = textsOf(request);
        const moved = Buffer.concat([Buffer.alloc(delta), request.source]);
        request.source = moved;
        request.shift(delta);
        assert.deepEqual(textsOf(request), before);
      }),
      { numRuns: 200 },
    );
  });

  test('reset forgets everything a request had', () => {
    fc.assert(
      fc.property(requestArbitrary, (shape) => {
        const { request } = build(shape);
        Object.assign(request, { timeoutMs: 5, bucket: 7, attempt: 1, flags: 3, channel: 2 });
        Object.assign(request, { clientIp: 'x', timestampMs: 9, hasTrace: true, signType: 1 });
        Object.assign(request, { isPathRouted: true, contentType: 2 });
        request.reset();
        const fresh = new RequestMessage();
        const { headers, trace: _, ...plain } = request;
        const { headers: freshHeaders, trace: __, ...freshPlain } = fresh;
        assert.deepEqual(plain, freshPlain);
        assert.equal(headers.count, freshHeaders.count);
      }),
      { numRuns: 50 },
    );
  });
});

describe('ResponseMessage', () => {
  test('property: retain keeps headers and body', () => {
    fc.assert(
      fc.property(requestArbitrary, ({ headers, body }) => {
        const response = new ResponseMessage();
        const source = numberedBytes(3);
        const bodySource = numberedBytes(19);
        response.headerSource = source;
        for (const [[a, b], [c, d]] of headers) response.headers.add(a, b, c, d);
        response.bodySource = bodySource;
        [response.bodyOffset, response.bodyLength] = body;
        const texts = (): string[] => {
          const { bodyOffset, bodyLength } = response;
          const text = response.bodySource.latin1Slice(bodyOffset, bodyOffset + bodyLength);
          return [...headerTexts(response.headers, response.headerSource), text];
        };
        const before = texts();
        response.retain();
        source.fill(0xdd);
        bodySource.fill(0xdd);
        assert.deepEqual(texts(), before);
      }),
      { numRuns: 200 },
    );
  });

  test('reset forgets the answer', () => {
    const response = new ResponseMessage();
    response.resultCode = 1000;
    response.httpStatus = 500;
    response.memo = response.tips = 'x';
    response.added.push('a', 'b');
    response.headers.add(0, 1, 2, 3);
    response.bodyLength = 5;
    response.isStreaming = true;
    response.streamBytes = 9;
    response.reset();
    assert.deepEqual(response.added, []);
    assert.equal(response.headers.count, 0);
    const { headers: _, ...plain } = response;
    const { headers: __, ...fresh } = new ResponseMessage();
    assert.deepEqual(plain, fresh);
  });
});

describe('HeaderList', () => {
  test('grows beyond its first memory and copies', () => {
    const list = new HeaderList();
    for (let i = 0; i < 100; i++) list.add(i, 1, i * 2, 2);
    const copy = new HeaderList();
    copy.copyFrom(list);
    list.clear();
    assert.equal(list.count, 0);
    assert.equal(copy.count, 100);
    assert.deepEqual(
      [...copy.words.subarray(99 * HEADER_WORDS, 100 * HEADER_WORDS)],
      [99, 1, 198, 2],
    );
  });

  test('findHeader ignores case, takes the first, wants the whole name', () => {
    const source = Buffer.from('X-AB|x-a|X-A|1|2|3', 'latin1');
    const headers = new HeaderList();
    headers.add(0, 4, 13, 1);
    headers.add(5, 3, 15, 1);
    headers.add(9, 3, 17, 1);
    assert.equal(findHeader(headers, source, 'x-a'), 1);
    assert.equal(headerText(headers, source, 'x-a'), '2');
    assert.equal(headerText(headers, source, 'x-ab'), '1');
    assert.equal(findHeader(headers, source, 'x'), -1);
    assert.equal(headerText(headers, source, 'x-abc'), undefined);
  });

  test('findHeader folds letters only: [ is not {', () => {
    const source = Buffer.from('x[', 'latin1');
    const headers = new HeaderList();
    headers.add(0, 2, 0, 0);
    assert.equal(findHeader(headers, source, 'x{'), -1);
  });
});
