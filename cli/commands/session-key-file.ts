// The key file on disk: made at a first start, read by every command that needs keys. Invariant: it
// is created whole, readable by its owner only, and never overwritten by accident. Its format is
// left to core/codec/session/keys.ts.

import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { formatProblem } from '#config/problem.ts';
import { formatKeyFile, parseKeyFile } from '#core/codec/session/keys.ts';
import type { SessionKey } from '#core/codec/session/keys.ts';

/** Key file of a system that nobody configured. */
export const DEV_KEY_FILE = '.mgw/session-keys.json';

/** A key file that cannot be used or made; the message is for people. */
export class KeyFileError extends Error {}

/**
 * Makes a key file for development if there is none; processes that start together agree on one.
 *
 * @returns true when the file was made
 */
export function ensureKeyFile(path: string): boolean {
  return createFile(path, newKeyFile(1, true), false);
}

/** The text of a key file with one new signing key. */
export function newKeyFile(kid: number, legacy: boolean): string {
  return formatKeyFile([{ kid, state: 'signing', master: randomBytes(32), legacy }]);
}

/**
 * Creates a file of mode 0600 whole, so that nobody reads half of it.
 *
 * @param isForced replace a file that exists
 * @returns false when it exists
 * @throws KeyFileError when the file system refuses
 */
export function createFile(path: string, text: string, isForced: boolean): boolean {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
      if (!isForced) return isLinked(draft, path);
      renameSync(draft, path);
      return true;
    } finally {
      rmSync(draft, { force: true });
    }
  } catch (error) {
    throw new KeyFileError(`Cannot write ${path}: ${(error as Error).message}`);
  }
}

/** Gives the draft its name unless another file has it: one step, whoever else tries. */
function isLinked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Reads the keys of a file.
 *
 * @throws KeyFileError that names every problem
 */
export function readKeyFile(path: string): readonly SessionKey[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const help = code === 'ENOENT' ? `; make one: mgw session keygen --out ${path}` : '';
    throw new KeyFileError(`Cannot read the key file ${path}: ${message}${help}`);
  }
  const result = parseKeyFile(text);
  if (result.ok) return result.keys;
  const lines = result.problems.map((problem) => formatProblem({ ...problem, where: path }));
  throw new KeyFileError(lines.join('\n'));
}
