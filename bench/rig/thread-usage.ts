// CPU time of a gateway by what its threads do. The kernel knows them by the names that Node gives;
// lanes all have the same one, and are numbered in the order in which their threads were started.

import type { LoadResult } from '../load/tally.ts';
import { median, rounded } from '../report.ts';
import type { ThreadUsage } from './process-usage.ts';

/** Name of the thread that owns the client sockets. */
export const ACCEPTOR_THREAD = 'acceptor';

/** What Node calls its threads. */
const MAIN_NAME = 'node-MainThread';
const WORKER_NAME = 'WorkerThread';
/** Garbage collection and compilation for all the others; which of them is up to V8. */
const V8_NAME = 'node-V8Worker';

/** CPU time by role in µs; threads of one name that are no lanes count together. */
export function usageByRole(threads: readonly ThreadUsage[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  let lanes = 0;
  for (const { name, cpuUs } of threads.toSorted((a, b) => a.id - b.id)) {
    if (name === WORKER_NAME) lanes++;
    const role = roleOf(name, lanes);
    found.set(role, (found.get(role) ?? 0) + cpuUs);
  }
  return found;
}

function roleOf(name: string, lane: number): string {
  if (name === MAIN_NAME) return ACCEPTOR_THREAD;
  if (name === WORKER_NAME) return `lane ${lane}`;
  return name === V8_NAME ? 'V8' : name;
}

/** CPU µs per request by role: medians over `results`; roles without any are left out. */
export function threadMedians(results: readonly LoadResult[]): Readonly<Record<string, number>> {
  const rounds = results.flatMap(({ watched, requests }) => {
    if (watched === null || requests === 0) return [];
    return [{ roles: usageByRole(watched.threads), requests }];
  });
  const names = new Set(rounds.flatMap(({ roles }) => [...roles.keys()]));
  const medians = [...names].map((name): [string, number] => {
    const values = rounds.map(({ roles, requests }) => (roles.get(name) ?? 0) / requests);
    return [name, rounded(median(values))];
  });
  return Object.fromEntries(medians.filter(([, us]) => us > 0));
}

/**
 * Requests per second with a CPU for each thread: as many as the busiest thread has time for. Null
 * when the system does not tell.
 */
export function projectedQps({ watched, requests }: LoadResult): number | null {
  const busiestUs = Math.max(0, ...(watched?.threads ?? []).map(({ cpuUs }) => cpuUs));
  return busiestUs === 0 || requests === 0 ? null : (requests * 1e6) / busiestUs;
}
