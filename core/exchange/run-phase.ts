// HOT PATH. Runs the filters of one phase of an API's chain, in order. What a filter returns is
// checked only where it does not let the request go on: that is rare, and going on costs nothing.

import { Errors } from '#core/base/errors.ts';
import type { CompiledChain, PhaseChain } from '#core/pipeline/chain.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { FilterStatus } from '#core/pipeline/filter.ts';
import type { ExchangeObserver } from './contract.ts';

/** LIMIT: what a log line repeats of a text that a filter returned. Characters. */
const SHOWN_CHARS_MAX = 40;

/** Is told of a filter that failed: what it threw, or a text that says what it returned. */
type FailureListener = (exchange: Exchange, chain: PhaseChain, error: unknown) => void;

/**
 * Runs a phase from `filterIndex` on.
 *
 * @param failed is told of a filter that threw or returned no status, which makes the answer
 *   `filterFailed`
 * @returns what the last filter said; `continue`: the phase is through
 */
export function runPhase(
  exchange: Exchange,
  chain: PhaseChain,
  failed: FailureListener,
): FilterStatus {
  const { filters, handlers } = chain;
  while (exchange.filterIndex < handlers.length) {
    const index = exchange.filterIndex;
    let status: FilterStatus;
    try {
      status = handlers[index]!.call(filters[index]!, exchange) as FilterStatus;
    } catch (error) {
      return fail(exchange, chain, failed, error);
    }
    if (status !== FilterStatus.continue) {
      if (status === FilterStatus.reply || status === FilterStatus.pause) return status;
      return fail(exchange, chain, failed, wrongReturn(status));
    }
    exchange.filterIndex++;
  }
  return FilterStatus.continue;
}

function fail(
  exchange: Exchange,
  chain: PhaseChain,
  failed: FailureListener,
  error: unknown,
): FilterStatus {
  failed(exchange, chain, error);
  exchange.response.reset();
  exchange.refuse(Errors.filterFailed);
  return FilterStatus.reply;
}

/** Says what a filter returned that is no status, and what it should return. */
function wrongReturn(value: unknown): string {
  if (value instanceof Promise) {
    // What becomes of it changes nothing any more: a rejection must not end the thread.
    value.catch(() => {});
    return 'returned a promise; return FilterStatus.pause (2) and resume the exchange later';
  }
  return (
    `returned ${nameOf(value)}; return FilterStatus.continue (0), FilterStatus.reply (1) or ` +
    'FilterStatus.pause (2)'
  );
}

function nameOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_CHARS_MAX));
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/**
 * Runs the last phase of an exchange: every filter that wants to know hears of its end, once,
 * whatever another one does. One that throws is told to `observer`; what one returns is not looked
 * at.
 */
export function runComplete(
  exchange: Exchange,
  { complete }: CompiledChain,
  observer: ExchangeObserver,
): void {
  const { filters, handlers, names } = complete;
  for (let i = 0; i < handlers.length; i++) {
    try {
      handlers[i]!.call(filters[i]!, exchange);
    } catch (error) {
      observer.filterFailed(names[i]!, 'complete', error);
    }
  }
}
