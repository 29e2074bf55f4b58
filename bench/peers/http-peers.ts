// The proxies that the suite `http` compares with: each its own process where the gateway's is,
// connections kept on both sides, one thread, no log. A proxy that is not installed says so.

import type { Child } from '../rig/child.ts';
import type { Rig } from '../rig/rig.ts';
import { haproxyMissing, startHaproxy } from './haproxy.ts';
import { nginxMissing, njsMissing, startNginx, startNginxWithCheck } from './nginx.ts';
import { packageMissing, startNodeProxy } from './node-proxy.ts';

/** A proxy of others. */
export interface HttpPeer {
  readonly name: string;
  /** Part of the names of ratios. */
  readonly title: string;
  /** It verifies the session, as the gateway does. */
  readonly checksSession: boolean;
  /** Why it takes no part; null: it can. */
  missing(): string | null;
  /** Starts it in front of a service; its port is `http`. */
  start(rig: Rig, servicePort: number): Promise<Child>;
}

export const HTTP_PEERS: readonly HttpPeer[] = [
  {
    name: 'nginx',
    title: 'Nginx',
    checksSession: false,
    missing: nginxMissing,
    start: startNginx,
  },
  {
    name: 'nginx-njs',
    title: 'NginxNjs',
    checksSession: true,
    missing: njsMissing,
    start: startNginxWithCheck,
  },
  {
    name: 'haproxy',
    title: 'Haproxy',
    checksSession: false,
    missing: haproxyMissing,
    start: startHaproxy,
  },
  {
    name: 'fastify-http-proxy',
    title: 'FastifyHttpProxy',
    checksSession: false,
    missing: () => packageMissing('@fastify/http-proxy'),
    start: (rig, port) => startNodeProxy(rig, 'fastify-proxy', port),
  },
  {
    name: 'http-proxy',
    title: 'HttpProxy',
    checksSession: false,
    missing: () => packageMissing('http-proxy'),
    start: (rig, port) => startNodeProxy(rig, 'http-proxy', port),
  },
];
