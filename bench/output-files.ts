// The files that a run writes besides what it prints. Invariant: a place that cannot be written is
// found before anything is measured, and one that fails afterwards all the same is told in a line;
// what was measured has been printed by then.

import { constants } from 'node:fs';
import { access, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { formatProblem } from '#config/problem.ts';

/** A file that the command line asks for. */
export interface OutputFile {
  /** Flag that names it. */
  readonly flag: '--json' | '--html';
  readonly path: string;
}

const ADVICE = 'give the name of a file that can be written';

/** Why the system refuses, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EISDIR: 'it is a directory',
  ENOENT: 'there is no such directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is no directory',
  EROFS: 'the file system is read-only',
};

/** The files of a command line, in the order in which they are written. */
export function listOutputs(values: {
  readonly json?: string | undefined;
  readonly html?: string | undefined;
}): readonly OutputFile[] {
  const files: OutputFile[] = [];
  if (values.json !== undefined) files.push({ flag: '--json', path: values.json });
  if (values.html !== undefined) files.push({ flag: '--html', path: values.html });
  return files;
}

/**
 * Looks whether files can be written. None is opened: that would leave empty files behind when the
 * run comes to nothing, and end the pipe that a file may be.
 *
 * @returns a line for each that cannot be
 */
export async function findUnwritable(files: readonly OutputFile[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const file of files) {
    const code = await refusalOf(resolve(file.path));
    if (code !== null) lines.push(describe(file, code));
  }
  return lines;
}

/** Writes a file. @returns what went wrong, as a line; null: it is written */
export async function writeOutput(file: OutputFile, text: string): Promise<string | null> {
  try {
    await writeFile(file.path, text);
    return null;
  } catch (error) {
    return describe(file, codeOf(error));
  }
}

/** The error code with which writing `path` would end; null: it can be written. */
async function refusalOf(path: string): Promise<string | null> {
  try {
    if ((await stat(path)).isDirectory()) return 'EISDIR';
    await access(path, constants.W_OK);
    return null;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return codeOf(error);
  }
  try {
    const directory = dirname(path);
    if (!(await stat(directory)).isDirectory()) return 'ENOTDIR';
    await access(directory, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function describe({ flag, path }: OutputFile, code: string): string {
  const message = `cannot write ${path} (${REASONS[code] ?? code}); ${ADVICE}`;
  return formatProblem({ path: flag, message });
}
