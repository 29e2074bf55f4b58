// CPU time and memory of another process, read from /proc. The kernel counts in ticks of 10 ms:
// windows below some seconds are rough. Source: proc(5).

import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds of a tick: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000;

/** Words of a stat file behind the name, which may hold spaces: the first is the state. */
const USER_TICKS_WORD = 11;
const SYSTEM_TICKS_WORD = 12;

const KIB_PER_MIB = 1024;

/** CPU time of one thread. */
export interface ThreadUsage {
  readonly id: number;
  readonly name: string;
  /** User and system time, µs. */
  readonly cpuUs: number;
}

/** What a process has used since it began. */
export interface ProcessUsage {
  /** User and system time of all threads, µs. */
  readonly cpuUs: number;
  /** Resident memory, MiB. */
  readonly rssMb: number;
  readonly threads: readonly ThreadUsage[];
}

/** What the process `pid` has used so far; null without /proc, or when it is gone. */
export function readUsage(pid: number): ProcessUsage | null {
  const directory = `/proc/${pid}`;
  try {
    const rssKib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`${directory}/status`, 'utf8'))?.[1];
    return {
      cpuUs: parseStat(readFileSync(`${directory}/stat`, 'utf8')).cpuUs,
      rssMb: Number(rssKib ?? 0) / KIB_PER_MIB,
      threads: readdirSync(`${directory}/task`).map((id) => ({
        id: Number(id),
        ...parseStat(readFileSync(`${directory}/task/${id}/stat`, 'utf8')),
      })),
    };
  } catch {
    return null;
  }
}

/** Usage between two readings; memory as it was at the end. Null when one of them is missing. */
export function usageBetween(
  before: ProcessUsage | null,
  after: ProcessUsage | null,
): ProcessUsage | null {
  if (before === null || after === null) return null;
  const started = new Map(before.threads.map(({ id, cpuUs }) => [id, cpuUs]));
  return {
    cpuUs: after.cpuUs - before.cpuUs,
    rssMb: after.rssMb,
    threads: after.threads.map(({ id, name, cpuUs }) => ({
      id,
      name,
      cpuUs: cpuUs - (started.get(id) ?? 0),
    })),
  };
}

/** Two processes as one. Null when one of them is missing. */
export function sumUsage(
  first: ProcessUsage | null,
  second: ProcessUsage | null,
): ProcessUsage | null {
  if (first === null || second === null) return null;
  return {
    cpuUs: first.cpuUs + second.cpuUs,
    rssMb: first.rssMb + second.rssMb,
    threads: [...first.threads, ...second.threads],
  };
}

/** Name and CPU time of a stat file of a process or a thread. */
export function parseStat(text: string): { readonly name: string; readonly cpuUs: number } {
  const nameEnd = text.lastIndexOf(')');
  const words = text.slice(nameEnd + 2).split(' ');
  const ticks = Number(words[USER_TICKS_WORD]) + Number(words[SYSTEM_TICKS_WORD]);
  return { name: text.slice(text.indexOf('(') + 1, nameEnd), cpuUs: ticks * TICK_US };
}
