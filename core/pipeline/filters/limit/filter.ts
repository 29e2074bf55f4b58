// HOT PATH. Traffic limit of one API by a token bucket (core/base/token-bucket.ts), which all lanes
// take from and which outlives configuration changes.

import { Errors } from '#core/base/errors.ts';
import type { LimitRule } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

/**
 * Result code 1002 (or the API's own answer) beyond the configured rate.
 *
 * @param nowMs monotonic ms, of the same clock on all threads; requests of one batch may share it
 */
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
          if (rule.bucket.tryTake(nowMs())) return FilterStatus.continue;
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
