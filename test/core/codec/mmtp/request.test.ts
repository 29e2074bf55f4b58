// REQUEST frames into messages: golden frames with a legend, every field, every way to be wrong.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestMessage } from '#core/codec/message.ts';
import { encodeRequest, RequestTemplate } from '#core/codec/mmtp/client-request.ts';
import type { RequestFields } from '#core/codec/mmtp/client-request.ts';
import { DynamicTable, DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame } from '#core/codec/mmtp/frame.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { Field, MetaStatus } from '#core/codec/mmtp/types.ts';
import { decodeMeta, encoded, fromDump, peekWhole, plainRequest, tlv, varint } from './support.ts';

const { ok, malformed, fieldWrong } = MetaStatus;

function decodeFrame(bytes: Buffer, isTrusted = true, table = new DynamicTable(128)) {
  const request = new RequestMessage();
  const frame = peekWhole(bytes);
  const status = decodeRequest(bytes, frame, table, request, 64, isTrusted);
  return { status, request, frame };
}

function header(name: string, value: string): Buffer {
  return tlv(Field.header, Buffer.concat([varint(name.length), Buffer.from(name + value)]));
}

describe('decodeRequest', () => {
  test('reads every field of a golden frame', () => {
    const bytes = fromDump(`
      4d 01 05 02 00 00 00 05 0000008c 0074 01 00 | REQUEST, CAN_RESEND, stream 5, 140 bytes
      01 09 64 65 6d 6f 2e 65 63 68 6f | OPERATION_TYPE "demo.echo"
      02 02 41 31                      | APP_ID "A1"
      03 02 57 31                      | WORKSPACE_ID "W1"
      04 03 aa bb cc                   | SESSION
      05 08 00 00 01 8b cf e5 68 00    | TIMESTAMP 1700000000000
      06 02 0f f0                      | SIGN
      07 01 03                         | SIGN_TYPE 3
      08 04 c3 bc 64 31                | DEVICE_ID "üd1"
      09 04 00 00 0b b8                | TIMEOUT_MS 3000
      0a 05 01 78 31 20 32             | HEADER x: "1 2"
      0e 19 000102030405060708090a0b0c0d0e0f 1011121314151617 01 | TRACE
      0f 04 0a 00 00 01                | CLIENT_IP 10.0.0.1
      1d 01 02                         | ATTEMPT 2
      1e 02 27 0f                      | BUCKET 9999
      1f 08 01 02 03 04 05 06 07 08    | REQUEST_ID
      20 01 02                         | CONTENT_TYPE bytes
      7b 01 00                         | field 123, unknown
      7b 7d 22 31 32 33 34 35          | body`);
    const { status, request } = decodeFrame(bytes);
    assert.equal(status, ok);
    assert.deepEqual(plainRequest(request), {
      operationType: 'demo.echo',
      appId: 'A1',
      workspaceId: 'W1',
      deviceId: 'üd1',
      session: 'aabbcc',
      sign: '0ff0',
      signType: 3,
      requestId: '0102030405060708',
      timestampMs: 1_700_000_000_000,
      timeoutMs: 3000,
      clientIp: '10.0.0.1',
      bucket: 9999,
      attempt: 2,
      flags: 2,
      channel: 1,
      contentType: 2,
      trace: '000102030405060708090a0b0c0d0e0f101112131415161701',
      headers: [['x', '1 2']],
      body: '7b7d223132333435',
    });
    assert.equal(request.source, bytes);
  });

  test('forgets the request decoded into the same message before', () => {
    const { request, frame } = decodeFrame(
      encoded((out) => {
        encodeRequest(out, { ...FULL, streamId: 1 });
      }),
    );
    const bytes = encoded((out) => {
      encodeRequest(out, { streamId: 3, operationType: 'x', channel: 0 });
    });
    peekWhole(bytes, frame);
    assert.equal(decodeRequest(bytes, frame, new DynamicTable(0), request, 64, true), ok);
    const fresh = plainRequest(new RequestMessage());
    assert.deepEqual(plainRequest(request), { ...fresh, operationType: 'x' });
  });

  test('leaves a missing or empty operation type to the pipeline', () => {
    assert.deepEqual(
      [decodeMeta(Buffer.alloc(0))].map((d) => [d.status, d.request.operationLength]),
      [[ok, 0]],
    );
    assert.equal(decodeMeta(tlv(Field.operationType, '')).status, ok);
  });

  test('takes the last of repeated fields and keeps all headers', () => {
    const meta = Buffer.concat([
      tlv(Field.operationType, 'first'),
      header('a', '1'),
      tlv(Field.operationType, 'second'),
      header('a', '2'),
    ]);
    const plain = plainRequest(decodeMeta(meta).request);
    assert.equal(plain['operationType'], 'second');
    assert.deepEqual(plain['headers'], [
      ['a', '1'],
      ['a', '2'],
    ]);
  });

  test('believes CLIENT_IP and BUCKET only from trusted peers', () => {
    const meta = Buffer.concat([
      tlv(Field.clientIp, Buffer.from('20010db8000000000000000000000001', 'hex')),
      tlv(Field.bucket, Buffer.from([0, 7])),
    ]);
    const trusted = decodeMeta(meta, { trusted: true }).request;
    assert.deepEqual([trusted.clientIp, trusted.bucket], ['2001:db8::1', 7]);
    const other = decodeMeta(meta).request;
    assert.deepEqual([other.clientIp, other.bucket], ['', -1]);
  });

  const wrong: readonly [name: string, field: number, value: Buffer | string][] = [
    ['operation type of 129 bytes', Field.operationType, 'x'.repeat(129)],
    ['session of 8193 bytes', Field.session, Buffer.alloc(8193)],
    ['device id of 257 bytes', Field.deviceId, 'x'.repeat(257)],
    ['timestamp of 7 bytes', Field.timestamp, Buffer.alloc(7)],
    ['timestamp of 2^53', Field.timestamp, Buffer.from('0020000000000000', 'hex')],
    ['sign type of 2 bytes', Field.signType, Buffer.alloc(2)],
    ['timeout of 3 bytes', Field.timeoutMs, Buffer.alloc(3)],
    ['trace of 24 bytes', Field.trace, Buffer.alloc(24)],
    ['client address of 5 bytes', Field.clientIp, Buffer.alloc(5)],
    ['attempt of no bytes', Field.attempt, ''],
    ['bucket 10000', Field.bucket, Buffer.from([0x27, 0x10])],
    ['bucket of 1 byte', Field.bucket, Buffer.alloc(1)],
    ['request id of 7 bytes', Field.requestId, Buffer.alloc(7)],
    ['request id of 17 bytes', Field.requestId, Buffer.alloc(17)],
    ['content type 3', Field.contentType, Buffer.from([3])],
    ['header without name', Field.header, Buffer.from([0, 0x61])],
    ['header name with a space', Field.header, Buffer.from('\x02a b')],
    ['header value with a line break', Field.header, Buffer.from('\x01ab\r\nx: y')],
    ['header value with NUL', Field.header, Buffer.from('\x01ab\0')],
  ];
  for (const [name, field, value] of wrong) {
    test(`calls a ${name} a wrong field and reads the others`, () => {
      const meta = Buffer.concat([tlv(field, value), tlv(Field.appId, 'app')]);
      const decoded = decodeMeta(meta);
      assert.deepEqual([decoded.status, decoded.wrongField], [fieldWrong, field]);
      assert.equal(plainRequest(decoded.request)['appId'], 'app');
    });
  }

  test('accepts values at their limits', () => {
    const meta = Buffer.concat([
      tlv(Field.operationType, 'x'.repeat(128)),
      tlv(Field.session, Buffer.alloc(8192)),
      tlv(Field.deviceId, 'x'.repeat(256)),
      tlv(Field.timestamp, Buffer.from('001fffffffffffff', 'hex')),
      tlv(Field.requestId, Buffer.alloc(16)),
      tlv(Field.timeoutMs, Buffer.alloc(4, 0xff)),
      header("!#$%&'*+-.^_`|~09azAZ", '\t ~\u00ff'),
    ]);
    const { status, request } = decodeMeta(meta);
    assert.equal(status, ok);
    assert.equal(request.timestampMs, Number.MAX_SAFE_INTEGER);
    assert.equal(request.timeoutMs, 0xffffffff);
  });

  test('limits the number of headers', () => {
    const meta = Buffer.concat([header('a', '1'), header('b', '2'), header('c', '3')]);
    assert.equal(decodeMeta(meta, { headersMax: 3 }).status, ok);
    const decoded = decodeMeta(meta, { headersMax: 2 });
    assert.deepEqual([decoded.status, decoded.wrongField], [fieldWrong, Field.header]);
    assert.equal(decoded.request.headers.count, 2);
  });

  const broken: readonly [name: string, meta: string][] = [
    ['type without length', '01'],
    ['type varint that does not end', '81'],
    ['type varint of 3 bytes', '81 80 01 00'],
    ['length varint that does not end', '01 80'],
    ['length varint of 2 bytes cut', '01 80 80'],
    ['length varint of 4 bytes', '01 80 80 80 01'],
    ['value beyond the meta', '01 02 61'],
    ['second TLV beyond the meta', '1d 01 02 01 05'],
    ['header name beyond the field', '0a 02 02 61'],
    ['header without name length', '0a 00'],
    ['header name varint of 4 bytes', '0a 05 80 80 80 01 61'],
  ];
  for (const [name, dump] of broken) {
    test(`calls a ${name} malformed`, () => {
      assert.equal(decodeMeta(fromDump(dump)).status, malformed);
    });
  }

  test('reads varints that are longer than needed', () => {
    const meta = fromDump('81 00 83 80 00 61 62 63 | type 1 in 2 bytes, length 3 in 3 bytes');
    assert.equal(plainRequest(decodeMeta(meta).request)['operationType'], 'abc');
  });

  test('skips unknown fields up to the largest type and length', () => {
    const unknown = tlv(0x3fff, Buffer.alloc(0x4001));
    const meta = Buffer.concat([tlv(0, ''), unknown, tlv(Field.operationType, 'x')]);
    assert.equal(plainRequest(decodeMeta(meta).request)['operationType'], 'x');
  });
});

