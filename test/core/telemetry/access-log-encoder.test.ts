// Lines of the access log: valid JSON with the agreed keys, whatever text a record holds.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { AccessLogEncoder } from '#core/telemetry/access-log-encoder.ts';
import { AccessRecord } from '#core/telemetry/access-record.ts';

const GUARD = 0xa5;

/**
 * Encodes at an offset of a guarded buffer; checks the reserved bound and that nothing else moved.
 */
function encode(record: AccessRecord, encoder = new AccessLogEncoder()): string {
  const at = 7;
  const needed = encoder.lineBytesMax(record);
  const bytes = Buffer.alloc(at + needed + 64, GUARD);
  const end = encoder.encode(record, bytes, at);
  assert(end - at <= needed, `${end - at} bytes where ${needed} were reserved`);
  assert(bytes.subarray(0, at).every((byte) => byte === GUARD));
  assert(bytes.subarray(at + needed).every((byte) => byte === GUARD));
  return bytes.latin1Slice(at, end);
}

function recordOf(fields: Partial<AccessRecord>): AccessRecord {
  return Object.assign(new AccessRecord(), fields);
}

const anyText = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 })
    .map((units) => String.fromCharCode(...units)),
);

const word = fc.integer({ min: 0, max: 0xffffffff });
const figure = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.maxSafeNat(),
  fc.constantFrom(0, 9, 10, 99, 100, 999_999_999, 1e9, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);

