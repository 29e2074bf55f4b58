// How many lanes `--workers auto` makes: one for each CPU that this process may use beyond the one
// of the acceptor. What it may use is what its affinity and the quota of its control group leave,
// not what the machine has.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** LIMIT: an acceptor feeds no more lanes than this. */
const LANES_MAX = 8;

const CGROUP_V2 = '/sys/fs/cgroup/cpu.max';
const CGROUP_V1_QUOTA = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const CGROUP_V1_PERIOD = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

/** Reads a file, or answers null when it cannot be read. */
export type FileReader = (path: string) => string | null;

/** Lanes on threads of their own. @param setting `--workers` */
export function laneCount(setting: number | 'auto'): number {
  if (setting !== 'auto') return setting;
  return lanesFor(Math.min(availableParallelism(), cpuQuota(readOrNull)));
}

/** Lanes beside the acceptor for `cpus` CPUs, which may be a broken number. */
export function lanesFor(cpus: number): number {
  return Math.max(0, Math.min(LANES_MAX, Math.ceil(cpus - 1e-6) - 1));
}

/** CPUs that the control group leaves to this process; Infinity without a quota. */
export function cpuQuota(read: FileReader): number {
  const [quota = '', period = ''] = (read(CGROUP_V2) ?? '').trim().split(' ');
  const v2 = share(quota, period);
  if (v2 !== Infinity) return v2;
  return share((read(CGROUP_V1_QUOTA) ?? '').trim(), (read(CGROUP_V1_PERIOD) ?? '').trim());
}

/** Quota over period, in µs both; `max`, -1 and nonsense are no quota. */
function share(quota: string, period: string): number {
  const cpus = Number(quota) / Number(period);
  return quota !== '' && cpus > 0 && Number.isFinite(cpus) ? cpus : Infinity;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
