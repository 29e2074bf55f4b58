// HOT PATH. W3C trace context: continues the client's trace or starts one, and draws the span id of
// the hop to the service. First in every chain, so that even a refused request has a trace id.

import type { Random } from '#core/base/clock.ts';
import { findHeader, HEADER_WORDS, type RequestMessage } from '#core/codec/message.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const FLAGS_OFFSET = 24;

/** Trace ids that we start are not sampled: the flag is the caller's decision. */
const NOT_SAMPLED = 0;

/**
 * Takes the state of another trace out: without a valid traceparent it belongs to none (W3C Trace
 * Context, section 3.3). The headers filter drops what has no name.
 */
function dropTracestate({ headers, source }: RequestMessage): void {
  let index = -1;
  while ((index = findHeader(headers, source, 'tracestate', index + 1)) >= 0) {
    headers.words[index * HEADER_WORDS + 1] = 0;
  }
}

/** Fills `request.trace` and `spanId`. */
export function createTraceFilterFactory(random: Random): FilterFactory {
  const filter = {
    requestHead(exchange: Exchange) {
      const { request } = exchange;
      if (!request.hasTrace) {
        if (request.headers.count > 0) dropTracestate(request);
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
