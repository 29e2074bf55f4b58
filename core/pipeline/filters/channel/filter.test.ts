// The channel filter over every combination of listener and API.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SessionChannel } from '#core/codec/session/types.ts';
import { exchangeOf, filterOf } from '#test/core/pipeline/support/filter-bench.ts';
import { FilterStatus } from '../../filter.ts';
import { channelFilterFactory } from './filter.ts';

const PROTOCOLS = Object.values(DownstreamProtocol);
const CHANNELS = Object.values(SessionChannel);

describe('channel filter', () => {
  test('an API that is open everywhere does not have it', () => {
    assert.equal(filterOf(channelFilterFactory, { protocols: 0b11, channels: 0b110 }), null);
  });

  test('lets in exactly the protocols and channels of the API', () => {
    for (let protocols = 0; protocols < 4; protocols++) {
      for (let channels = 0; channels < 8; channels += 2) {
        const filter = filterOf(channelFilterFactory, { protocols, channels });
        if (filter === null) continue;
        for (const protocol of PROTOCOLS) {
          for (const channel of CHANNELS) {
            const exchange = exchangeOf({ protocol, channel });
            const isOpen = (protocols & (1 << protocol)) !== 0 && (channels & (1 << channel)) !== 0;
            const status = filter.requestHead!(exchange);
            assert.equal(status, isOpen ? FilterStatus.continue : FilterStatus.reply);
            assert.equal(exchange.error, isOpen ? null : Errors.channelRefused);
          }
        }
      }
    }
  });
});
