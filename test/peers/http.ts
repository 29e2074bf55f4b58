// The sample HTTP service as a peer for tests.

import { startSample, type Peer } from './peer.ts';

/** Starts the service with `/demo.echo`, `/demo.account.get` and `/demo.slow`. */
export function startHttpPeer(): Promise<Peer> {
  return startSample('cli/dev/samples/http-service.ts', 'http');
}
