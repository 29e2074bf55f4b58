// HOT PATH. An API that is open only on some protocols or session channels answers 1001 on others.

import { Errors } from '#core/base/errors.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

const ALL_PROTOCOLS = 0b11;
const ALL_CHANNELS = 0b110;

/** Compares the listener that took the request with what the API allows. */
export const channelFilterFactory: FilterFactory = {
  name: 'channel',
  maturity: 'stable',
  phases: ['requestHead'],
  create({ api }) {
    const { protocols, channels } = api;
    if (protocols === ALL_PROTOCOLS && channels === ALL_CHANNELS) return null;
    return {
      requestHead(exchange: Exchange) {
        const { protocol, channel } = exchange.downstream!;
        const isOpen = ((protocols >> protocol) & (channels >> channel) & 1) === 1;
        if (isOpen) return FilterStatus.continue;
        exchange.refuse(Errors.channelRefused);
        return FilterStatus.reply;
      },
    };
  },
};
