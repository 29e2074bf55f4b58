// HOT PATH. What the API says about request data: present (3001), not too large, of its type
// (3002).

import { isUtf8 } from 'node:buffer';
import { Errors } from '#core/base/errors.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type FilterFactory } from '../../filter.ts';

/** Result codes 3001 and 3002 for bodies that the API does not take. */
export const contentFilterFactory: FilterFactory = {
  name: 'content',
  maturity: 'stable',
  phases: ['requestBody'],
  create({ api }) {
    const { bodyRequired, bodyIsJson, bodyBytesMax } = api;
    return {
      requestBody(exchange: Exchange) {
        const { request } = exchange;
        const { bodyLength } = request;
        if (bodyLength === 0) {
          if (!bodyRequired) return FilterStatus.continue;
          exchange.refuse(Errors.bodyEmpty);
          return FilterStatus.reply;
        }
        if (bodyLength > bodyBytesMax) {
          exchange.refuse(Errors.bodyTooLarge);
          return FilterStatus.reply;
        }
        if (!bodyIsJson || isJson(request)) return FilterStatus.continue;
        exchange.refuse(Errors.bodyMalformed);
        return FilterStatus.reply;
      },
    };
  },
};

/** JSON as RFC 8259 sees it, in UTF-8; the declared content type of such clients is often wrong. */
function isJson(request: RequestMessage): boolean {
  const { bodySource, bodyOffset, bodyLength } = request;
  const body = bodySource.subarray(bodyOffset, bodyOffset + bodyLength);
  if (!isUtf8(body)) return false;
  try {
    JSON.parse(body.utf8Slice(0, bodyLength));
    return true;
  } catch {
    return false;
  }
}
