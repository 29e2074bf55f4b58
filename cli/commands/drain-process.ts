// A process of this machine as `mgw drain` sees it: whether it is a gateway, and whether it is
// still there. Invariant: another process that gets the same number later is not taken for it.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Commands of `mgw` that run until they are told to stop. */
const GATEWAY_COMMANDS = ['dev', 'sidecar', 'central', 'access', 'control'];
const PROGRAM_NAMES = ['mgw', 'mgw.js'];

/** Field of /proc/PID/stat behind the name in brackets: the state's letter. */
const STATE_FIELD = 0;
/** As above: the start time, in ticks since boot. */
const START_FIELD = 19;
/** Zombie, dead: ended, and waiting for a parent that may never look. */
const ENDED_STATES = ['Z', 'X'];

/** What a signal to a process would do. */
export type Reach = 'reachable' | 'missing' | 'forbidden';

/** One process, remembered by number and start time. */
export class WatchedProcess {
  readonly pid: number;
  /** Command line; empty when the system does not tell. */
  readonly commandLine: readonly string[];
  readonly #startTime: string;

  /** @param pid above 0 */
  constructor(pid: number) {
    this.pid = pid;
    this.#startTime = statOf(pid)?.startTime ?? '';
    this.commandLine = commandLineOf(pid);
  }

  /** The command line is that of a gateway. */
  get isGateway(): boolean {
    const at = this.commandLine.findIndex((word) => PROGRAM_NAMES.includes(basename(word)));
    return at >= 0 && GATEWAY_COMMANDS.includes(this.commandLine[at + 1] ?? '');
  }

  /** Whether the process is there and may be signalled. */
  reach(): Reach {
    try {
      process.kill(this.pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM') return 'forbidden';
      return 'missing';
    }
    const stat = statOf(this.pid);
    if (stat === null) return 'reachable';
    const isOther = this.#startTime !== '' && stat.startTime !== this.#startTime;
    return isOther || ENDED_STATES.includes(stat.state) ? 'missing' : 'reachable';
  }

  /** Asks it to end. @returns false when it is gone already */
  tryTerminate(): boolean {
    try {
      return process.kill(this.pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      return false;
    }
  }
}

/** State and start time by Linux's /proc; null elsewhere and for processes that are gone. */
function statOf(pid: number): { readonly state: string; readonly startTime: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold blanks and brackets itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[STATE_FIELD] ?? '', startTime: fields[START_FIELD] ?? '' };
  } catch {
    return null;
  }
}

function commandLineOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return commandLineByPs(pid);
  }
}

/** For systems without /proc; words with blanks in them come apart. */
function commandLineByPs(pid: number): readonly string[] {
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return (stdout ?? '').split(/\s+/).filter((word) => word !== '');
}
