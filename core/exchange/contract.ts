// What the exchange driver is made of, and whom it tells.

import type { Clock } from '#core/base/clock.ts';
import type { TimerWheel } from '#core/base/timer-wheel.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import type { Phase } from '#core/pipeline/filter.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { Lookahead } from './staged-requests.ts';

/** What the driver tells the rest of the process. */
export interface ExchangeObserver {
  started(exchange: Exchange): void;
  /** Runs once for every exchange, last. The object is reused afterwards. */
  completed(exchange: Exchange): void;
  /** @param error what the filter threw, or a text: what it returned that is no status */
  filterFailed(filterName: string, phase: Phase, error: unknown): void;
  retried(exchange: Exchange): void;
  /** The last open exchange ended; for draining. */
  idle(): void;
}

/** Checks sessions for BIND, outside of any exchange. */
export type SessionCheck = (session: Buffer, channel: number, device: Buffer) => boolean;

export interface ExchangeDriverOptions {
  readonly clock: Clock;
  readonly deadlines: TimerWheel;
  readonly observer: ExchangeObserver;
  readonly retryBudget: RetryBudget;
  readonly checkSession: SessionCheck;
  /** Makes the body of a request that is flagged COMPRESSED plain; false when it is not sound. */
  readonly inflateBody: (request: RequestMessage) => boolean;
  /** Looks at staged requests together; null: nothing is gained by that. */
  readonly lookahead: Lookahead | null;
  /** LIMIT: open exchanges of the lane. */
  readonly exchangesMax: number;
}
