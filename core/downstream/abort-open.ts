// What a client that is gone leaves behind: requests whose answers nobody waits for.

import { Errors } from '#core/base/errors.ts';
import type { DownstreamCounters } from '#core/telemetry/counters.ts';
import type { DownstreamExchange, DownstreamHandler } from './contract.ts';

/** Aborts what was `open` on a connection that is gone, and counts it. */
export function abortOpen(
  open: readonly DownstreamExchange[],
  handler: DownstreamHandler,
  counters: DownstreamCounters,
): void {
  if (open.length === 0) return;
  counters.connectionsAborted++;
  handler.batchStarted();
  for (const exchange of open) {
    counters.requestsCancelled++;
    handler.abort(exchange, Errors.clientAborted);
  }
}
