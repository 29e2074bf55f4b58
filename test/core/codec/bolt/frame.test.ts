// Bolt frames against recorded bytes, at every length, and under mutation.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { BoltFrame, patchRequestId, peekBolt } from '#core/codec/bolt/frame.ts';
import { boltVectors, vectorsAbsent } from './vectors.ts';
import { headersOf, rebuild } from './rebuild.ts';

const LIMIT = 1 << 20;

// proto, type, command, ver2, id, codec, timeout, lengths; then "C", {"k": "v"} and "body".
const V1_REQUEST = fromHex(
  '01 01 0001 01 00000007 0b 00000bb8 0001 000a 00000004 43 00000001 6b 00000001 76 626f6479',
);

function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function withCrc(frame: Buffer): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(frame));
  return Buffer.concat([frame, crc]);
}

/** The v1 request as version 2 with the given ver1 and switch bytes, without a CRC. */
function asV2(ver1: number, switchBits: number): Buffer {
  return Buffer.concat([
    Buffer.from([2, ver1]),
    V1_REQUEST.subarray(1, 10),
    Buffer.from([switchBits]),
    V1_REQUEST.subarray(10),
  ]);
}

function peek(bytes: Buffer, limit = LIMIT): { status: DecodeStatus; frame: BoltFrame } {
  const frame = new BoltFrame();
  return { status: peekBolt(bytes, 0, bytes.length, limit, frame), frame };
}

function patched(source: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(source);
  change(bytes);
  return bytes;
}

/** Every form of one small frame. */
const SAMPLES: readonly [string, Buffer][] = [
  ['v1', V1_REQUEST],
  ['v2 ver1', asV2(1, 0)],
  ['v2 ver2', asV2(2, 0)],
  ['v2 CRC', withCrc(asV2(2, 1))],
];

