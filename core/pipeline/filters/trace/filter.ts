// HOT PATH. W3C trace context: continues the client's trace or starts one, and draws the span id of
// the hop to the service. First in every chain, so that even a refused request has a trace id.

import type { Random } from '#core/base/clock.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const FLAGS_OFFSET = 24;

/** Trace ids that we start are not sampled: the flag is the caller's decision. */
const NOT_SAMPLED = 0;

/** Fills `request.trace` and `spanId`. */
export function createTraceFilterFactory(random: Random): FilterFactory {
  const filter = {
    requestHead(exchange: Exchange) {
      const { request } = exchange;
      if (!request.hasTrace) {
        random.identify(request.trace, 0, TRACE_ID_BYTES);
        request.trace[FLAGS_OFFSET] = NOT_SAMPLED;
        request.hasTrace = true;
      }
      random.identify(exchange.spanId, 0, SPAN_ID_BYTES);
      return FilterStatus.continue;
    },
  };
  return { name: 'trace', maturity: 'stable', phases: ['requestHead'], create: () => filter };
}
