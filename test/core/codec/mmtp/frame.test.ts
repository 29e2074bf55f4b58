// The frame header of Mmtp: golden frames, limits, and the same answer however the bytes are cut.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { isClientStreamId, isServerStreamId } from '#core/codec/mmtp/types.ts';
import { FRAME_MAX, fromDump, peekWhole, rawFrame } from './support.ts';

function peek(bytes: Buffer, frameBytesMax = FRAME_MAX): DecodeStatus {
  return peekFrame(bytes, 0, bytes.length, frameBytesMax, new MmtpFrame());
}

describe('peekFrame', () => {
  test('gives type, flags, stream, channel and the ranges of meta and body', () => {
    const bytes = fromDump(`
      ff ff ff    | bytes of the frame before
      4d 01 05 09 | magic, version 1, REQUEST, COMPRESSED + URGENT
      7f ff ff ff | stream 2^31 - 1
      00 00 00 17 | 23 bytes
      00 03 02 ee | meta 3 bytes, channel SYNC, reserved byte
      1d 01 07    | ATTEMPT 7
      61 62 63 64 | body "abcd"
      ff ff       | bytes of the frame behind`);
    const frame = new MmtpFrame();
    assert.equal(peekFrame(bytes, 3, bytes.length, FRAME_MAX, frame), DecodeStatus.ok);
    assert.deepEqual(
      { ...frame },
      {
        type: 5,
        flags: 9,
        streamId: 0x7fffffff,
        channel: 2,
        offset: 3,
        frameBytes: 23,
        metaOffset: 19,
        metaEnd: 22,
        bodyOffset: 22,
        bodyEnd: 26,
        wrongField: 0,
      },
    );
  });

  test('tells the length needed as soon as the header is there', () => {
    const bytes = rawFrame(5, 1, Buffer.alloc(0), 'body');
    const frame = new MmtpFrame();
    assert.equal(peekFrame(bytes, 0, 15, FRAME_MAX, frame), DecodeStatus.needMore);
    assert.equal(frame.frameBytes, 0);
    assert.equal(peekFrame(bytes, 0, 16, FRAME_MAX, frame), DecodeStatus.needMore);
    assert.equal(frame.frameBytes, 20);
  });

  const bad: readonly [name: string, at: number, byte: number, seenAt: number][] = [
    ['magic', 0, 0x4e, 1],
    ['version', 1, 2, 2],
    ['even stream of a REQUEST', 7, 2, 8],
    ['stream above 2^31 - 1', 4, 0x80, 8],
    ['frame length below the header', 11, 15, 12],
    ['meta length beyond the frame', 13, 7, 14],
  ];
  for (const [name, at, byte, seenAt] of bad) {
    test(`refuses a wrong ${name} once byte ${seenAt} is there`, () => {
      const bytes = rawFrame(5, 1, Buffer.from([0x1d, 1, 7]), 'abc');
      bytes[at] = byte;
      for (let end = 0; end <= bytes.length; end++) {
        const expected = end < seenAt ? DecodeStatus.needMore : DecodeStatus.malformed;
        assert.equal(peek(bytes.subarray(0, end)), expected, `${end} bytes`);
      }
    });
  }

  test('refuses a frame above the limit once its length is readable, 2^32 - 1 too', () => {
    const bytes = rawFrame(5, 1, Buffer.alloc(0), 'x'.repeat(100));
    assert.equal(peek(bytes, 116), DecodeStatus.ok);
    assert.equal(peek(bytes.subarray(0, 11), 115), DecodeStatus.needMore);
    assert.equal(peek(bytes.subarray(0, 12), 115), DecodeStatus.tooLarge);
    bytes.writeUInt32BE(0xffffffff, 8);
    assert.equal(peek(bytes), DecodeStatus.tooLarge);
  });

  test('holds every type to its stream id rule and lets unknown types have any', () => {
    const odd = new Set([5, 6, 13]);
    const even = new Set([7, 8]);
    for (let type = 0; type < 256; type++) {
      for (const streamId of [0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff]) {
        let fits = streamId === 0;
        if (odd.has(type)) fits = streamId === 1 || streamId === 0x7fffffff;
        if (even.has(type)) fits = streamId === 2 || streamId === 0x80000000;
        const expected = fits || type > 13 ? DecodeStatus.ok : DecodeStatus.malformed;
        assert.equal(peek(rawFrame(type, streamId, Buffer.alloc(0))), expected);
      }
    }
  });

  test('property: a frame is found whole at its last byte, never before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 14, max: 255 }),
        fc.nat(0xffffffff),
        fc.uint8Array({ maxLength: 40 }),
        fc.string({ maxLength: 40 }),
        (type, streamId, meta, body) => {
          const ascii = body.replaceAll(/[^ -~]/g, '.');
          const bytes = rawFrame(type, streamId, Buffer.from(meta), ascii);
          for (let end = 0; end < bytes.length; end++) {
            assert.equal(peek(bytes.subarray(0, end)), DecodeStatus.needMore);
          }
          const frame = peekWhole(bytes);
          assert.equal(frame.streamId, streamId);
          assert.deepEqual(bytes.subarray(frame.metaOffset, frame.metaEnd), Buffer.from(meta));
          assert.equal(bytes.toString('latin1', frame.bodyOffset, frame.bodyEnd), ascii);
        },
      ),
    );
  });

  test('property: whatever the header bytes, a verdict never changes with more bytes', () => {
    const byte = fc.oneof(fc.constantFrom(0, 1, 5, 13, 16, 17, 0x4d, 0x80, 255), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { minLength: 20, maxLength: 20 }), (array) => {
        const bytes = Buffer.from(array);
        if (array[2]! > 10) bytes[0] = 0x4d;
        if (array[3]! > 10) bytes[1] = 1;
        const verdict = peekFrame(bytes, 0, 20, 18, new MmtpFrame());
        let isDecided = false;
        for (let end = 0; end <= 20; end++) {
          const status = peekFrame(bytes, 0, end, 18, new MmtpFrame());
          if (status === DecodeStatus.needMore) assert.equal(isDecided, false);
          else assert.equal(status, verdict);
          isDecided = status !== DecodeStatus.needMore;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('stream ids', () => {
  test('isClientStreamId: odd and at most 2^31 - 1', () => {
    assert.deepEqual([0, 1, 2, 3, 0x7fffffff, 0x80000001].map(isClientStreamId), [
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  test('isServerStreamId: even and not 0', () => {
    assert.deepEqual([0, 1, 2, 0xfffffffe].map(isServerStreamId), [false, false, true, true]);
  });
});