describe('AccessLogEncoder', () => {
  test('says at the end of each line whose it is, what is empty left out', () => {
    const whole = new AccessLogEncoder({ generation: 'central', zone: 'rz"1', app: 'pay' });
    const line = encode(recordOf({ operationType: 'a', resultCode: 1000 }), whole);
    assert.match(line, /,"generation":"central","zone":"rz\\"1","app":"pay"\}\n$/);
    const { generation, zone, app } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual([generation, zone, app], ['central', 'rz"1', 'pay']);
    const short = new AccessLogEncoder({ generation: 'mesh', zone: '', app: '' });
    assert.match(encode(recordOf({}), short), /[^,]*,"generation":"mesh"\}\n$/);
  });

  test('a full line has every field, in order', () => {
    const line = encode(
      recordOf({
        wallMs: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
        operationType: 'demo.account.get',
        resultCode: 4001,
        reasonCode: 'GW_TIMEOUT',
        protocol: 'mmtp',
        costUs: 3_000_123,
        upstreamCostUs: 3_000_010,
        requestBytes: 12,
        responseBytes: 0,
        traceSource: Buffer.from('ff000102030405060708090a0b0c0d0e0fff', 'hex'),
        traceOffset: 1,
        clientIp: '10.0.0.9',
        uidHigh: 486_156,
        uidLow: 1,
        group: 'demo',
        upstreamName: 'app',
        attempt: 1,
        sessionStatus: 'ok',
      }),
    );
    assert.equal(
      line,
      '{"time":"2026-01-02T03:04:05.067Z","operation":"demo.account.get","code":4001,' +
        '"reason":"GW_TIMEOUT","protocol":"mmtp","costUs":3000123,"upstreamUs":3000010,' +
        '"reqBytes":12,"respBytes":0,"trace":"000102030405060708090a0b0c0d0e0f",' +
        `"clientIp":"10.0.0.9","uid":"${486_156n * 2n ** 32n + 1n}","group":"demo",` +
        '"upstream":"app","attempt":1,"session":"ok"}\n',
    );
  });

  test('fields that say nothing are left out', () => {
    const line = encode(recordOf({ operationType: 'a', resultCode: 1000, protocol: 'http' }));
    assert.equal(
      line,
      '{"time":"1970-01-01T00:00:00.000Z","operation":"a","code":1000,"protocol":"http",' +
        '"costUs":0,"reqBytes":0,"respBytes":0}\n',
    );
  });

  test('any record becomes one line of ASCII that JSON reads back', () => {
    const fields = fc.record({
      operationType: anyText,
      reasonCode: anyText,
      protocol: anyText,
      clientIp: anyText,
      group: anyText,
      upstreamName: anyText,
      sessionStatus: anyText,
      resultCode: figure,
      costUs: figure,
      upstreamCostUs: figure,
      requestBytes: figure,
      responseBytes: figure,
      attempt: figure,
      uidHigh: word,
      uidLow: word,
    });
    const encoder = new AccessLogEncoder();
    fc.assert(
      fc.property(fields, (input) => {
        const line = encode(recordOf(input), encoder);
        assert.match(line, /^[\x20-\x7e]+\n$/);
        const read = JSON.parse(line) as Record<string, unknown>;
        const cut = (text: string): string => text.slice(0, 256);
        assert.equal(read['operation'], cut(input.operationType));
        assert.equal(read['reason'] ?? '', cut(input.reasonCode));
        assert.equal(read['protocol'], cut(input.protocol));
        assert.equal(read['clientIp'] ?? '', cut(input.clientIp));
        assert.equal(read['group'] ?? '', cut(input.group));
        assert.equal(read['upstream'] ?? '', cut(input.upstreamName));
        assert.equal(read['session'] ?? '', cut(input.sessionStatus));
        assert.equal(read['code'], input.resultCode);
        assert.equal(read['costUs'], input.costUs);
        assert.equal(read['upstreamUs'], input.upstreamCostUs);
        assert.equal(read['reqBytes'], input.requestBytes);
        assert.equal(read['respBytes'], input.responseBytes);
        assert.equal(read['attempt'] ?? 0, input.attempt);
        const uid = (BigInt(input.uidHigh) << 32n) | BigInt(input.uidLow);
        assert.equal(read['uid'] ?? '0', uid.toString());
      }),
      { numRuns: 1500 },
    );
  });

  test('the longest texts and figures stay within the reserved bytes', () => {
    const text = '\u0001'.repeat(10_000);
    const most = Number.MAX_SAFE_INTEGER;
    const record = recordOf({
      operationType: text,
      reasonCode: text,
      protocol: text,
      clientIp: text,
      group: text,
      upstreamName: text,
      sessionStatus: text,
      resultCode: most,
      costUs: most,
      upstreamCostUs: most,
      requestBytes: most,
      responseBytes: most,
      attempt: most,
      uidHigh: 0xffffffff,
      uidLow: 0xffffffff,
      traceSource: Buffer.alloc(16),
      traceOffset: 0,
      wallMs: Date.UTC(2026, 5, 7),
    });
    assert.equal(JSON.parse(encode(record)).uid, '18446744073709551615');
  });

  test('every character from U+0000 to U+00FF, and lone surrogates', () => {
    for (const unit of [...Array(256).keys(), 0x2028, 0xd800, 0xdfff, 0xffff]) {
      const operationType = `<${String.fromCharCode(unit)}>`;
      const line = encode(recordOf({ operationType }));
      assert.match(line, /^[\x20-\x7e]+\n$/, `U+${unit.toString(16)}`);
      assert.equal((JSON.parse(line) as { operation: string }).operation, operationType);
    }
  });

  test('uids around every limb boundary', () => {
    for (let bit = 0; bit < 64; bit++) {
      for (const delta of [-1n, 0n, 1n]) {
        const uid = BigInt.asUintN(64, (1n << BigInt(bit)) + delta);
        if (uid === 0n) continue;
        const parts = { uidHigh: Number(uid >> 32n), uidLow: Number(uid & 0xffffffffn) };
        assert.equal(JSON.parse(encode(recordOf(parts))).uid, uid.toString());
        const signed = { uidHigh: parts.uidHigh | 0, uidLow: parts.uidLow | 0 };
        assert.equal(JSON.parse(encode(recordOf(signed))).uid, uid.toString());
      }
    }
  });

  test('figures that are no whole numbers do not break the line', () => {
    const read = JSON.parse(
      encode(
        recordOf({
          costUs: 12.9,
          requestBytes: Number.NaN,
          responseBytes: -5,
          resultCode: Infinity,
        }),
      ),
    ) as Record<string, unknown>;
    assert.equal(read['costUs'], 12);
    assert.equal(read['reqBytes'], 0);
    assert.equal(read['respBytes'], 0);
    assert.equal(read['code'], Number.MAX_SAFE_INTEGER);
  });

  test('the time is right within, across and back over a second', () => {
    const encoder = new AccessLogEncoder();
    const start = Date.UTC(2026, 11, 31, 23, 59, 59, 0);
    for (const wallMs of [0, 1, 9, 10, 99, 100, 999, 1000, 1999, 60_000, 500, 12.7].map(
      (ms) => start + ms,
    )) {
      const read = JSON.parse(encode(recordOf({ wallMs }), encoder)) as Record<string, unknown>;
      assert.equal(read['time'], new Date(wallMs).toISOString());
    }
  });

  test('a reset record is an empty one', () => {
    const record = recordOf({
      operationType: 'x',
      uidLow: 5,
      traceOffset: 3,
      attempt: 2,
      group: 'g',
    });
    record.reset();
    assert.deepEqual(record, new AccessRecord());
  });
});