describe('peekBolt', () => {
  test('reads every field of a v1 request', () => {
    const { status, frame } = peek(V1_REQUEST);
    assert.equal(status, DecodeStatus.ok);
    assert.deepEqual(
      { ...frame },
      {
        version: 1,
        ver1: 1,
        type: 1,
        command: 1,
        requestId: 7,
        codec: 11,
        switchBits: 0,
        timeoutMs: 3000,
        status: 0,
        frameOffset: 0,
        frameBytes: V1_REQUEST.length,
        classOffset: 22,
        classLength: 1,
        headerOffset: 23,
        headerLength: 10,
        contentOffset: 33,
        contentLength: 4,
        hasCrc: false,
      },
    );
    assert.deepEqual(headersOf(V1_REQUEST, frame), [['k', 'v']]);
  });

  test('reads the same parts from every form', () => {
    for (const [name, bytes] of SAMPLES) {
      const { status, frame } = peek(bytes);
      assert.equal(status, DecodeStatus.ok, name);
      assert.equal(frame.frameBytes, bytes.length, name);
      assert.equal(frame.requestId, 7, name);
      assert.equal(frame.timeoutMs, 3000, name);
      const end = frame.contentOffset + frame.contentLength;
      assert.equal(bytes.toString('latin1', frame.contentOffset, end), 'body', name);
      assert.equal(bytes.toString('latin1', frame.classOffset, frame.headerOffset), 'C', name);
    }
  });

  test('finds a frame behind other bytes and leaves what follows', () => {
    for (const [name, bytes] of SAMPLES) {
      const stream = Buffer.concat([Buffer.alloc(5, 0xff), bytes, bytes]);
      const frame = new BoltFrame();
      assert.equal(peekBolt(stream, 5, stream.length, LIMIT, frame), DecodeStatus.ok, name);
      assert.equal(frame.frameOffset, 5, name);
      assert.equal(frame.frameBytes, bytes.length, name);
    }
  });

  test('answers needMore to every prefix, and tells the length once it is known', () => {
    for (const [name, bytes] of SAMPLES) {
      const headBytes = bytes[0] === 1 ? 22 : 24;
      for (let length = 0; length < bytes.length; length++) {
        // A poisoned tail shows a read behind `end`.
        const cut = Buffer.alloc(bytes.length + 64, 0xff);
        bytes.copy(cut, 0, 0, length);
        const frame = new BoltFrame();
        assert.equal(peekBolt(cut, 0, length, LIMIT, frame), DecodeStatus.needMore, name);
        assert.equal(frame.frameBytes, length < headBytes ? 0 : bytes.length, `${name} ${length}`);
      }
    }
  });

  test('refuses unknown protocol, ver1, type, command and switch', () => {
    const wrong: [string, Buffer][] = [
      ['proto 0', patched(V1_REQUEST, (bytes) => (bytes[0] = 0))],
      ['proto 3', patched(V1_REQUEST, (bytes) => (bytes[0] = 3))],
      ['Dubbo magic', patched(V1_REQUEST, (bytes) => (bytes[0] = 0xda))],
      ['type 3', patched(V1_REQUEST, (bytes) => (bytes[1] = 3))],
      ['command 3', patched(V1_REQUEST, (bytes) => (bytes[3] = 3))],
      ['command 256', patched(V1_REQUEST, (bytes) => bytes.writeUInt16BE(256, 2))],
      ['ver1 0', asV2(0, 0)],
      ['ver1 3', asV2(3, 0)],
      ['switch 128', asV2(2, 0x80)],
    ];
    for (const [name, bytes] of wrong)
      assert.equal(peek(bytes).status, DecodeStatus.malformed, name);
  });

  test('refuses negative lengths at once, before the body has arrived', () => {
    const head = V1_REQUEST.subarray(0, 22);
    const negative = (at: number): Buffer => patched(head, (bytes) => (bytes[at] = 0x80));
    assert.equal(peek(head).status, DecodeStatus.needMore);
    assert.equal(peek(negative(14)).status, DecodeStatus.malformed, 'class');
    assert.equal(peek(negative(16)).status, DecodeStatus.malformed, 'header map');
    assert.equal(peek(negative(18)).status, DecodeStatus.malformed, 'content');
  });

  test('refuses a frame over the limit as soon as its header is there', () => {
    const total = V1_REQUEST.length;
    assert.equal(peek(V1_REQUEST, total).status, DecodeStatus.ok);
    assert.equal(peek(V1_REQUEST, total - 1).status, DecodeStatus.tooLarge);
    const huge = patched(V1_REQUEST.subarray(0, 22), (bytes) => bytes.writeInt32BE(0x7fffffff, 18));
    assert.equal(peek(huge).status, DecodeStatus.tooLarge);
    // The CRC counts.
    const crcFrame = withCrc(asV2(2, 1));
    assert.equal(peek(crcFrame, crcFrame.length - 1).status, DecodeStatus.tooLarge);
  });

  test('expects no CRC when ver1 is 1, whatever the switch says', () => {
    const { status, frame } = peek(asV2(1, 1));
    assert.equal(status, DecodeStatus.ok);
    assert.equal(frame.hasCrc, false);
  });

  test('refuses every single-bit error in a frame with a CRC', () => {
    const bytes = withCrc(asV2(2, 1));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = patched(bytes, (copy) => (copy[bit >> 3]! ^= 1 << (bit & 7)));
      const { status } = peek(damaged);
      // Without its switch bit or ver1 = 2 the frame is one without a CRC, and complete.
      const isCrcOff = bit === 11 * 8 || bit === 8 || bit === 9;
      if (!isCrcOff) assert.notEqual(status, DecodeStatus.ok, `bit ${bit}`);
    }
  });

  test('reads ids above 2^31 as Java does', () => {
    const bytes = patched(V1_REQUEST, (copy) => copy.writeUInt32BE(0xfffffffe, 5));
    const { frame } = peek(bytes);
    assert.equal(frame.requestId, -2);
  });

  test('takes a frame of any length of its parts', () => {
    const bytes = Buffer.alloc(22 + 0x7fff + 0x7fff);
    V1_REQUEST.copy(bytes, 0, 0, 22);
    bytes.writeUInt16BE(0x7fff, 14);
    bytes.writeUInt16BE(0x7fff, 16);
    bytes.writeInt32BE(0, 18);
    const { status, frame } = peek(bytes);
    assert.equal(status, DecodeStatus.ok);
    assert.equal(frame.contentOffset, bytes.length);
  });
});

