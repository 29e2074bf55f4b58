// The dynamic header table of Mmtp against a model: same entries, same evictions, same refusals.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { DynamicTable, DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { Field, MetaStatus, TABLE_BYTES_MAX } from '#core/codec/mmtp/types.ts';
import { decodeMeta, fromDump, plainRequest, tlv, varint } from './support.ts';

function define(index: number, inner: Buffer): Buffer {
  return tlv(Field.define, Buffer.concat([varint(index), inner]));
}

function ref(index: number): Buffer {
  return tlv(Field.ref, varint(index));
}

function expand(table: DynamicTable, ...tlvs: Buffer[]): Buffer | null {
  const bytes = Buffer.concat(tlvs);
  if (!table.tryExpand(bytes, 0, bytes.length)) return null;
  return Buffer.from(table.expanded.subarray(0, table.expandedBytes));
}

const app = tlv(Field.appId, 'app');

describe('DynamicTable', () => {
  test('remembers by DEFINE and recalls by REF, across frames', () => {
    const table = new DynamicTable(128);
    const first = fromDump(`
      40 06 05 01 03 61 2e 62 | DEFINE index 5: OPERATION_TYPE "a.b"
      02 01 78                | APP_ID "x"`);
    const decoded = decodeMeta(first, { table });
    assert.equal(decoded.status, MetaStatus.ok);
    assert.equal(plainRequest(decoded.request)['operationType'], 'a.b');
    assert.equal(plainRequest(decoded.request)['appId'], 'x');
    const second = decodeMeta(fromDump('41 01 05 | REF 5'), { table });
    assert.equal(plainRequest(second.request)['operationType'], 'a.b');
    assert.equal(second.request.source, table.expanded);
  });

  test('replaces the TLV of an index that is defined again', () => {
    const table = new DynamicTable(1);
    expand(table, define(0, app));
    const other = tlv(Field.deviceId, 'device');
    assert.deepEqual(expand(table, define(0, other), ref(0)), Buffer.concat([other, other]));
    assert.equal(table.rememberedBytes, other.length);
  });

  test('applies the DEFINEs of a request that is wrong otherwise', () => {
    const table = new DynamicTable(128);
    const meta = Buffer.concat([tlv(Field.timeoutMs, 'abc'), define(1, app)]);
    assert.equal(decodeMeta(meta, { table }).status, MetaStatus.fieldWrong);
    assert.deepEqual(expand(table, ref(1)), app);
  });

  test('has no memory of its own but what it remembers, whatever it expands to', () => {
    const table = new DynamicTable(1 << 20);
    decodeMeta(app, { table });
    assert.equal(table.entries.length, 0);
    expand(table, define(0, tlv(Field.appId, 'x'.repeat(16_000))), ref(0), ref(0), ref(0));
    assert.equal(table.expandedBytes, 4 * table.rememberedBytes);
    assert.equal(table.expanded.buffer, new DynamicTable(0).expanded.buffer);
    assert.equal(table.entries[0]!.buffer.byteLength, table.rememberedBytes);
  });

  test('tables of several connections do not see what others remember', () => {
    const tables = [new DynamicTable(1), new DynamicTable(1)];
    const names = ['one', 'another'].map((name) => tlv(Field.operationType, name));
    for (const [i, table] of tables.entries()) expand(table, define(0, names[i]!));
    const requests = tables.map((table) => {
      const { request } = decodeMeta(ref(0), { table });
      request.retain();
      return request;
    });
    const operations = requests.map((request) => plainRequest(request)['operationType']);
    assert.deepEqual(operations, ['one', 'another']);
  });

  const bad: readonly [name: string, tlvs: Buffer[]][] = [
    ['an index at the announced size', [define(4, app)]],
    ['a REF to nothing', [ref(0)]],
    ['a REF far outside', [ref(0x1fffff)]],
    ['a REF with bytes behind its index', [define(0, app), tlv(Field.ref, Buffer.from([0, 0]))]],
    ['an empty REF', [tlv(Field.ref, '')]],
    ['an empty DEFINE', [tlv(Field.define, '')]],
    ['a DEFINE without TLV', [tlv(Field.define, varint(0))]],
    ['a DEFINE with half a TLV', [define(0, app.subarray(0, 4))]],
    ['a DEFINE with two TLVs', [define(0, Buffer.concat([app, app]))]],
    ['a DEFINE of SESSION', [define(0, tlv(Field.session, 's'))]],
    ['a DEFINE of SIGN', [define(0, tlv(Field.sign, 's'))]],
    ['a DEFINE of REQUEST_ID', [define(0, tlv(Field.requestId, '12345678'))]],
    ['a DEFINE in a DEFINE', [define(0, define(1, app))]],
    ['a DEFINE of a REF', [define(0, app), define(1, ref(0))]],
    ['an index varint of 4 bytes', [tlv(Field.define, Buffer.from([0x80, 0x80, 0x80, 1, 2, 0]))]],
  ];
  for (const [name, tlvs] of bad) {
    test(`refuses ${name}`, () => {
      assert.equal(expand(new DynamicTable(4), ...tlvs), null);
      const meta = Buffer.concat(tlvs);
      const { status } = decodeMeta(meta, { table: new DynamicTable(4) });
      assert.equal(status, MetaStatus.malformed);
    });
  }

  test('size 0 forbids DEFINE and leaves plain fields alone', () => {
    assert.equal(expand(new DynamicTable(0), define(0, app)), null);
    assert.equal(decodeMeta(app, { table: new DynamicTable(0) }).status, MetaStatus.ok);
  });

  test('remembers exactly TABLE_BYTES_MAX bytes, not one more', () => {
    const large = tlv(Field.header, Buffer.alloc(TABLE_BYTES_MAX - 3));
    assert.equal(large.length, TABLE_BYTES_MAX);
    const table = new DynamicTable(2);
    assert.ok(expand(table, define(0, large)));
    assert.equal(expand(table, define(1, tlv(Field.appId, ''))), null);
    assert.ok(expand(new DynamicTable(2), define(0, large), define(0, app), define(1, app)));
  });

  test('bounds what REFs expand to', () => {
    const table = new DynamicTable(1);
    const large = tlv(Field.appId, 'x'.repeat(16_000));
    assert.ok(expand(table, define(0, large), ref(0), ref(0), ref(0)));
    const many = Array.from({ length: 20_000 }, () => ref(0));
    assert.equal(expand(table, ...many), null);
    assert.ok(table.expanded.length <= 4 * 65_536);
  });
});

