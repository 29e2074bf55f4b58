// HAProxy as a proxy to compare with: one thread, connections to the service shared and kept, no
// log. It checks nothing.

import type { Child } from '../rig/child.ts';
import { findProgram } from '../rig/cores.ts';
import type { Rig } from '../rig/rig.ts';
import { startSilentPeer } from './silent-peer.ts';

/** Why HAProxy takes no part; null: it can. */
export function haproxyMissing(): string | null {
  if (findProgram('haproxy') !== null) return null;
  return 'haproxy is not installed; on Debian: apt-get install haproxy';
}

/** The configuration of a proxy. */
export function haproxyConfig(port: number, servicePort: number): string {
  return [
    'global',
    '  nbthread 1',
    '  maxconn 4096',
    'defaults',
    '  mode http',
    '  no log',
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  timeout http-keep-alive 1h',
    '  option http-keep-alive',
    // Any idle connection serves any client: the fewest connections and wake-ups.
    '  http-reuse always',
    'frontend clients',
    `  bind 127.0.0.1:${port}`,
    '  default_backend service',
    'backend service',
    `  server service 127.0.0.1:${servicePort} pool-max-conn 128 pool-purge-delay 1h`,
    '',
  ].join('\n');
}

/** Starts HAProxy as a proxy in front of a service; its port is `http`. */
export function startHaproxy(rig: Rig, servicePort: number): Promise<Child> {
  return startSilentPeer(rig, {
    name: 'haproxy',
    protocol: 'http',
    commandFor(port) {
      const config = rig.write('haproxy.cfg', haproxyConfig(port, servicePort));
      // -db: in the foreground.
      return [findProgram('haproxy') ?? 'haproxy', '-db', '-f', config];
    },
  });
}
