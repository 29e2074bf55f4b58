// Keeps retries from multiplying a failure: retries may be at most a fixed share of the requests
// sent lately, plus a small reserve for lanes with little traffic. And which requests may be.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';

/** Share of a retry that one request earns. */
const EARNED_PER_REQUEST = 0.2;

/** LIMIT: retries that can be saved up. */
const RESERVE_MAX = 100;

/** Retries available at start. */
const RESERVE_FIRST = 10;

/** Token bucket filled by requests. */
export class RetryBudget {
  #tokens = RESERVE_FIRST;

  requestSent(): void {
    if (this.#tokens < RESERVE_MAX) this.#tokens += EARNED_PER_REQUEST;
  }

  /** Takes one retry if there is one. */
  tryTake(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** May `exchange` be sent a second time after `error`? The budget is asked apart. */
export function isRepeatable(exchange: Exchange, error: GatewayError, nowMs: number): boolean {
  return (
    error === Errors.upstreamReset &&
    exchange.attempts === 1 &&
    exchange.api!.isIdempotent &&
    exchange.isRetained &&
    nowMs < exchange.deadlineMs
  );
}
