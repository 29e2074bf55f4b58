// skipText against a walk byte by byte: every byte at every place, lengths around a step.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { skipText } from '#core/base/skip-text.ts';

function isControl(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f;
}

/** What is skipped must be text; what stopped it must be near. */
function check(bytes: Buffer, start: number, end: number): void {
  const first = bytes.subarray(start, end).findIndex(isControl);
  const stop = first < 0 ? end : start + first;
  const at = skipText(bytes, start, end);
  assert.ok(at <= stop, `skipped the byte at ${stop}`);
  assert.ok(stop - at < 8, `stopped at ${at}, ${stop} was next`);
  assert.ok(at >= start);
}

describe('skipText', () => {
  test('every byte at every place of a step, among all kinds of neighbours', () => {
    for (const neighbour of [0x20, 0x41, 0x7e, 0x80, 0xa0, 0xff]) {
      for (let byte = 0; byte < 256; byte++) {
        for (let place = 0; place < 16; place++) {
          const bytes = Buffer.alloc(24, neighbour);
          bytes[place] = byte;
          check(bytes, 0, bytes.length);
        }
      }
    }
  });

  test('lengths and offsets, in memories of their own and in a part of one', () => {
    const all = Buffer.alloc(64, 0x61);
    for (const bytes of [
      all,
      all.subarray(3, 40),
      Buffer.from(new SharedArrayBuffer(33)).fill(0x62),
    ]) {
      for (let start = 0; start <= bytes.length; start++) {
        for (let end = start; end <= bytes.length; end++) check(bytes, start, end);
      }
    }
  });

  test('what lies outside of the range does not matter', () => {
    for (let end = 8; end <= 40; end++) {
      const plain = Buffer.alloc(56, 0x61);
      const poisoned = Buffer.alloc(56, 0).fill(0x61, 5, end);
      assert.equal(skipText(poisoned, 5, end), skipText(plain, 5, end));
    }
  });

  test('property: random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(20), (array, start) => {
        const bytes = Buffer.from(array);
        check(bytes, Math.min(start, bytes.length), bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});
