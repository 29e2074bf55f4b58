// Which well-formed requests the gateway serves at all, and the status of those it does not.

import { isBodyTooLong } from '#core/codec/http1/body-framing.ts';
import { HttpMethod, type HttpHead, type HttpLimits } from '#core/codec/http1/types.ts';

/** Statuses of requests that never become an exchange. */
export const Refusal = {
  none: 0,
  methodNotAllowed: 405,
  timeout: 408,
  contentTooLarge: 413,
  expectationFailed: 417,
  tooManyRequests: 429,
} as const;

/** {@link Refusal.none} for a request that is served. */
export function refusalOf(head: HttpHead, limits: HttpLimits): number {
  if (head.hasOtherExpectation) return Refusal.expectationFailed;
  if (!isMethodServed(head.method)) return Refusal.methodNotAllowed;
  return isBodyTooLong(head, limits) ? Refusal.contentTooLarge : Refusal.none;
}

/** GET, HEAD and POST; everything else has no meaning at a gateway of calls. */
function isMethodServed(method: number): boolean {
  return method === HttpMethod.post || method === HttpMethod.get || method === HttpMethod.head;
}
