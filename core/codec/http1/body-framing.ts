// HOT PATH. Where a message's body ends (RFC 9112 section 6.3). The head parser has refused every
// head that leaves this open, so what is left is a choice among four.

import type { HttpHead, HttpLimits } from './types.ts';

/** How the body is delimited. */
export const BodyKind = {
  none: 0,
  /** `head.contentLength` bytes, 1 or more. */
  length: 1,
  chunked: 2,
  /** Responses only: everything until the peer closes; the connection cannot be used again. */
  untilClose: 3,
} as const;

export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const FIRST_FINAL_STATUS = 200;

/** The body that follows a request head: `none`, `length` or `chunked`. */
export function requestBodyKind(head: HttpHead): BodyKind {
  if (head.isChunked) return BodyKind.chunked;
  return head.contentLength > 0 ? BodyKind.length : BodyKind.none;
}

/**
 * The body that follows a response head.
 *
 * @param requestWasHead the request that is answered had the method HEAD
 */
export function responseBodyKind(head: HttpHead, requestWasHead: boolean): BodyKind {
  const { status } = head;
  const isBodyless = status < FIRST_FINAL_STATUS || status === NO_CONTENT;
  if (requestWasHead || isBodyless || status === NOT_MODIFIED) return BodyKind.none;
  if (head.isChunked) return BodyKind.chunked;
  if (head.contentLength < 0) return BodyKind.untilClose;
  return head.contentLength > 0 ? BodyKind.length : BodyKind.none;
}

/** Whether the head announces more body than the limit; a chunked body is measured as it comes. */
export function isBodyTooLong(head: HttpHead, limits: HttpLimits): boolean {
  return head.contentLength > limits.bodyBytesMax;
}

/** Bytes of a whole request with the head `head`; Infinity while nobody can know. */
export function requestBytes(head: HttpHead): number {
  const kind = requestBodyKind(head);
  if (kind === BodyKind.chunked) return Infinity;
  return head.headBytes + (kind === BodyKind.length ? head.contentLength : 0);
}
