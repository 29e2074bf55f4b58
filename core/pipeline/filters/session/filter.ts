// HOT PATH. Session validation, in place: no copy, no call to anyone, no promise. Every failure is
// the same 2000 for the client; which one it was goes to telemetry only. Where an API takes legacy
// sessions as well, the answer to one brings the compact form; compact ones never come that way.

import { Errors } from '#core/base/errors.ts';
import type { RequestMessage } from '#core/codec/message.ts';
import { decodeCanonicalBase64Url } from '#core/codec/session/base64url.ts';
import type { SessionVerifier } from '#core/codec/session/compact.ts';
import type { SessionIssuer } from '#core/codec/session/encode.ts';
import { looksLegacy, type LegacyVerifier } from '#core/codec/session/legacy.ts';
import { LEGACY_BYTES_MAX, SessionStatus } from '#core/codec/session/types.ts';
import { SessionPolicy, type Api } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus, type Filter, type FilterFactory } from '../../filter.ts';
import { addCompactSession } from './exchange-legacy.ts';

/**
 * Raw bytes of the session of the request at hand. SAFETY: shared by all requests of the thread, so
 * the offsets in a session's view are good only while request phases run; its numbers stay. Where
 * the phases wait for a body, {@link keepSession} takes the bytes out before another request comes.
 */
const sessionBytes = Buffer.alloc(LEGACY_BYTES_MAX);

function decodeText(request: RequestMessage): void {
  const { source, sessionTextOffset, sessionTextLength } = request;
  request.sessionSource = sessionBytes;
  request.sessionOffset = 0;
  request.sessionLength = decodeCanonicalBase64Url(
    source,
    sessionTextOffset,
    sessionTextLength,
    sessionBytes,
    0,
  );
}

/** Gives the session memory of its own. */
function keepSession({ request, session }: Exchange): void {
  const { sessionSource, sessionOffset, sessionLength } = request;
  const own = Buffer.from(sessionSource.subarray(sessionOffset, sessionOffset + sessionLength));
  request.sessionSource = own;
  request.sessionOffset = 0;
  session.rebase(own, 0);
}

/** What checks sessions under one configuration snapshot, and what makes compact ones. */
export interface SessionVerifiers {
  readonly compact: SessionVerifier;
  readonly legacy: LegacyVerifier;
  readonly issuer: SessionIssuer;
}

/**
 * Checks the session where the API wants or may have one, and exchanges legacy ones.
 *
 * @param nowSeconds Unix seconds
 */
export function createSessionFilterFactory(
  verifiers: SessionVerifiers,
  nowSeconds: () => number,
): FilterFactory {
  return {
    name: 'session',
    maturity: 'stable',
    phases: ['requestHead', 'responseHead'],
    create({ api }) {
      if (api.sessionPolicy === SessionPolicy.none) return null;
      const filter = sessionFilter(verifiers, nowSeconds, api);
      const { issuer } = verifiers;
      const isExchanging = api.acceptsLegacy && api.acceptsCompact && issuer.kid >= 0;
      return isExchanging ? { ...filter, ...legacyExchange(issuer, nowSeconds) } : filter;
    },
  };
}

function sessionFilter(
  verifiers: SessionVerifiers,
  nowSeconds: () => number,
  api: Pick<Api, 'sessionPolicy' | 'acceptsCompact' | 'acceptsLegacy'>,
): Filter {
  const isRequired = api.sessionPolicy === SessionPolicy.required;
  const { acceptsCompact, acceptsLegacy } = api;

  function verify(exchange: Exchange): SessionStatus {
    const { request, session } = exchange;
    const { sessionSource, sessionOffset, sessionLength } = request;
    const isLegacy = looksLegacy(sessionSource, sessionOffset, sessionLength);
    if (isLegacy ? !acceptsLegacy : !acceptsCompact) return SessionStatus.badVersion;
    const verifier = isLegacy ? verifiers.legacy : verifiers.compact;
    return verifier.verify(
      sessionSource,
      sessionOffset,
      sessionLength,
      exchange.downstream!.channel,
      nowSeconds(),
      request.deviceSource ?? request.source,
      request.deviceIdOffset,
      request.deviceIdLength,
      session,
    );
  }

  return {
    requestHead(exchange: Exchange) {
      const { request } = exchange;
      if (request.sessionLength === 0 && request.sessionTextLength > 0) decodeText(request);
      if (request.sessionLength === 0) {
        if (!isRequired) return FilterStatus.continue;
        exchange.refuse(Errors.sessionMissing);
        return FilterStatus.reply;
      }
      const status = verify(exchange);
      exchange.sessionStatus = status;
      exchange.hasSession = status === SessionStatus.ok;
      if (exchange.hasSession && !exchange.isBodyComplete) keepSession(exchange);
      // An optional session that is not valid makes the user a stranger, not an error.
      if (exchange.hasSession || !isRequired) return FilterStatus.continue;
      exchange.refuse(Errors.sessionInvalid);
      return FilterStatus.reply;
    },
  };
}

/** The phase that only APIs have which take both forms. */
function legacyExchange(issuer: SessionIssuer, nowSeconds: () => number): Filter {
  return {
    responseHead(exchange: Exchange) {
      if (exchange.hasSession && exchange.session.isLegacy) {
        addCompactSession(exchange, issuer, nowSeconds());
      }
      return FilterStatus.continue;
    },
  };
}
