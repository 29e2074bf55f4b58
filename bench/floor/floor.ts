// Builds and starts the floor: a proxy in C that moves the bytes of an Mmtp call to a Bolt service
// and back and checks nothing. Built anew for each run into the run's own directory, so that the
// figures belong to the source that is there.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startChild, type Child } from '../rig/child.ts';
import { findProgram } from '../rig/cores.ts';
import { BOLT_TARGET } from '../rig/gateway-config.ts';
import type { Rig } from '../rig/rig.ts';

const SOURCES = ['floor.c', 'frames.c'].map((name) => join(import.meta.dirname, name));

/** gnu11 for accept4 and epoll. */
const CC_FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];

/** LIMIT: a compiler takes a second for it. */
const BUILD_MS_MAX = 60_000;

const run = promisify(execFile);

/** Why the floor takes no part; null: it can. */
export function floorMissing(): string | null {
  if (process.platform !== 'linux') return 'the floor needs epoll, which is Linux';
  if (findProgram('cc') === null) return 'there is no C compiler; on Debian: apt-get install gcc';
  return null;
}

/**
 * Compiles the floor into `directory` and answers the program's path.
 *
 * @param flags of the compiler besides its own
 * @throws Error with the compiler's words when the source is wrong
 */
export async function buildFloor(
  directory: string,
  flags: readonly string[] = [],
): Promise<string> {
  const program = join(directory, 'floor');
  const argv = [...CC_FLAGS, ...flags, '-o', program, ...SOURCES];
  await run(findProgram('cc') ?? 'cc', argv, { timeout: BUILD_MS_MAX });
  return program;
}

/** The command line of the floor in front of the Bolt service at `servicePort`. */
export function floorCommand(program: string, servicePort: number): readonly string[] {
  return [program, String(servicePort), BOLT_TARGET.service, BOLT_TARGET.method];
}

/** Starts the floor in front of a Bolt service; its port is `mmtp`. */
export async function startFloor(rig: Rig, servicePort: number): Promise<Child> {
  const command = floorCommand(await buildFloor(rig.directory), servicePort);
  return rig.adopt(await startChild({ name: 'floor', command, cpu: rig.gatewayCpu }));
}
