// Connection-level frames of Mmtp (INIT, BIND, GOAWAY, EVENT, PUSH_ACK): golden frames both ways.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import type { MmtpFrame } from '#core/codec/mmtp/frame.ts';
import { decodePush, encodePush, encodePushAck } from '#core/codec/mmtp/push.ts';
import { Field, FrameType, MetaStatus } from '#core/codec/mmtp/types.ts';
import { encoded, fromDump, peekWhole, rawFrame, tlv } from './support.ts';

type Decoder<T> = (bytes: Buffer, frame: MmtpFrame, table: DynamicTable) => T;

function decode<T>(bytes: Buffer, decoder: Decoder<T>): T {
  return decoder(bytes, peekWhole(bytes), new DynamicTable(8));
}

/** Records with the prototype of literals, so that they can be compared strictly. */
function plainRecord<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const u32 = fc.nat(0xffffffff);
const text = fc.string({ unit: 'binary', maxLength: 30 });

describe('INIT and INIT_ACK', () => {
  test('golden INIT', () => {
    const init = {
      appId: 'A1',
      workspaceId: 'W1',
      deviceId: 'd1',
      dictIds: [7, 9],
      maxFrameBytes: 1 << 20,
      tableSize: 128,
    };
    const bytes = fromDump(`
      4d 01 00 00 00 00 00 00 00 00 00 34 00 24 00 00 | INIT, 52 bytes, meta 36
      02 02 41 31       | APP_ID "A1"
      03 02 57 31       | WORKSPACE_ID "W1"
      08 02 64 31       | DEVICE_ID "d1"
      10 04 00 00 00 07 | DICT_ID 7
      10 04 00 00 00 09 | DICT_ID 9
      12 04 00 10 00 00 | MAX_FRAME_BYTES 1048576
      19 04 00 00 00 80 | TABLE_SIZE 128`);
    assert.deepEqual(
      encoded((out) => control.encodeInit(out, init)),
      bytes,
    );
    assert.deepEqual(decode(bytes, control.decodeInit), init);
  });

  test('golden INIT_ACK', () => {
    const ack = {
      resultCode: 1000,
      maxStreams: 4096,
      maxFrameBytes: 1 << 20,
      idleTimeoutS: 60,
      reconnectAfterS: 0,
      dictId: 7,
      tableSize: 0,
    };
    const bytes = fromDump(`
      4d 01 01 00 00 00 00 00 00 00 00 32 00 22 00 00 | INIT_ACK, 50 bytes, meta 34
      0b 02 03 e8       | RESULT_STATUS 1000
      11 04 00 00 10 00 | MAX_STREAMS 4096
      12 04 00 10 00 00 | MAX_FRAME_BYTES 1048576
      13 04 00 00 00 3c | IDLE_TIMEOUT_S 60
      10 04 00 00 00 07 | DICT_ID 7
      19 04 00 00 00 00 | TABLE_SIZE 0`);
    assert.deepEqual(
      encoded((out) => control.encodeInitAck(out, ack)),
      bytes,
    );
    assert.deepEqual(decode(bytes, control.decodeInitAck), ack);
  });

  test('a device id of INIT has at most 256 bytes', () => {
    const init = (bytes: number, fill: string | number) => {
      const frame = rawFrame(0, 0, tlv(Field.deviceId, Buffer.alloc(bytes, fill)));
      return decode(frame, control.decodeInit);
    };
    const longest = init(256, 'd');
    assert.ok(typeof longest === 'object' && longest.deviceId.length === 256);
    assert.equal(init(257, 'd'), MetaStatus.malformed);
    // What is no UTF-8 grows: each byte becomes a replacement character of three.
    assert.equal(init(86, 0xff), MetaStatus.malformed);
  });

  test('an empty INIT has the defaults of the protocol', () => {
    assert.deepEqual(decode(rawFrame(0, 0, Buffer.alloc(0)), control.decodeInit), {
      appId: '',
      workspaceId: '',
      deviceId: '',
      dictIds: [],
      maxFrameBytes: 0,
      tableSize: 128,
    });
  });

  test('offers of dictionaries beyond 16 are ignored', () => {
    const offers = Array.from({ length: 40 }, (_, i) =>
      tlv(Field.dictId, Buffer.from([0, 0, 0, i])),
    );
    const init = decode(rawFrame(0, 0, Buffer.concat(offers)), control.decodeInit);
    assert.ok(typeof init === 'object');
    assert.deepEqual(init.dictIds, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });

  test('property: INIT round trip', () => {
    const inits = plainRecord({
      appId: text,
      workspaceId: text,
      deviceId: text,
      dictIds: fc.array(u32, { maxLength: 16 }),
      maxFrameBytes: u32,
      tableSize: u32,
    });
    fc.assert(
      fc.property(inits, (init) => {
        const bytes = encoded((out) => control.encodeInit(out, init));
        assert.deepEqual(decode(bytes, control.decodeInit), init);
      }),
    );
  });

  test('property: INIT_ACK round trip', () => {
    const acks = plainRecord({
      resultCode: fc.nat(0xffff),
      maxStreams: u32,
      maxFrameBytes: u32,
      idleTimeoutS: u32,
      reconnectAfterS: u32,
      dictId: u32,
      tableSize: u32,
    });
    fc.assert(
      fc.property(acks, (ack) => {
        const bytes = encoded((out) => control.encodeInitAck(out, ack));
        assert.deepEqual(decode(bytes, control.decodeInitAck), ack);
      }),
    );
  });
});

describe('BIND, BIND_ACK, UNBIND, CANCEL', () => {
  test('BIND carries the session, copied out of the frame', () => {
    const bytes = fromDump(`
      4d 01 02 00 00 00 00 00 00 00 00 15 00 05 00 00 | BIND, 21 bytes, meta 5
      04 03 01 02 03 | SESSION`);
    assert.deepEqual(
      encoded((out) => control.encodeBind(out, Buffer.from([1, 2, 3]))),
      bytes,
    );
    const session = decode(bytes, control.decodeBind);
    bytes.fill(0);
    assert.deepEqual(session, Buffer.from([1, 2, 3]));
  });

  test('BIND without session gives no bytes, with more than 8192 a wrong field', () => {
    const none = rawFrame(FrameType.bind, 0, Buffer.alloc(0));
    assert.deepEqual(decode(none, control.decodeBind), Buffer.alloc(0));
    const most = encoded((out) => control.encodeBind(out, Buffer.alloc(8192)));
    assert.deepEqual(decode(most, control.decodeBind), Buffer.alloc(8192));
    const more = encoded((out) => control.encodeBind(out, Buffer.alloc(8193)));
    assert.equal(decode(more, control.decodeBind), MetaStatus.fieldWrong);
  });

  test('BIND_ACK tells the result', () => {
    const bytes = encoded((out) => control.encodeBindAck(out, 2000));
    assert.equal(bytes.toString('hex'), '4d0103000000000000000014000400000b0207d0');
    assert.deepEqual(decode(bytes, control.decodeResultStatus), { resultCode: 2000 });
  });

  test('UNBIND and CANCEL are bare headers', () => {
    const unbind = encoded(control.encodeUnbind);
    assert.equal(unbind.toString('hex'), '4d010400000000000000001000000000');
    assert.equal(decode(unbind, control.decodeEmpty), MetaStatus.ok);
    const cancel = encoded((out) => control.encodeCancel(out, 0x7fffffff));
    assert.equal(cancel.toString('hex'), '4d010d007fffffff0000001000000100');
    assert.equal(decode(cancel, control.decodeEmpty), MetaStatus.ok);
  });
});

describe('PING and PONG', () => {
  test('carry at most 64 bytes', () => {
    for (const type of [FrameType.ping, FrameType.pong]) {
      for (const [length, expected] of [
        [0, MetaStatus.ok],
        [64, MetaStatus.ok],
        [65, MetaStatus.malformed],
      ] as const) {
        const bytes = encoded((out) => control.encodePing(out, type, Buffer.alloc(length, 1)));
        assert.equal(bytes.length, 16 + length);
        assert.equal(bytes[2], type);
        assert.equal(decode(bytes, control.decodeEmpty), expected);
      }
    }
  });

  test('a PONG takes its body from the received bytes', () => {
    const received = Buffer.from('....12345678....');
    const bytes = encoded((out) => control.encodePing(out, FrameType.pong, received, 4, 8));
    assert.equal(bytes.toString('latin1', 16), '12345678');
  });
});

describe('EVENT and GOAWAY', () => {
  test('property: EVENT round trip', () => {
    const events = plainRecord({ kind: fc.nat(255), delayS: u32, prompt: text });
    fc.assert(
      fc.property(events, (event) => {
        const bytes = encoded((out) => control.encodeEvent(out, event));
        assert.deepEqual(decode(bytes, control.decodeEvent), event);
      }),
    );
  });

  test('golden GOAWAY', () => {
    const goaway = { lastStream: 0x7fffffff, resultCode: 3002, reconnectAfterS: 5 };
    const bytes = fromDump(`
      4d 01 0c 00 00 00 00 00 00 00 00 20 00 10 00 00 | GOAWAY, 32 bytes, meta 16
      15 04 7f ff ff ff | LAST_STREAM 2^31 - 1
      0b 02 0b ba       | RESULT_STATUS 3002
      14 04 00 00 00 05 | RECONNECT_AFTER_S 5`);
    assert.deepEqual(
      encoded((out) => control.encodeGoaway(out, goaway)),
      bytes,
    );
    assert.deepEqual(decode(bytes, control.decodeGoaway), goaway);
  });

  test('property: GOAWAY round trip', () => {
    const goaways = plainRecord({
      lastStream: u32,
      resultCode: fc.nat(0xffff),
      reconnectAfterS: u32,
    });
    fc.assert(
      fc.property(goaways, (goaway) => {
        const bytes = encoded((out) => control.encodeGoaway(out, goaway));
        assert.deepEqual(decode(bytes, control.decodeGoaway), goaway);
      }),
    );
  });
});

describe('control frames', () => {
  const decoders: [string, number, Decoder<unknown>][] = [
    ['INIT', FrameType.init, control.decodeInit],
    ['INIT_ACK', FrameType.initAck, control.decodeInitAck],
    ['BIND', FrameType.bind, control.decodeBind],
    ['BIND_ACK', FrameType.bindAck, control.decodeResultStatus],
    ['EVENT', FrameType.event, control.decodeEvent],
    ['GOAWAY', FrameType.goaway, control.decodeGoaway],
    ['UNBIND', FrameType.unbind, control.decodeEmpty],
  ];
  for (const [name, type, decoder] of decoders) {
    test(`${name}: broken TLVs and REFs to nothing are malformed`, () => {
      for (const meta of ['02 05 61', '41 01 00']) {
        assert.equal(decode(rawFrame(type, 0, fromDump(meta)), decoder), MetaStatus.malformed);
      }
    });
    test(`${name}: unknown fields are skipped, definitions remembered`, () => {
      const meta = fromDump('7f 01 00 40 05 03 02 02 41 31 | field 127; DEFINE 3: APP_ID "A1"');
      const bytes = rawFrame(type, 0, meta);
      const table = new DynamicTable(8);
      assert.notEqual(decoder(bytes, peekWhole(bytes), table), MetaStatus.malformed);
      assert.equal(table.entries[3]?.toString('hex'), '02024131');
    });
  }

  test('a number field of another length is wrong', () => {
    const bytes = rawFrame(FrameType.goaway, 0, tlv(Field.lastStream, Buffer.alloc(3)));
    const frame = peekWhole(bytes);
    const decoded = control.decodeGoaway(bytes, frame, new DynamicTable(0));
    assert.deepEqual([decoded, frame.wrongField], [MetaStatus.fieldWrong, Field.lastStream]);
  });
});

describe('PUSH and PUSH_ACK', () => {
  const decode64: Decoder<ReturnType<typeof decodePush>> = (bytes, frame, table) =>
    decodePush(bytes, frame, table, 64);

  test('property: PUSH round trip', () => {
    const pushes = plainRecord({
      streamId: fc.nat(0x7ffffffe).map((n) => (n + 1) * 2),
      flags: fc.nat(255),
      channel: fc.nat(255),
      contentType: fc.nat(2),
      headers: fc.array(fc.tuple(fc.constantFrom('a', 'b-c'), fc.constantFrom('', 'v', 'ü'))),
      body: fc.uint8Array().map((array) => Buffer.from(array)),
    });
    fc.assert(
      fc.property(pushes, (push) => {
        const bytes = encoded((out) => encodePush(out, push));
        assert.deepEqual(decode(bytes, decode64), push);
      }),
    );
  });

  test('a PUSH with a header of control characters or a wrong content type is wrong', () => {
    for (const bad of [tlv(Field.header, '\x01ab\n'), tlv(Field.contentType, '')]) {
      assert.equal(decode(rawFrame(FrameType.push, 2, bad), decode64), MetaStatus.fieldWrong);
    }
  });

  test('PUSH_ACK answers on the stream of the push', () => {
    const bytes = encoded((out) => encodePushAck(out, 0xfffffffe, 1000));
    assert.equal(bytes.toString('hex'), '4d010800fffffffe00000014000404000b0203e8');
    assert.deepEqual(decode(bytes, control.decodeResultStatus), { resultCode: 1000 });
  });
});
