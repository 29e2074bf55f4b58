// HOT PATH. Sets the deadline: the API's time (its own, its group's or 3000 ms), or what the client
// still gives the call when that is less. When it passes the client gets 4001. It counts from the
// end of the request: a slow upload has its own limit and must not eat up the service's time.

import type { TimerWheel } from '#core/base/timer-wheel.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

/** Arms the exchange's deadline once the whole request is there. */
export function createTimeoutFilterFactory(deadlines: TimerWheel): FilterFactory {
  return {
    name: 'timeout',
    maturity: 'stable',
    phases: ['requestBody'],
    create({ api }) {
      const { timeoutMs } = api;
      return {
        requestBody(exchange: Exchange) {
          const asked = exchange.request.timeoutMs;
          const allowed = asked > 0 && asked < timeoutMs ? asked : timeoutMs;
          exchange.deadlineMs = exchange.receivedMs + allowed;
          deadlines.arm(exchange, exchange.deadlineMs);
          return FilterStatus.continue;
        },
      };
    },
  };
}
