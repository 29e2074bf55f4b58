// HOT PATH. Traffic limit of one API: a token bucket in its GCRA form, which keeps one number, the
// time at which the bucket would be full again. The state outlives configuration changes.

import { Errors } from '#core/base/errors.ts';
import type { LimitRule } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

/**
 * Takes one token.
 *
 * @param nowMs monotonic ms
 * @returns false when the bucket is empty; nothing is taken then
 */
export function tryTakeToken(rule: LimitRule, nowMs: number): boolean {
  const { bucket, intervalMs, burst } = rule;
  const full = Math.max(bucket.fullAtMs, nowMs);
  if (full + intervalMs - nowMs > burst * intervalMs + ROUNDING_MS) return false;
  bucket.fullAtMs = full + intervalMs;
  return true;
}

/** Sums of intervals are not exact in binary: a bucket of 10 must hold 10, not 9.999. */
const ROUNDING_MS = 1e-6;

/** Result code 1002 (or the API's own answer) beyond the configured rate. */
export function createLimitFilterFactory(nowMs: () => number): FilterFactory {
  return {
    name: 'limit',
    maturity: 'stable',
    phases: ['requestHead'],
    create({ api }) {
      const rule = api.limit;
      if (rule === null) return null;
      return {
        requestHead(exchange: Exchange) {
          if (tryTakeToken(rule, nowMs())) return FilterStatus.continue;
          rule.bucket.limited++;
          if (rule.mode === 'monitor') return FilterStatus.continue;
          refuse(exchange, rule);
          return FilterStatus.reply;
        },
      };
    },
  };
}

function refuse(exchange: Exchange, rule: LimitRule): void {
  exchange.refuse(Errors.limitedByApi);
  const { response } = exchange;
  const answer = rule.answer;
  if (answer === null) return;
  response.resultCode = answer.resultCode;
  response.tips = answer.tips;
  response.bodySource = answer.body;
  response.bodyLength = answer.body.length;
}
