// HOT PATH. Sessions of requests that are about to run, for MACs that are verified together.

import type { SessionVerifier } from '#core/codec/session/compact.ts';
import { SessionPolicy } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';

/** Has the session of `exchange` verified with others, where its API is going to look at it. */
export function addAhead(verifier: SessionVerifier, { request, api, downstream }: Exchange): void {
  if (api === null || downstream === null) return;
  if (api.sessionPolicy === SessionPolicy.none || !api.acceptsCompact) return;
  const { sessionSource, sessionOffset, sessionLength } = request;
  verifier.addAhead(sessionSource, sessionOffset, sessionLength, downstream.channel);
}
