// A gateway as a soak looks at it from outside: memory and open files from /proc, heap and
// connections from its admin API.

import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../rig/child.ts';
import { readUsage } from '../rig/process-usage.ts';
import { HOST } from '../peers/peer-network.ts';
import type { SoakSample } from './trend.ts';

const MIB = 1024 * 1024;

/** LIMIT: what is left of the load has time to end. */
const REST_MS_MAX = 10_000;
const REST_STEP_MS = 20;

/** The part of `/stats` that is read here. */
interface Stats {
  readonly process: { readonly heapUsedBytes: number };
  readonly gateway: { readonly exchangesOpen: number };
  readonly mmtp: { readonly connectionsOpen: number };
  readonly http: { readonly connectionsOpen: number };
}

/** Looks at the gateway once. @param sinceMs when the window began */
export async function lookAt(gateway: Child, sinceMs: number): Promise<SoakSample> {
  const { process, mmtp, http } = await readStats(gateway);
  return {
    atMs: performance.now() - sinceMs,
    rssMb: readUsage(gateway.pid)?.rssMb ?? 0,
    heapMb: process.heapUsedBytes / MIB,
    fds: countFds(gateway.pid),
    connections: mmtp.connectionsOpen + http.connectionsOpen,
  };
}

/** What the gateway still holds when all clients have gone, as problems; none is right. */
export async function leftovers(gateway: Child): Promise<Readonly<Record<string, number>>> {
  const endMs = performance.now() + REST_MS_MAX;
  for (;;) {
    const { gateway: own, mmtp, http } = await readStats(gateway);
    const connections = mmtp.connectionsOpen + http.connectionsOpen;
    const left = { exchanges: own.exchangesOpen, connections };
    const open = Object.entries(left).filter(([, count]) => count > 0);
    if (open.length === 0) return {};
    if (performance.now() > endMs) {
      return Object.fromEntries(open.map(([what, count]) => [`${what} left open`, count]));
    }
    await delay(REST_STEP_MS);
  }
}

async function readStats(gateway: Child): Promise<Stats> {
  const response = await fetch(`http://${HOST}:${gateway.port('admin')}/stats`);
  if (!response.ok) throw new Error(`/stats answers ${response.status}`);
  return (await response.json()) as Stats;
}

/** 0 where the system does not tell. */
function countFds(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