const FULL: Required<Omit<RequestFields, 'streamId'>> = {
  operationType: 'demo.echo',
  session: Buffer.from('session'),
  headers: [
    ['x-a', '1'],
    ['x-b', 'ü'],
  ],
  timeoutMs: 3000,
  requestId: Buffer.from('0123456789'),
  body: Buffer.from('{"a":1}'),
  contentType: 1,
  flags: 8,
  channel: 2,
  appId: 'app',
  workspaceId: 'workspace',
  deviceId: 'device',
  timestampMs: 1_700_000_000_123,
  sign: Buffer.from('sign'),
  signType: 1,
  trace: Buffer.alloc(25, 7),
  clientIp: Buffer.from([10, 1, 2, 3]),
  bucket: 42,
  attempt: 1,
};

const bytesOf = (min: number, max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'binary', maxLength: 30 });
const headerValue = text.map((value) => value.replaceAll(/\p{Cc}/gu, ''));
const anyFields: fc.Arbitrary<Omit<Required<RequestFields>, 'streamId'>> = fc.record({
  operationType: text,
  session: bytesOf(0, 800),
  headers: fc.array(fc.tuple(fc.constantFrom('a', 'Mgw-Stress', 'x-y'), headerValue), {
    maxLength: 6,
  }),
  timeoutMs: fc.nat(0xffffffff),
  requestId: bytesOf(8, 16),
  body: bytesOf(0, 300),
  contentType: fc.nat(2),
  flags: fc.nat(255),
  channel: fc.nat(255),
  appId: text,
  workspaceId: text,
  deviceId: text,
  timestampMs: fc.maxSafeNat(),
  sign: bytesOf(0, 64),
  signType: fc.nat(255),
  trace: bytesOf(25, 25),
  clientIp: bytesOf(4, 4),
  bucket: fc.nat(9999),
  attempt: fc.nat(255),
});

