// HOT PATH. Refuses what cannot be called: an unknown or disabled API answers 3000.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import { OPERATION_TYPE_BYTES_MAX } from '#core/codec/mmtp/types.ts';
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
        exchange.refuse(isUnknown ? reasonOf(exchange.request) : Errors.apiDisabled);
        return FilterStatus.reply;
      },
    };
  },
};

/** Why no API was found. */
function reasonOf({ isPathRouted, operationLength }: RequestMessage): GatewayError {
  if (isPathRouted) return Errors.pathUnknown;
  if (operationLength === 0) return Errors.operationMissing;
  return operationLength > OPERATION_TYPE_BYTES_MAX ? Errors.operationTooLong : Errors.apiUnknown;
}
