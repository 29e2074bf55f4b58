// The answer to a legacy session brings its compact form, so that clients migrate by themselves:
// a cookie over HTTP, the header Mgw-Session over Mmtp. Only requests with a valid legacy session
// come here, which have cost some 40 us before: not written as hot path. Who may send which form
// is left to the filter.

import { HeaderId, recogniseHeader } from '#core/codec/http1/known-headers.ts';
import { DownstreamProtocol, HEADER_WORDS, type ResponseMessage } from '#core/codec/message.ts';
import { encodeBase64Url } from '#core/codec/session/base64url.ts';
import type { SessionIssuer } from '#core/codec/session/encode.ts';
import type { Exchange } from '../../exchange.ts';

const COOKIE = 'MGW_SESSION';
const HEADER = 'Mgw-Session';
const SET_COOKIE = 'Set-Cookie';
const COOKIE_START = Buffer.from(`${COOKIE}=`, 'latin1');

/**
 * Adds the compact form of the exchange's session to its answer. Nothing is added when the session
 * has ended but for the tolerated skew, when no key signs, or when the answer says something about
 * the session itself: a service that logs the user in or out has the last word.
 *
 * @param nowSeconds Unix seconds
 */
export function addCompactSession(
  exchange: Exchange,
  issuer: SessionIssuer,
  nowSeconds: number,
): void {
  const { session, response, protocol } = exchange;
  const leftSeconds = session.issuedAt + session.ttl - nowSeconds;
  if (leftSeconds <= 0) return;
  const isMmtp = protocol === DownstreamProtocol.mmtp;
  const name = isMmtp ? HEADER : SET_COOKIE;
  if (isAdded(response, name, isMmtp ? '' : `${COOKIE}=`)) return;
  if (!isMmtp && setsSessionCookie(response)) return;
  const compact = issuer.reissue(session);
  if (compact === null) return;
  const text = encodeBase64Url(compact, 0, compact.length);
  response.added.push(name, isMmtp ? text : cookieOf(text, leftSeconds));
}

/** `Secure` is for who ends TLS to add: this hop cannot know whether the client's one has it. */
function cookieOf(text: string, maxAgeSeconds: number): string {
  return `${COOKIE}=${text}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`;
}

/** A kept answer that is given again holds what was added when it was new. */
function isAdded({ added }: ResponseMessage, name: string, start: string): boolean {
  for (let i = 0; i < added.length; i += 2) {
    if (added[i] === name && added[i + 1]!.startsWith(start)) return true;
  }
  return false;
}

function setsSessionCookie({ headers, headerSource }: ResponseMessage): boolean {
  const { words } = headers;
  for (let index = 0; index < headers.count; index++) {
    const at = index * HEADER_WORDS;
    if (recogniseHeader(headerSource, words[at]!, words[at + 1]!) !== HeaderId.setCookie) continue;
    const value = words[at + 2]!;
    const end = Math.min(value + COOKIE_START.length, value + words[at + 3]!);
    if (COOKIE_START.equals(headerSource.subarray(value, end))) return true;
  }
  return false;
}
