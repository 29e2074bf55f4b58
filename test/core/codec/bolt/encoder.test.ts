// The encoder: frames of every form decode to what was asked for; heartbeats are those of peers.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import {
  appendHeartbeat,
  appendHeartbeatAck,
  appendRenumbered,
  RequestTemplate,
  ResponseTemplate,
} from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { appendEntry } from '#core/codec/bolt/header-map.ts';
import {
  BOLT_V1,
  BOLT_V2,
  BOLT_V2_CRC,
  BOLT_V2_VER2,
  ClassName,
  Codec,
  CommandCode,
  CommandType,
  Status,
} from '#core/codec/bolt/types.ts';
import { headersOf, rebuild } from './rebuild.ts';

const FORMS = [BOLT_V1, BOLT_V2, BOLT_V2_VER2, BOLT_V2_CRC];
const LIMIT = 1 << 20;

function decode(bytes: Buffer, start = 0): BoltFrame {
  const frame = new BoltFrame();
  assert.equal(peekBolt(bytes, start, bytes.length, LIMIT, frame), DecodeStatus.ok);
  return frame;
}

function hex(text: string): string {
  return text.replaceAll(' ', '');
}

describe('heartbeats', () => {
  test('have the bytes that sofa-rpc-node sends', () => {
    const out = new OutBuffer();
    appendHeartbeat(out, BOLT_V1, 8, 3000);
    const request = '01 01 0000 01 00000008 01 00000bb8 0000 0000 00000000';
    assert.equal(out.take().toString('hex'), hex(request));
    appendHeartbeatAck(out, BOLT_V1, 8);
    const ack = '01 00 0000 01 00000008 01 0000 0000 0000 00000000';
    assert.equal(out.take().toString('hex'), hex(ack));
  });

  test('exist in every form, and in memory that was used before', () => {
    const out = new OutBuffer();
    for (const form of FORMS) {
      out.bytes.fill(0xff);
      const start = out.length;
      appendHeartbeat(out, form, -5, -1);
      const ackStart = out.length;
      appendHeartbeatAck(out, form, -5);
      const request = decode(out.bytes.subarray(0, out.length), start);
      assert.equal(request.type, CommandType.request);
      assert.equal(request.command, CommandCode.heartbeat);
      assert.equal(request.timeoutMs, -1);
      assert.equal(request.requestId, -5);
      assert.equal(request.hasCrc, form.hasCrc);
      assert.equal(request.frameBytes, ackStart - start);
      const ack = decode(out.bytes.subarray(0, out.length), ackStart);
      assert.equal(ack.type, CommandType.response);
      assert.equal(ack.command, CommandCode.heartbeat);
      assert.equal(ack.status, Status.success);
      assert.equal(ack.requestId, -5);
    }
  });
});

describe('RequestTemplate', () => {
  test('writes the bytes of a known frame', () => {
    const template = new RequestTemplate({
      form: BOLT_V1,
      codec: Codec.protobuf,
      className: 'C',
      headers: [['k', 'v']],
    });
    const out = new OutBuffer();
    template.append(out, 7, 3000, Buffer.from('a body'), 2, 4);
    const expected =
      '01 01 0001 01 00000007 0b 00000bb8 0001 000a 00000004' +
      '43 00000001 6b 00000001 76 626f6479';
    assert.equal(out.take().toString('hex'), hex(expected));
  });

  test('leaves the buffer as it was when the header map grows too long', () => {
    const template = new RequestTemplate({
      form: BOLT_V2_CRC,
      codec: Codec.protobuf,
      className: ClassName.request,
      headers: [['service', 'x:1.0']],
    });
    const out = new OutBuffer();
    out.appendLatin1('before');
    const start = template.begin(out, 1, 1, false);
    appendEntry(out, Buffer.from('k'), Buffer.alloc(40_000), 0, 40_000);
    assert.equal(template.finish(out, start, Buffer.alloc(0), 0, 0), false);
    assert.equal(out.take().toString('latin1'), 'before');
  });

  test('refuses a class name or header entries that no frame holds', () => {
    const big = 'x'.repeat(0x8000);
    const base = { form: BOLT_V1, codec: Codec.protobuf, className: '', headers: [] };
    assert.throws(() => new RequestTemplate({ ...base, className: big }), /too large/);
    assert.throws(() => new RequestTemplate({ ...base, headers: [['k', big]] }), /too large/);
  });
});

const anyForm = fc.constantFrom(...FORMS);
const anyId = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed());
const anyHeaders = fc.array(fc.tuple(anyText, fc.option(anyText)), { maxLength: 5 });
const anyContent = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

describe('any request', () => {
  test('decodes to what was asked for, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(
        fc.record({
          form: anyForm,
          codec: fc.nat(255),
          className: anyText,
          headers: anyHeaders,
          more: anyHeaders.map((entries) => entries.filter(([, value]) => value !== null)),
          id: anyId,
          timeoutMs: anyId,
          isOneway: fc.boolean(),
          content: anyContent,
        }),
        ({ form, codec, className, headers, more, id, timeoutMs, isOneway, content }) => {
          const template = new RequestTemplate({ form, codec, className, headers });
          const out = new OutBuffer();
          out.appendLatin1('xyz');
          const start = template.begin(out, id, timeoutMs, isOneway);
          for (const [key, value] of more) {
            const bytes = Buffer.from(value ?? '');
            appendEntry(out, Buffer.from(key), bytes, 0, bytes.length);
          }
          assert.ok(template.finish(out, start, content, 0, content.length));
          const bytes = out.take().subarray(3);
          const frame = decode(bytes);
          assert.equal(frame.frameBytes, bytes.length);
          assert.equal(frame.version, form.version);
          assert.equal(frame.hasCrc, form.hasCrc);
          assert.equal(frame.requestId, id);
          assert.equal(frame.timeoutMs, timeoutMs);
          assert.equal(frame.codec, codec);
          assert.equal(frame.type, isOneway ? CommandType.oneway : CommandType.request);
          assert.deepEqual(headersOf(bytes, frame), [...headers, ...more]);
          const end = frame.contentOffset + frame.contentLength;
          assert.deepEqual(bytes.subarray(frame.contentOffset, end), content);
          assert.deepEqual(rebuild(bytes, frame), bytes);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('any response', () => {
  test('decodes to what was asked for, and can be renumbered', () => {
    fc.assert(
      fc.property(
        anyForm,
        anyId,
        anyId,
        fc.nat(0xffff),
        anyHeaders,
        anyContent,
        (form, id, newId, status, headers, content) => {
          const options = { form, codec: Codec.protobuf, className: ClassName.response, headers };
          const out = new OutBuffer();
          new ResponseTemplate(options, status).append(out, id, content, 0, content.length);
          const bytes = out.take();
          const frame = decode(bytes);
          assert.equal(frame.status, status);
          assert.equal(frame.requestId, id);
          assert.deepEqual(rebuild(bytes, frame), bytes);

          out.appendLatin1('ab');
          appendRenumbered(out, bytes, frame, newId);
          const renumbered = out.take().subarray(2);
          assert.equal(decode(renumbered).requestId, newId);
          out.appendLatin1('ab');
          appendRenumbered(out, renumbered, decode(renumbered), id);
          assert.deepEqual(out.take().subarray(2), bytes);
        },
      ),
      { numRuns: 300 },
    );
  });
});
