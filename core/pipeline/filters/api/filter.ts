// HOT PATH. Refuses what cannot be called: an unknown or disabled API answers 3000.

import { Errors } from '#core/base/errors.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

/** Result code 3000 for operation types without an open API. Needed on every chain. */
export const apiFilterFactory: FilterFactory = {
  name: 'api',
  maturity: 'stable',
  phases: ['requestHead'],
  create({ api }) {
    const { isEnabled, isUnknown } = api;
    if (isEnabled && !isUnknown) return null;
    return {
      requestHead(exchange: Exchange) {
        const { request } = exchange;
        if (!isUnknown) exchange.refuse(Errors.apiDisabled);
        else if (request.isPathRouted) exchange.refuse(Errors.pathUnknown);
        else if (request.operationLength === 0) exchange.refuse(Errors.operationMissing);
        else exchange.refuse(Errors.apiUnknown);
        return FilterStatus.reply;
      },
    };
  },
};
