// Mutation fuzzing of every Mmtp decoder: no exception, no hang, nothing read outside the given
// range, and the same result wherever the input is split. The runs are seeded by fast-check.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestMessage, ResponseMessage } from '#core/codec/message.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTable, DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { decodePush, encodePush, encodePushAck, headerTexts } from '#core/codec/mmtp/push.ts';
import { decodeRequest } from '#core/codec/mmtp/request.ts';
import { decodeResponse, encodeResponse } from '#core/codec/mmtp/response.ts';
import { FrameType, MetaStatus } from '#core/codec/mmtp/types.ts';
import { plainRequest } from './support.ts';

const LIMIT = 4096;

/** A connection's worth of frames of every type, with definitions and references in between. */
function seedStream(): Buffer {
  const out = new OutBuffer();
  const encoder = new DynamicTableEncoder(16);
  control.encodeInit(out, {
    appId: 'app',
    workspaceId: 'workspace',
    deviceId: 'device',
    dictIds: [1, 2],
    maxFrameBytes: LIMIT,
    tableSize: 16,
  });
  control.encodeBind(out, Buffer.alloc(20, 7));
  for (const streamId of [1, 3, 5]) {
    const body = Buffer.from('{"a":1}');
    const headers = [['x-name', 'a value']] as const;
    const session = streamId === 5 ? Buffer.alloc(300, 1) : undefined;
    const fields = { streamId, operationType: 'demo.account.get', headers, session, body };
    const rest = { timeoutMs: 3000, bucket: 9, clientIp: Buffer.alloc(16, 1), signType: 1 };
    encodeRequest(out, { ...fields, ...rest, timestampMs: 1_700_000_000_000 }, encoder);
  }
  const response = new ResponseMessage();
  response.resultCode = 1000;
  response.added.push('a', 'b', 'c', 'd');
  encodeResponse(out, 3, response, Buffer.from('memo'), Buffer.from('tips'));
  const push = { streamId: 2, flags: 0, channel: 4, contentType: 0 };
  encodePush(out, { ...push, headers: [['h', 'v']], body: Buffer.from('push') });
  encodePushAck(out, 2, 1000);
  control.encodePing(out, FrameType.ping, Buffer.from('12345678'));
  control.encodeEvent(out, { kind: 1, delayS: 5, prompt: 'later' });
  control.encodeCancel(out, 3);
  control.encodeUnbind(out);
  control.encodeGoaway(out, { lastStream: 5, resultCode: 1000, reconnectAfterS: 1 });
  return Buffer.from(out.take());
}

/** Decodes one frame by its type, as plain data. */
function decodeFrame(bytes: Buffer, frame: MmtpFrame, table: DynamicTable): unknown {
  switch (frame.type) {
    case FrameType.request: {
      const request = new RequestMessage();
      const status = decodeRequest(bytes, frame, table, request, 4, true);
      return status === MetaStatus.malformed ? status : [status, plainRequest(request)];
    }
    case FrameType.response: {
      const response = new ResponseMessage();
      const status = decodeResponse(bytes, frame, table, response, 4);
      if (status === MetaStatus.malformed) return status;
      const headers = headerTexts(response.headers, response.headerSource);
      return [status, response.resultCode, response.memo, response.tips, headers];
    }
    case FrameType.init:
      return control.decodeInit(bytes, frame, table);
    case FrameType.initAck:
      return control.decodeInitAck(bytes, frame, table);
    case FrameType.bind:
      return control.decodeBind(bytes, frame, table);
    case FrameType.bindAck:
    case FrameType.pushAck:
      return control.decodeResultStatus(bytes, frame, table);
    case FrameType.push:
      return decodePush(bytes, frame, table, 4);
    case FrameType.event:
      return control.decodeEvent(bytes, frame, table);
    case FrameType.goaway:
      return control.decodeGoaway(bytes, frame, table);
    default:
      return control.decodeEmpty(bytes, frame, table);
  }
}

/**
 * Reads `input` as a connection would, offered in pieces that end at `cuts`, at `start` of a buffer
 * filled with `poison`; answers everything that was decoded.
 */
