// What a client that is gone leaves behind: a reason to count, and requests whose answers nobody
// waits for.

import { Errors } from '#core/base/errors.ts';
import { SLOW_READER, SLOW_SENDER } from '#core/base/network.ts';
import type { DownstreamCounters } from '#core/telemetry/counters.ts';
import type { DownstreamExchange, DownstreamHandler } from './contract.ts';

/**
 * Counts a connection that is gone, and aborts what was `open` on it.
 *
 * @param error code of its transport, or ''
 */
export function connectionGone(
  error: string,
  open: readonly DownstreamExchange[],
  handler: DownstreamHandler,
  counters: DownstreamCounters,
): void {
  if (error === SLOW_READER) counters.slowReadersClosed++;
  else if (error === SLOW_SENDER) counters.slowSendersClosed++;
  if (open.length === 0) return;
  counters.connectionsAborted++;
  handler.batchStarted();
  for (const exchange of open) {
    counters.requestsCancelled++;
    handler.abort(exchange, Errors.clientAborted);
  }
}
