// HOT PATH. The last phase of an exchange: every filter that wants to know hears of its end, once,
// whatever another one does.

import type { PhaseChain } from '#core/pipeline/chain.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import type { ExchangeObserver } from './contract.ts';

/** Runs `complete` of all filters of `chain`; one that throws is told to `observer`. */
export function runComplete(
  exchange: Exchange,
  chain: PhaseChain,
  observer: ExchangeObserver,
): void {
  const { filters, handlers } = chain;
  for (let i = 0; i < handlers.length; i++) {
    try {
      handlers[i]!.call(filters[i]!, exchange);
    } catch (error) {
      observer.filterThrew(chain.names[i]!, 'complete', error);
    }
  }
}
