// Which CPU each part of a run stands on. The gateway has one for itself, so that its CPU time is
// the work it does and not the luck of the scheduler; generator and service share the other.

import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** CPUs that a process may run on: one, some, or any. */
export type CpuChoice = number | readonly number[] | null;

/** CPU numbers of one run. */
export interface Cores {
  readonly gateway: number | readonly number[];
  /** Load generator and services. */
  readonly rest: number | readonly number[];
}

/** Where a gateway of several threads stands: apart from load and service, or among them. */
export const PINNINGS = ['apart', 'shared'] as const;
export type Pinning = (typeof PINNINGS)[number];

/** Fewer CPUs leave none for a second thread of the gateway beside load and service. */
const APART_CPUS_MIN = 4;

/** CPUs that the load generator and a service keep busy. */
const REST_CPUS = 2;

/** CPUs that an acceptor and two lanes keep busy. */
const GATEWAY_CPUS_MAX = 3;

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

/**
 * CPUs of a run whose gateways have several threads; null: all of them for everybody.
 *
 * @param wanted unless given: apart where there are CPUs enough
 */
export function chooseGroups(wanted?: Pinning, cpus = allowedCpus()): Cores | null {
  const pinning = wanted ?? (cpus.length < APART_CPUS_MIN ? 'shared' : 'apart');
  if (pinning === 'shared' || cpus.length < 2 || findProgram('taskset') === null) return null;
  const count = Math.max(1, Math.min(GATEWAY_CPUS_MAX, cpus.length - REST_CPUS));
  return { gateway: cpus.slice(0, count), rest: cpus.slice(count) };
}

/** The command line that runs `command` on `cpu`; null leaves the place to the system. */
export function pinned(cpu: CpuChoice, command: readonly string[]): readonly string[] {
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
