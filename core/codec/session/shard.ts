// HOT PATH. Which of the 100 shards a user belongs to. Invariant: the result depends on the session
// and the rule only, so every generation and every zone computes the same one. What a shard means
// for routing is left to the zone rules. Source: the LDC rule of SOFARPC, docs/session.md.

import type { SessionView } from './types.ts';

const TWO_32 = 2 ** 32;
const SHARD_HINT_MAX = 99;
/** LIMIT: digits a rule may skip; with two digits taken every product below stays under 2^53. */
const FROM_MAX = 5;

/** Which decimal digits of the user id make the shard, counted from the end. */
export interface UidShardRule {
  /** Digits skipped at the end, 0..5. */
  readonly from: number;
  /** Digits taken, 1 or 2. */
  readonly length: number;
}

/** Second and third digit from the end: 12345 is in shard 34. */
export const DEFAULT_UID_SHARD: UidShardRule = { from: 1, length: 2 };

/** Whether a rule from outside is inside the ranges of {@link UidShardRule}. */
export function isUidShardRule(rule: UidShardRule): boolean {
  const { from, length } = rule;
  return Number.isInteger(from) && from >= 0 && from <= FROM_MAX && (length === 1 || length === 2);
}

/** The digit rule, compiled. */
export class ShardOfUid {
  readonly #divisor: number;
  readonly #modulus: number;
  /** 2^32 modulo `#modulus`: the weight of the high half. */
  readonly #highWeight: number;

  /** @throws RangeError for a rule that {@link isUidShardRule} refuses */
  constructor(rule: UidShardRule) {
    if (!isUidShardRule(rule)) {
      const text = JSON.stringify(rule);
      throw new RangeError(`uidShard ${text} is out of range; use from 0..5 and length 1..2`);
    }
    this.#divisor = 10 ** rule.from;
    this.#modulus = 10 ** (rule.from + rule.length);
    this.#highWeight = TWO_32 % this.#modulus;
  }

  /** Shard 0..99 of a user id in two unsigned halves. */
  ofUid(high: number, low: number): number {
    const modulus = this.#modulus;
    // PERF: no `%` on numbers above 2^31, which is a call of fmod. All products stay below 2^53.
    const highTail = high - Math.floor(high / modulus) * modulus;
    const sum = highTail * this.#highWeight + low;
    const tail = (sum - Math.floor(sum / modulus) * modulus) | 0;
    return (tail / this.#divisor) | 0;
  }

  /** Shard 0..99 of a verified session: its hint if it has one, else by user id. */
  ofSession(view: SessionView): number {
    if (view.shardHint <= SHARD_HINT_MAX) return view.shardHint;
    return this.ofUid(view.uidHigh, view.uidLow);
  }
}