/** What decoding must give for `fields`. */
function expected(fields: Omit<Required<RequestFields>, 'streamId'>): Record<string, unknown> {
  const hex = (value: Uint8Array | undefined): string => Buffer.from(value ?? '').toString('hex');
  return {
    ...fields,
    session: hex(fields.session),
    sign: hex(fields.sign),
    requestId: hex(fields.requestId),
    clientIp: fields.clientIp?.join('.'),
    flags: (fields.flags ?? 0) | 2,
    trace: hex(fields.trace),
    body: hex(fields.body),
    headers: fields.headers?.map(([name, value]) => [name, value]),
  };
}

describe('encodeRequest', () => {
  test('property: what is encoded decodes to the same', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const bytes = encoded((out) => {
          assert.ok(encodeRequest(out, { ...fields, streamId: 0x7fffffff }) > 0);
        });
        const { status, request, frame } = decodeFrame(bytes);
        assert.equal(status, ok);
        assert.equal(frame.streamId, 0x7fffffff);
        assert.deepEqual(plainRequest(request), expected(fields));
      }),
    );
  });

  test('property: a connection that uses the dynamic table decodes to the same', () => {
    fc.assert(
      fc.property(fc.array(anyFields, { maxLength: 5 }), fc.nat(12), (all, size) => {
        const encoder = new DynamicTableEncoder(size);
        const table = new DynamicTable(size);
        for (const fields of [...all, ...all]) {
          const bytes = encoded((out) => {
            encodeRequest(out, { ...fields, streamId: 1 }, encoder);
          });
          const { status, request } = decodeFrame(bytes, true, table);
          assert.equal(status, ok);
          assert.deepEqual(plainRequest(request), expected(fields));
        }
      }),
      { numRuns: 50 },
    );
  });

  test('a request that repeats its fields gets smaller by the dynamic table', () => {
    const encoder = new DynamicTableEncoder(128);
    const sizes = [1, 3, 5].map((streamId) =>
      encodeRequest(new OutBuffer(), { ...FULL, streamId }, encoder),
    );
    assert.ok(sizes[1]! < sizes[0]! - 20);
    assert.equal(sizes[2], sizes[1]);
  });

  test('takes back a frame whose meta is too long', () => {
    const out = new OutBuffer();
    out.appendLatin1('kept');
    const fields = { streamId: 1, operationType: 'x', session: Buffer.alloc(65_530) };
    assert.equal(encodeRequest(out, fields), 0);
    assert.equal(out.take().toString(), 'kept');
  });

  test('a retained message outlives its frame and the expanded meta', () => {
    const encoder = new DynamicTableEncoder(128);
    const table = new DynamicTable(128);
    for (const streamId of [1, 3]) {
      const bytes = encoded((out) => {
        encodeRequest(out, { ...FULL, streamId }, encoder);
      });
      const { request } = decodeFrame(bytes, true, table);
      const before = plainRequest(request);
      request.retain();
      bytes.fill(0);
      table.expanded.fill(0);
      assert.deepEqual(plainRequest(request), before);
    }
  });
});

