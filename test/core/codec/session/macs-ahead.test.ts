// MACs verified together give what one by one gives, for whatever lies in a batch; over both forms
// of the kernels.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paddingAttributes } from '#core/codec/session/attributes.ts';
import { SessionCache } from '#core/codec/session/cache.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { KeyRing } from '#core/codec/session/keys.ts';
import { MacAnswer, MacsAhead } from '#core/codec/session/macs-ahead.ts';
import { SESSION_STATUS_NAMES, SessionView } from '#core/codec/session/types.ts';
import type { CodecKernels } from '#native/codec-kernels.ts';
import { describeForms, SeededNumbers } from '#test/native/support/forms.ts';
import { KEY_1, tableOf } from './harness.ts';
import { mint, NOW } from './reference.ts';

const EMPTY = Buffer.alloc(0);
const MEMORY_BYTES = 32 * 1024;
const ENTRIES = 16;

/** A verifier with and one without a look ahead, over one memory. */
class Pair {
  readonly memory = Buffer.from(new SharedArrayBuffer(MEMORY_BYTES));
  readonly ahead: MacsAhead;
  readonly together: SessionVerifier;
  readonly alone: SessionVerifier;
  readonly ring: KeyRing;
  /** Single MACs that were computed since it was set to 0. */
  macs = 0;

  constructor(kernels: CodecKernels, cacheEntries = 0) {
    const counting: CodecKernels = Object.create(kernels, {
      verifyMac: {
        value: (...args: Parameters<CodecKernels['verifyMac']>) => {
          this.macs++;
          return kernels.verifyMac(...args);
        },
      },
    });
    const keys = new KeyRing([KEY_1], kernels);
    const revocations = tableOf({});
    this.ring = keys;
    this.ahead = new MacsAhead(kernels.createMacBatch(ENTRIES), kernels.bindMemory(this.memory));
    const options = { kernels: counting, keys, revocations };
    const cache = cacheEntries > 0 ? new SessionCache(cacheEntries, keys) : null;
    this.together = new SessionVerifier({ ...options, cache, ahead: this.ahead });
    this.alone = new SessionVerifier(options);
  }

  check(verifier: SessionVerifier, offset: number, length: number): string {
    const view = new SessionView();
    const status = verifier.verify(this.memory, offset, length, 1, NOW, EMPTY, 0, 0, view);
    return `${SESSION_STATUS_NAMES[status]} ${view.uidLow}`;
  }

  /** Puts sessions into the memory. @returns where they are */
  place(sessions: readonly Buffer[]): readonly { readonly at: number; readonly length: number }[] {
    let end = 3;
    return sessions.map((session) => {
      const at = end;
      end += session.copy(this.memory, at) + 5;
      return { at, length: session.length };
    });
  }
}

/** A session that is good or spoiled in one of the ways there are. */
function anySession(numbers: SeededNumbers): Buffer {
  const attributes = paddingAttributes(4 + numbers.below(400));
  const session = mint({ uid: BigInt(numbers.below(1e9)), attributes });
  switch (numbers.below(10)) {
    case 0:
      session[numbers.below(session.length)]! ^= 1 << numbers.below(8);
      return session;
    case 1:
      return mint({ kid: 9, attributes });
    case 2:
      return mint({ channel: 2, attributes });
    case 3:
      return session.subarray(0, numbers.below(session.length));
    case 4:
      return mint({ ttl: 1, attributes });
    default:
      return session;
  }
}

describeForms('MacsAhead', (kernels) => {
  test('batches of good and spoiled sessions: the same answers as one by one', (context) => {
    const seed = Number(process.env['MGW_TEST_SEED'] ?? 20_261_122);
    context.diagnostic(`MGW_TEST_SEED=${seed}`);
    const numbers = new SeededNumbers(seed);
    for (const cacheEntries of [0, 64]) {
      const pair = new Pair(kernels, cacheEntries);
      for (let round = 0; round < 60; round++) {
        const sessions = Array.from({ length: 1 + numbers.below(20) }, () => anySession(numbers));
        const places = pair.place(sessions);
        for (const { at, length } of places) pair.together.addAhead(pair.memory, at, length, 1);
        pair.ahead.verify();
        // Some are never asked for: their request was taken back.
        const asked = places.filter(() => numbers.below(8) > 0);
        for (const { at, length } of asked) {
          const expected = pair.check(pair.alone, at, length);
          assert.equal(pair.check(pair.together, at, length), expected, `round ${round}`);
        }
        pair.ahead.clear();
      }
    }
  });

  test('what was verified together is not computed again; one alone is left alone', () => {
    const pair = new Pair(kernels);
    const places = pair.place([mint(), mint({ uid: 2n }), mint({ uid: 3n })]);
    for (const { at, length } of places) pair.together.addAhead(pair.memory, at, length, 1);
    pair.ahead.verify();
    for (const { at, length } of places) pair.check(pair.together, at, length);
    assert.equal(pair.macs, 0);
    pair.ahead.clear();
    const [first] = places;
    pair.together.addAhead(pair.memory, first!.at, first!.length, 1);
    pair.ahead.verify();
    assert.equal(pair.ahead.take(pair.memory, first!.at, first!.length), MacAnswer.unknown);
  });

  test('an answer is for those bytes and that time only', () => {
    const pair = new Pair(kernels);
    const places = pair.place([mint(), mint({ uid: 2n })]);
    for (const { at, length } of places) pair.together.addAhead(pair.memory, at, length, 1);
    pair.ahead.verify();
    const [{ at, length }] = places as [{ at: number; length: number }];
    assert.equal(pair.ahead.take(pair.memory, at, length - 1), MacAnswer.unknown);
    assert.equal(pair.ahead.take(pair.memory, at + 1, length), MacAnswer.unknown);
    assert.equal(pair.ahead.take(Buffer.from(pair.memory), at, length), MacAnswer.unknown);
    assert.equal(pair.ahead.take(pair.memory, at, length), MacAnswer.good);
    pair.ahead.clear();
    pair.memory[at + 40]! ^= 1;
    assert.equal(pair.ahead.take(pair.memory, at, length), MacAnswer.unknown);
    assert.match(pair.check(pair.together, at, length), /^badMac/);
  });
});