function readStream(
  input: Buffer,
  cuts: readonly number[],
  start: number,
  poison: number,
): unknown {
  const bytes = Buffer.alloc(start + input.length + 64, poison);
  const frame = new MmtpFrame();
  const table = new DynamicTable(16);
  const events: unknown[] = [];
  let at = start;
  for (const cut of [...cuts, input.length]) {
    const end = start + cut;
    input.copy(bytes, start, 0, cut);
    for (;;) {
      const status = peekFrame(bytes, at, end, LIMIT, frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok) return [...events, status];
      const decoded = decodeFrame(bytes, frame, table);
      events.push([frame.type, frame.streamId, decoded]);
      if (decoded === MetaStatus.malformed) return events;
      assert.ok(frame.frameBytes >= 16);
      at += frame.frameBytes;
    }
  }
  return events;
}

const seed = seedStream();
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('set'), at: fc.nat(), byte: fc.nat(255), count: fc.constant(1) }),
  fc.record({ kind: fc.constant('flip'), at: fc.nat(), byte: fc.nat(7), count: fc.constant(1) }),
  fc.record({ kind: fc.constant('cut'), at: fc.nat(), byte: fc.constant(0), count: fc.nat(20) }),
  fc.record({ kind: fc.constant('insert'), at: fc.nat(), byte: fc.nat(255), count: fc.nat(20) }),
);

type Mutation = { kind: string; at: number; byte: number; count: number };

function mutate(bytes: Buffer, { kind, at, byte, count }: Mutation): Buffer {
  const place = at % bytes.length;
  const head = bytes.subarray(0, place);
  if (kind === 'cut') return Buffer.concat([head, bytes.subarray(place + count)]);
  if (kind === 'insert') {
    return Buffer.concat([head, Buffer.alloc(count, byte), bytes.subarray(place)]);
  }
  const changed = Buffer.from(bytes);
  changed[place] = kind === 'set' ? byte : changed[place]! ^ (1 << byte);
  return changed;
}

describe('Mmtp decoders', () => {
  const whole = readStream(seed, [], 0, 0);

  test('read every frame of the seed', () => {
    const types = (whole as [number][]).map(([type]) => type);
    assert.deepEqual(types, [0, 2, 5, 5, 5, 6, 7, 8, 9, 11, 13, 4, 12]);
    for (const [, , decoded] of whole as [number, number, unknown][]) {
      const status = Array.isArray(decoded) ? decoded[0] : decoded;
      assert.ok(typeof status === 'object' || status === MetaStatus.ok);
    }
  });

  test('give the same result for every single split of the input', () => {
    for (let cut = 0; cut <= seed.length; cut++) {
      assert.deepEqual(readStream(seed, [cut], cut % 7, cut & 255), whole, `split at ${cut}`);
    }
  });

  test('give the same result byte by byte', () => {
    const cuts = Array.from(seed, (_, i) => i);
    assert.deepEqual(readStream(seed, cuts, 3, 0xff), whole);
  });

  test('property: mutated input never throws and never reads outside its range', () => {
    const changes = fc.array(mutation, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, fc.nat(), (mutations, cut) => {
        const input = mutations.reduce(mutate, seed);
        const result = readStream(input, [], 0, 0x00);
        assert.deepEqual(readStream(input, [], 11, 0xff), result);
        assert.deepEqual(readStream(input, [cut % (input.length + 1)], 5, 0x41), result);
      }),
      { numRuns: 3000 },
    );
  });

  test('property: a meta of random TLV bytes never throws, for every frame type', () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 4, 10, 31, 64, 65, 0x80, 0xff));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (array) => {
        for (let type = 0; type <= 13; type++) {
          const streamId =
            type === 7 || type === 8 ? 2 : type === 5 || type === 6 || type === 13 ? 1 : 0;
          const header = Buffer.from([0x4d, 1, type, 0, 0, 0, 0, streamId, 0, 0, 0, 0, 0, 0, 0, 0]);
          header[11] = 16 + array.length;
          header[13] = array.length;
          const input = Buffer.concat([header, Buffer.from(array)]);
          const result = readStream(input, [], 0, 0);
          assert.deepEqual(readStream(input, [], 1, 0xff), result);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
