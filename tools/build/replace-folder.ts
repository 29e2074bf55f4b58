// Puts a folder in the place of another one in one step: who starts a program in it sees all files
// of one build. Safe for several processes at a time; the last one wins.

import { rename, rm } from 'node:fs/promises';

/** LIMIT: attempts; each one fails only when another process was faster. */
const ATTEMPTS_MAX = 20;

/** Moves the folder `made` to `place`, both on one file system, and removes what was there. */
export async function replaceFolder(made: string, place: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(made, place);
      return;
    } catch (error) {
      if (!isTaken(error) || attempt === ATTEMPTS_MAX) throw error;
    }
    const old = `${made}.old${attempt}`;
    await rename(place, old).catch(ignoreMissing);
    await rm(old, { recursive: true, force: true });
  }
}

function isTaken(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(error));
}

/** Another process has taken it away already. */
function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
