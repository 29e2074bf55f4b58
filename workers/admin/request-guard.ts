// Which requests the admin server refuses before it looks at the path. A browser on this machine
// can be made to send requests here: by a page whose host name is rebound to our address (the Host
// header then carries that foreign name) or by a plain cross-site request (Origin tells). Neither
// is ever needed by operators, so both end here even when the port needs no token.

import type { IncomingMessage } from 'node:http';

/** Names that always mean this machine. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

/**
 * The host of a Host header or authority, lower case, without port and brackets, or null when the
 * text is no such thing.
 */
export function hostOf(authority: string): string | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@[\]]+))(?::\d{1,5})?$/.exec(authority);
  if (match === null) return null;
  return (match[1] ?? match[2]!).toLowerCase().replace(/\.$/, '');
}

/**
 * Checks Host and Origin.
 *
 * @param boundHost host that the server was told to listen on
 * @returns null when the request may go on, else why not
 */
export function refusalOf(request: IncomingMessage, boundHost: string): string | null {
  const authority = request.headers.host ?? '';
  const host = hostOf(authority);
  if (host === null || !isOurs(host, boundHost, request.socket.localAddress)) {
    return (
      `Host "${authority.slice(0, 100)}" is not this machine; ` +
      `ask for localhost or ${boundHost}`
    );
  }
  const origin = request.headers.origin;
  if (origin !== undefined && origin !== `http://${authority}`) {
    return 'Cross-site requests are refused';
  }
  if (request.headers['sec-fetch-site'] === 'cross-site') return 'Cross-site requests are refused';
  return null;
}

/** Names of this machine: loopback, what we were bound to, the address the connection came to. */
function isOurs(host: string, boundHost: string, localAddress: string | undefined): boolean {
  if (LOOPBACK_NAMES.has(host) || host === boundHost.toLowerCase()) return true;
  return localAddress !== undefined && host === localAddress.replace(/^::ffff:/, '');
}
