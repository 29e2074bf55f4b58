// MacBatch on random batches, over both forms. The addon computes entries by twos, so neighbours
// differ in key, memory and length, are damaged or out of range, and counts are odd and even. Each
// answer has to be that of `verifyMac`, and of node:crypto, which made the MACs.

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MAC_BYTES } from '#core/codec/kernels.ts';
import { describeForms, SeededNumbers } from './support/forms.ts';

/** A seed of this run, not 0. */
const SEED = randomBytes(4).readUInt32LE(0) | 1;
const RUNS = 2000;
const ENTRIES_MAX = 13;
const LENGTH_MAX = 700;
const SLOT_BYTES = LENGTH_MAX + MAC_BYTES;

/** What is wrong with an entry. */
const FAULTS = [
  'none',
  'none',
  'none',
  'message',
  'mac',
  'key',
  'offset',
  'length',
  'macOffset',
] as const;

const SECRETS = ['first', 'second', 's'.repeat(100)].map((secret) => Buffer.from(secret));

const ENTRY = fc.record({
  secret: fc.nat({ max: SECRETS.length - 1 }),
  memory: fc.nat({ max: 1 }),
  // Around the block size twice as often as anywhere else.
  length: fc.oneof(fc.nat({ max: LENGTH_MAX }), fc.integer({ min: 50, max: 140 })),
  fault: fc.constantFrom(...FAULTS),
  bit: fc.nat(),
});

/** An offset or a length that is beyond the memory, by a byte or by far. */
const beyond = (bit: number, end: number): number => [end + 1, 2 ** 31, 2 ** 32 + end][bit % 3]!;

describeForms(`MacBatch on random batches, seed ${SEED}`, (kernels) => {
  const keys = SECRETS.map((secret) => kernels.prepareMacKey(secret));
  const memories = [
    Buffer.from(new SharedArrayBuffer(SLOT_BYTES * ENTRIES_MAX)),
    Buffer.alloc(SLOT_BYTES * ENTRIES_MAX),
  ].map((bytes) => kernels.bindMemory(bytes));
  const batch = kernels.createMacBatch(ENTRIES_MAX);

  test(`${RUNS} batches answer as verifyMac does for each entry`, () => {
    const numbers = new SeededNumbers(SEED);
    for (const { bytes } of memories) numbers.fill(bytes);
    const property = fc.property(fc.array(ENTRY, { maxLength: ENTRIES_MAX }), (entries) => {
      batch.clear();
      const alone = entries.map(({ secret, memory, length, fault, bit }, index) => {
        const bound = memories[memory]!;
        const { bytes } = bound;
        const at = index * SLOT_BYTES;
        const hmac = createHmac('sha256', SECRETS[secret]!);
        hmac.update(bytes.subarray(at, at + length));
        hmac.digest().copy(bytes, at + length);
        const mask = 1 << (bit % 8);
        if (fault === 'message' && length > 0) bytes[at + (bit % length)]! ^= mask;
        if (fault === 'mac') bytes[at + length + (bit % MAC_BYTES)]! ^= mask;
        const key = keys[fault === 'key' ? (secret + 1) % keys.length : secret]!;
        const offset = fault === 'offset' ? beyond(bit, bytes.length) : at;
        const count = fault === 'length' ? beyond(bit, bytes.length - at) : length;
        const macAt = at + length;
        const macOffset = fault === 'macOffset' ? beyond(bit, bytes.length - MAC_BYTES) : macAt;
        batch.add(key, bound, offset, count, macOffset);
        const isGood = kernels.verifyMac(key, bytes, offset, count, macOffset);
        assert.equal(isGood, fault === 'none' || (fault === 'message' && length === 0));
        return isGood;
      });
      assert.equal(batch.verify(), alone.filter(Boolean).length);
      const answers = entries.map((_, index) => batch.isGood(index));
      assert.deepEqual(answers, alone);
    });
    fc.assert(property, { numRuns: RUNS, seed: SEED });
  });
});
