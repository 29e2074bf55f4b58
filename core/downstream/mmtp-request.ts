// HOT PATH. What a decoded REQUEST still lacks: what its connection knows.

import type { RequestMessage } from '#core/codec/message.ts';

/**
 * Fills what the request leaves to its connection.
 *
 * @param clientIp address of the peer, for a request that brings no trusted one
 * @param session session of BIND; empty: not bound
 * @param device device of INIT; empty: not told
 */
export function fillFromConnection(
  request: RequestMessage,
  clientIp: string,
  session: Buffer,
  device: Buffer,
): void {
  if (request.clientIp === '') request.clientIp = clientIp;
  if (request.sessionLength === 0 && session.length > 0) {
    request.sessionSource = session;
    request.sessionOffset = 0;
    request.sessionLength = session.length;
  }
  if (request.deviceIdLength === 0 && device.length > 0) {
    request.deviceSource = device;
    request.deviceIdOffset = 0;
    request.deviceIdLength = device.length;
  }
}