describe('RequestTemplate', () => {
  test('repeats the request with other streams and sessions', () => {
    const template = new RequestTemplate(FULL);
    const out = new OutBuffer();
    assert.equal(template.append(out, 1), 0);
    const second = template.appendWithSession(out, 0x7fffffff, Buffer.from('SESSION'));
    assert.equal(second, template.frameBytes);
    const bytes = Buffer.from(out.take());
    const first = decodeFrame(bytes.subarray(0, second));
    assert.equal(first.frame.streamId, 1);
    assert.deepEqual(plainRequest(first.request), expected(FULL));
    const other = decodeFrame(bytes.subarray(second));
    assert.equal(other.frame.streamId, 0x7fffffff);
    assert.deepEqual(
      plainRequest(other.request),
      expected({ ...FULL, session: Buffer.from('SESSION') }),
    );
  });

  test('refuses a session of another length, and fields that fit no frame', () => {
    const template = new RequestTemplate({ operationType: 'x', session: Buffer.alloc(3) });
    const out = new OutBuffer();
    assert.throws(() => template.appendWithSession(out, 1, Buffer.alloc(4)), /Session has 4 bytes/);
    assert.equal(out.length, 0);
    const without = new RequestTemplate({ operationType: 'x' });
    assert.throws(() => without.appendWithSession(out, 1, Buffer.alloc(0)), RangeError);
    const large = { operationType: 'x', session: Buffer.alloc(70_000) };
    assert.throws(() => new RequestTemplate(large), RangeError);
  });
});

test('decodeRequest keeps apart frames of one buffer', () => {
  const out = new OutBuffer();
  for (let i = 0; i < 5; i++) {
    encodeRequest(out, { streamId: i * 2 + 1, operationType: `op.${i}`, body: Buffer.from([i]) });
  }
  const bytes = Buffer.from(out.take());
  const frame = new MmtpFrame();
  let at = 0;
  for (let i = 0; i < 5; i++) {
    const rest = bytes.subarray(at);
    const whole = rest.subarray(0, rest.readUInt32BE(8));
    const plain = plainRequest(decodeFrame(whole).request);
    assert.deepEqual([plain['operationType'], plain['body']], [`op.${i}`, `0${i}`]);
    peekWhole(whole, frame);
    at += frame.frameBytes;
  }
  assert.equal(at, bytes.length);
});