describe('patchRequestId', () => {
  test('changes the id bytes and the CRC, nothing else', () => {
    for (const [name, bytes] of SAMPLES) {
      const copy = Buffer.concat([Buffer.alloc(3, 0xee), bytes, Buffer.alloc(3, 0xee)]);
      const { frame } = peek(bytes);
      patchRequestId(copy, 3, frame, 0xfffffff0);
      const moved = copy.subarray(3, 3 + bytes.length);
      const again = peek(moved);
      assert.equal(again.status, DecodeStatus.ok, name);
      assert.equal(again.frame.requestId, -16, name);
      patchRequestId(copy, 3, frame, 7);
      assert.deepEqual(moved, bytes, name);
      assert.deepEqual(copy.subarray(0, 3), Buffer.alloc(3, 0xee), name);
      assert.deepEqual(copy.subarray(3 + bytes.length), Buffer.alloc(3, 0xee), name);
    }
  });
});

describe('recorded frames', { skip: vectorsAbsent }, () => {
  test('decode, and encode to the same bytes', () => {
    const vectors = boltVectors();
    assert.equal(vectors.length, 4);
    for (const { name, bytes } of vectors) {
      const { status, frame } = peek(bytes);
      assert.equal(status, DecodeStatus.ok, name);
      assert.equal(frame.frameBytes, bytes.length, name);
      assert.equal(rebuild(bytes, frame).toString('hex'), bytes.toString('hex'), name);
    }
  });

  test('carry what their sources say', () => {
    const [request, response, crc, exception] = boltVectors();
    const first = peek(request!.bytes).frame;
    assert.equal(first.timeoutMs, 10_000);
    const headers = new Map(headersOf(request!.bytes, first));
    assert.equal(headers.get('protocol'), 'bolt');
    assert.equal(headers.get('service'), 'com.mycompany.app.common.ServInterface:1.0');
    assert.equal(peek(response!.bytes).frame.requestId, 2);
    const withCrc = peek(crc!.bytes).frame;
    assert.ok(withCrc.hasCrc);
    assert.equal(crc!.bytes.readUInt32BE(crc!.bytes.length - 4), 0xfa4bbeb0);
    assert.equal(peek(exception!.bytes).frame.status, 2);
  });

  test('answer needMore to every prefix', () => {
    for (const { name, bytes } of boltVectors()) {
      const frame = new BoltFrame();
      for (let length = 0; length < bytes.length; length++) {
        const status = peekBolt(bytes, 0, length, LIMIT, frame);
        assert.equal(status, DecodeStatus.needMore, `${name} ${length}`);
      }
    }
  });
});

/** Checks what `peekBolt` promises about any bytes. */
function checkPromises(bytes: Buffer, start: number, end: number): void {
  const frame = new BoltFrame();
  const status = peekBolt(bytes, start, end, 4096, frame);
  if (status !== DecodeStatus.ok) return;
  assert.equal(frame.frameOffset, start);
  assert.ok(frame.frameBytes <= 4096);
  assert.ok(start + frame.frameBytes <= end);
  assert.ok(frame.classOffset >= start + 20);
  assert.equal(frame.headerOffset, frame.classOffset + frame.classLength);
  assert.equal(frame.contentOffset, frame.headerOffset + frame.headerLength);
  const tail = frame.hasCrc ? 4 : 0;
  const contentEnd = frame.contentOffset + frame.contentLength;
  assert.equal(contentEnd + tail, start + frame.frameBytes);
}

describe('peekBolt under mutation', () => {
  const seeds = [...SAMPLES.map(([, bytes]) => bytes), ...boltVectors().map(({ bytes }) => bytes)];

  test('keeps its promises for damaged frames in any place', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(40),
        fc.nat(8),
        (seed, changes, cut, before) => {
          const bytes = Buffer.alloc(before + seed.length + 16, 0xff);
          seed.copy(bytes, before);
          // Most damage goes where the lengths are.
          for (const [at, byte] of changes) {
            const reach = (at & 3) === 0 ? seed.length : Math.min(26, seed.length);
            bytes[before + ((at >>> 2) % reach)] = byte;
          }
          const end = before + seed.length - Math.min(cut, seed.length);
          checkPromises(bytes, before, end);
          // Bytes behind `end` do not matter.
          const frame = new BoltFrame();
          const status = peekBolt(bytes, before, end, 4096, frame);
          bytes.fill(0, end);
          assert.equal(peekBolt(bytes, before, end, 4096, frame), status);
        },
      ),
      { numRuns: 4000 },
    );
  });

  test('keeps its promises for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(0, 1, 2), (noise, version) => {
        const bytes = Buffer.from(noise);
        if (bytes.length > 0) bytes[0] = version;
        checkPromises(bytes, 0, bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});
