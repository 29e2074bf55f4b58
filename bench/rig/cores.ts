// Which CPU each part of a run stands on. The gateway has one for itself, so that its CPU time is
// the work it does and not the luck of the scheduler; generator and service share the other.

import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** CPU numbers of one run. */
export interface Cores {
  readonly gateway: number;
  /** Load generator and services. */
  readonly rest: number;
}

/** Path of a program on PATH, or null. */
export function findProgram(name: string): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/** Two CPUs that this process may use; null when there is only one, or no `taskset` to pin with. */
export function chooseCores(): Cores | null {
  const [gateway, rest] = allowedCpus();
  if (gateway === undefined || rest === undefined || findProgram('taskset') === null) return null;
  return { gateway, rest };
}

/** The command line that runs `command` on `cpu`; null leaves the place to the system. */
export function pinned(cpu: number | null, command: readonly string[]): readonly string[] {
  return cpu === null ? command : ['taskset', '-c', String(cpu), ...command];
}

/** CPUs of this process by number; empty where the system does not tell. */
function allowedCpus(): number[] {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return [];
  }
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
}

/** Numbers of a list such as `0-2,5`. */
export function parseCpuList(list: string): number[] {
  return list
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}
