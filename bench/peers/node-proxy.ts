// Proxies of others that run on Node.js: starts `fastify-proxy.ts` and `http-proxy.ts` of this
// folder, each in a process of its own, with the flags of the runtime that the gateway has.

import { startChild, type Child } from '../rig/child.ts';
import type { Rig } from '../rig/rig.ts';
import { PEER_NODE_FLAGS } from '../rig/runtime-flags.ts';

/** Why a proxy takes no part; null: its package is there. */
export function packageMissing(name: string): string | null {
  try {
    import.meta.resolve(name);
    return null;
  } catch {
    return `the package ${name} is not installed; npm ci installs it`;
  }
}

/**
 * Starts a proxy in front of a service; its port is `http`.
 *
 * @param script file of this folder
 */
export async function startNodeProxy(
  rig: Rig,
  script: 'fastify-proxy' | 'http-proxy',
  servicePort: number,
): Promise<Child> {
  const runtime = [process.execPath, ...PEER_NODE_FLAGS];
  const command = [...runtime, `bench/peers/${script}.ts`, `--service-port=${servicePort}`];
  return rig.adopt(await startChild({ name: script, command, cpu: rig.gatewayCpu }));
}
