// HOT PATH. Runs the filters of one phase of an API's chain, in order.

import { Errors } from '#core/base/errors.ts';
import type { CompiledChain, PhaseChain } from '#core/pipeline/chain.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { FilterStatus } from '#core/pipeline/filter.ts';
import type { ExchangeObserver } from './contract.ts';

/**
 * Runs a phase from `filterIndex` on.
 *
 * @param threw is told of a filter that threw, which makes the answer `filterFailed`
 * @returns what the last filter said; `continue`: the phase is through
 */
export function runPhase(
  exchange: Exchange,
  chain: PhaseChain,
  threw: (exchange: Exchange, chain: PhaseChain, error: unknown) => void,
): FilterStatus {
  const { filters, handlers } = chain;
  while (exchange.filterIndex < handlers.length) {
    const index = exchange.filterIndex;
    let status: FilterStatus;
    try {
      status = handlers[index]!.call(filters[index]!, exchange) as FilterStatus;
    } catch (error) {
      threw(exchange, chain, error);
      exchange.response.reset();
      exchange.refuse(Errors.filterFailed);
      return FilterStatus.reply;
    }
    if (status !== FilterStatus.continue) return status;
    exchange.filterIndex++;
  }
  return FilterStatus.continue;
}

/**
 * Runs the last phase of an exchange: every filter that wants to know hears of its end, once,
 * whatever another one does. One that throws is told to `observer`.
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
      observer.filterThrew(names[i]!, 'complete', error);
    }
  }
}