/** One step of a sender: a plain field, a definition or a reference. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('plain'), index: fc.constant(0), text: fc.string() }),
  fc.record({ kind: fc.constant('define'), index: fc.nat(7), text: fc.string() }),
  fc.record({ kind: fc.constant('ref'), index: fc.nat(7), text: fc.constant('') }),
);

describe('dynamic table laws', () => {
  test('property: the table answers as a map from index to TLV would', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 }), (frames) => {
        const table = new DynamicTable(6);
        const model = new Map<number, Buffer>();
        for (const frame of frames) {
          const tlvs: Buffer[] = [];
          const plain: Buffer[] = [];
          let isSound = true;
          for (const { kind, index, text } of frame) {
            const full = tlv(Field.deviceId, text);
            if (kind === 'plain') tlvs.push(full);
            if (kind === 'define') tlvs.push(define(index, full));
            if (kind === 'ref') tlvs.push(ref(index));
            if (!isSound) continue;
            if (kind === 'define' && index < 6) model.set(index, full);
            const meant = kind === 'ref' ? model.get(index) : index < 6 ? full : undefined;
            if (meant === undefined) isSound = false;
            else plain.push(meant);
          }
          assert.deepEqual(expand(table, ...tlvs), isSound ? Buffer.concat(plain) : null);
          if (!isSound) return;
          const sizes = [...model.values()].map((bytes) => bytes.length);
          assert.equal(
            table.rememberedBytes,
            sizes.reduce((a, b) => a + b, 0),
          );
        }
      }),
    );
  });

  test('property: what the encoder writes, a table of that size expands to the plain TLVs', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'a', 'operation.one', 'operation.two'),
      fc.string({ maxLength: 40 }),
      fc.constantFrom(5000, 9000, 20_000).map((length) => 'x'.repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 60 }), fc.nat(9), (texts, size) => {
        const encoder = new DynamicTableEncoder(size);
        const table = new DynamicTable(size);
        for (const value of texts) {
          const plain = tlv(Field.appId, value);
          const out = new OutBuffer();
          out.append(plain, 0, plain.length);
          encoder.shorten(out, 0);
          assert.deepEqual(expand(table, Buffer.from(out.take())), plain);
        }
      }),
    );
  });

  test('the encoder refers to what it has defined, and to nothing with size 0', () => {
    for (const [size, bytes] of [
      [0, 15],
      [1, 3],
    ] as const) {
      const encoder = new DynamicTableEncoder(size);
      const plain = tlv(Field.appId, 'operation.one');
      let last = 0;
      for (let i = 0; i < 3; i++) {
        const out = new OutBuffer();
        out.append(plain, 0, plain.length);
        encoder.shorten(out, 0);
        last = out.length;
      }
      assert.equal(last, bytes);
    }
  });
});
