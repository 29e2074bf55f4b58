// HOT PATH. Turns the end of every exchange into figures: counters, histograms of its API, a line
// of the access log. One per lane, like everything it writes to.

import type { Clock } from '#core/base/clock.ts';
import { ResultCode } from '#core/base/result-codes.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SESSION_STATUS_NAMES } from '#core/codec/session/types.ts';
import type { ExchangeObserver } from '#core/exchange/contract.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import type { Phase } from '#core/pipeline/filter.ts';
import type { AccessLog } from '#core/telemetry/access-log.ts';
import { AccessRecord } from '#core/telemetry/access-record.ts';
import type { ApiStatsTable } from '#core/telemetry/api-stats.ts';
import type { GatewayCounters } from '#core/telemetry/counters.ts';
import type { Log } from '#core/telemetry/log.ts';

const PROTOCOL_NAMES: readonly string[] = (() => {
  const names: string[] = [];
  names[DownstreamProtocol.mmtp] = 'mmtp';
  names[DownstreamProtocol.http1] = 'http';
  return names;
})();

const US_PER_MS = 1000;

export interface ExchangeTelemetryOptions {
  readonly clock: Clock;
  readonly counters: GatewayCounters;
  readonly stats: ApiStatsTable;
  readonly log: Log;
  /** Null: no access log. */
  readonly accessLog: AccessLog | null;
}

/** {@link ExchangeObserver} of one lane. */
export class ExchangeTelemetry implements ExchangeObserver {
  /** Called when the last open exchange has ended; set while draining. */
  onIdle: (() => void) | null = null;
  readonly #options: ExchangeTelemetryOptions;
  readonly #record = new AccessRecord();

  constructor(options: ExchangeTelemetryOptions) {
    this.#options = options;
  }

  started(): void {
    this.#options.counters.exchangesStarted++;
  }

  completed(exchange: Exchange): void {
    const { clock, counters, stats, accessLog } = this.#options;
    counters.exchangesCompleted++;
    const { api, error, response, startedMs, sentMs, answeredMs, repliedMs } = exchange;
    const endMs = repliedMs > 0 ? repliedMs : clock.nowMs();
    const costUs = Math.max(0, (endMs - startedMs) * US_PER_MS);
    const upstreamEndMs = answeredMs > 0 ? answeredMs : endMs;
    // One that was refused on its way, or waited in vain for a connection, reached no upstream.
    const upstreamUs = exchange.isSent ? Math.max(0, (upstreamEndMs - sentMs) * US_PER_MS) : -1;
    const reason = error === null ? '' : error.code;
    const code = response.resultCode === 0 ? ResultCode.unknownError : response.resultCode;
    const recorder = api === null ? stats.unknown : api.recorder;
    const { requestBytes, responseBytes } = exchange;
    recorder.record(code, reason, costUs, upstreamUs, requestBytes, responseBytes);
    if (accessLog !== null) this.#log(accessLog, exchange, code, reason, costUs, upstreamUs);
  }

  filterFailed(filterName: string, phase: Phase, error: unknown): void {
    this.#options.counters.filterErrors++;
    this.#options.log.warnLimited('filter-failed', 'a filter failed', {
      filter: filterName,
      phase,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  retried(exchange: Exchange): void {
    const name = exchange.api?.target?.upstreamName;
    if (name !== undefined) this.#options.counters.upstream(name).retries++;
  }

  idle(): void {
    if (this.onIdle !== null) this.onIdle();
  }

  #log(
    accessLog: AccessLog,
    exchange: Exchange,
    code: number,
    reason: string,
    costUs: number,
    upstreamUs: number,
  ): void {
    const record = this.#record;
    const { api, request, session, sessionStatus } = exchange;
    record.wallMs = this.#options.clock.wallMs();
    record.operationType = operationTypeOf(exchange);
    record.resultCode = code;
    record.reasonCode = reason;
    record.protocol = PROTOCOL_NAMES[exchange.protocol] ?? '';
    record.costUs = costUs;
    record.upstreamCostUs = upstreamUs;
    record.requestBytes = exchange.requestBytes;
    record.responseBytes = exchange.responseBytes;
    record.traceSource = request.trace;
    record.traceOffset = request.hasTrace ? 0 : -1;
    record.clientIp = request.clientIp;
    record.uidHigh = exchange.hasSession ? session.uidHigh : 0;
    record.uidLow = exchange.hasSession ? session.uidLow : 0;
    record.group = api?.group ?? '';
    record.upstreamName = api?.target?.upstreamName ?? '';
    record.attempt = Math.max(0, exchange.attempts - 1);
    record.sessionStatus = sessionStatus < 0 ? '' : (SESSION_STATUS_NAMES[sessionStatus] ?? '');
    accessLog.write(record);
  }
}

/** The configured name; what a peer sent is not repeated into the log. */
function operationTypeOf({ api }: Exchange): string {
  return api === null ? '' : api.operationType;
}
