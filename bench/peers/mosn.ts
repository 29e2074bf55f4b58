// MOSN as a proxy to compare with: Bolt in, Bolt out, routed by the service's name, no check of any
// session. It is built from its public source (build-mosn.ts) and set as fast as its settings make
// it: of those that could matter each was tried, and the fastest stayed.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../rig/child.ts';
import { BOLT_TARGET } from '../rig/gateway-config.ts';
import type { Rig } from '../rig/rig.ts';
import { startSilentPeer } from './silent-peer.ts';

/** The version that is built and compared with. */
export const MOSN_VERSION = 'v1.6.1';

/** Where the built program is: outside of what is committed. Another version is another file. */
export const MOSN_PROGRAM = join(import.meta.dirname, '../out/mosn', `mosn-${MOSN_VERSION}`);

/** Path of the program that builds it, as one types it. */
const BUILD_SCRIPT = 'bench/peers/build-mosn.ts';

/**
 * How far the heap may grow between two collections, in percent. With Go's default of 100 MOSN
 * takes 50 MB and collects often; with this it takes 90 to 120 MB, less than a gateway does under
 * the same load, and about a tenth less CPU per request. A GOGC of the environment goes before:
 * `GOGC=100` is MOSN as it comes.
 */
const GOGC = '1000';

/** Why MOSN takes no part; null: it can. @param program path of the executable */
export function mosnMissing(program = MOSN_PROGRAM): string | null {
  if (existsSync(program)) return null;
  return `MOSN ${MOSN_VERSION} is not built; run node ${BUILD_SCRIPT}, which needs Go`;
}

/** What a configuration of MOSN differs in. */
export interface MosnSetup {
  /** File for complaints. */
  readonly logFile: string;
  readonly port: number;
  readonly servicePort: number;
}

/** The configuration of a proxy. */
export function mosnConfig({ logFile, port, servicePort }: MosnSetup): string {
  return JSON.stringify({
    servers: [
      {
        default_log_path: logFile,
        default_log_level: 'ERROR',
        // One core, one thread that runs Go. The event loop on epoll (use_netpoll_mode) costs 10 to
        // 20 % more than the goroutine per connection that is the default.
        processor: 1,
        routers: [{ router_config_name: 'bolt', virtual_hosts: [virtualHost()] }],
        // No access log, no stream filters.
        listeners: [
          {
            name: 'bolt',
            address: `127.0.0.1:${port}`,
            bind_port: true,
            filter_chains: [{ filters: [proxyFilter()] }],
          },
        ],
      },
    ],
    cluster_manager: { clusters: [cluster(servicePort)] },
    // No statistics. No admin port, no tracing and no profiler either: they are off unless named.
    metrics: { stats_matcher: { reject_all: true } },
    // There is no older process to take sockets over from.
    disable_upgrade: true,
  });
}

/** A single match of `service` with a whole value is a comparison, the fastest route there is. */
function virtualHost(): object {
  const headers = [{ name: 'service', value: BOLT_TARGET.service }];
  const routers = [{ match: { headers }, route: { cluster_name: 'service' } }];
  return { name: 'bolt', domains: ['*'], routers };
}

/**
 * Named protocols: nothing is guessed from the first bytes. Workers are those of the common pool,
 * one for each of 256 requests; a pool per connection (concurrency_num) costs as much.
 */
function proxyFilter(): object {
  const protocols = { downstream_protocol: 'bolt', upstream_protocol: 'bolt' };
  return { type: 'proxy', config: { ...protocols, router_config_name: 'bolt' } };
}

/**
 * One connection to the service, all requests on it: the default. Two cost as much; 16, one for
 * each client, are read in smaller pieces and cost up to a tenth more (max_connections of
 * circuit_breakers).
 */
function cluster(servicePort: number): object {
  const hosts = [{ address: `127.0.0.1:${servicePort}` }];
  return { name: 'service', type: 'SIMPLE', lb_type: 'LB_RANDOM', hosts };
}

/** Starts MOSN in front of a Bolt service; its port is `bolt`. */
export function startMosn(rig: Rig, servicePort: number): Promise<Child> {
  return startSilentPeer(rig, {
    name: 'mosn',
    protocol: 'bolt',
    commandFor(port) {
      // MOSN writes beside the directory of its configuration.
      const home = rig.pathOf('mosn');
      const directory = join(home, 'conf');
      mkdirSync(directory, { recursive: true });
      const config = join(directory, 'mosn.json');
      writeFileSync(config, mosnConfig({ logFile: join(home, 'mosn.log'), port, servicePort }));
      return [MOSN_PROGRAM, 'start', '--config', config];
    },
    // The number of threads is said twice: the variable goes before the configuration.
    env: { GOMAXPROCS: '1', GOGC: process.env['GOGC'] ?? GOGC },
  });
}
