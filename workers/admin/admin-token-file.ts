// The file of the admin API's token: whoever may read it may operate the process. A file that is
// there is read and used, whoever left it: operators, another gateway, a process that crashed. One
// that is not there is made, readable by its owner only, and removed at the end.
// Invariant: what this process did not make it neither writes nor removes.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AdminToken } from './admin-token.ts';

/** Fewer can be guessed by trying. */
const TOKEN_CHARS_MIN = 16;

/** LIMIT: far beyond any token, and well below what a request's head may have. */
const FILE_BYTES_MAX = 4096;

/** What fits an `Authorization` header. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

const SETTING = 'listeners.adminTokenFile, --admin-token-file';

/** Where no file can be made, as in a container with a file system that is read only. */
const WAYS_OUT =
  'name a place that can be written with --admin-token-file FILE, or do without: ' +
  '--admin-port off opens no admin API, --admin-open one that needs no token';

/** A token file in use. */
export class AdminTokenFile {
  readonly path: string;
  readonly token: AdminToken;
  /** Did this process make it? */
  readonly isOurs: boolean;

  private constructor(path: string, token: AdminToken, isOurs: boolean) {
    this.path = path;
    this.token = token;
    this.isOurs = isOurs;
  }

  /**
   * Reads the token of `path`, or makes the file; processes that start together agree on one.
   *
   * @throws Error that names setting, file and fix
   */
  static async open(path: string): Promise<AdminTokenFile> {
    const found = await readToken(path);
    if (found !== null) return new AdminTokenFile(path, found, false);
    const token = AdminToken.create();
    if (await tryCreate(path, token)) return new AdminTokenFile(path, token, true);
    const theirs = await readToken(path);
    if (theirs === null) throw refusal(path, 'it is a link to a file that is not there', 'mend it');
    return new AdminTokenFile(path, theirs, false);
  }

  /** Removes the file if this process made it and it still holds the token. */
  async close(): Promise<void> {
    if (!this.isOurs) return;
    try {
      const text = await readText(this.path);
      if (text.trim() === this.token.text) await rm(this.path, { force: true });
    } catch {
      // The file is gone or unreadable: nothing of ours is left there.
    }
  }
}

/** Null when there is no file. */
async function readToken(path: string): Promise<AdminToken | null> {
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw refusal(path, reasonOf(error), 'make it a readable file or name another', error);
  }
  const token = text.trim();
  const fault = faultOf(text, token);
  if (fault === null) return new AdminToken(token);
  const fix = `put ${TOKEN_CHARS_MIN} or more random characters into it, or name another file`;
  throw refusal(path, fault, `${fix}: one that is not there is made`);
}

/** What is wrong with the text of a file and the token in it; null: nothing. */
function faultOf(text: string, token: string): string | null {
  if (text.length > FILE_BYTES_MAX) return `it is longer than ${FILE_BYTES_MAX} bytes`;
  if (token === '') return 'it is empty';
  if (/\s/.test(token)) return 'it has white space inside';
  if (!VISIBLE_ASCII.test(token)) return 'it has characters that are no visible ASCII';
  if (token.length >= TOKEN_CHARS_MIN) return null;
  return `it is shorter than ${TOKEN_CHARS_MIN} characters`;
}

/** The text of a file, one character a byte and at most one character more than it may have. */
async function readText(path: string): Promise<string> {
  // Without waiting: opening a pipe that nobody writes to would never end.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is no regular file');
    const bytes = Buffer.alloc(FILE_BYTES_MAX + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.latin1Slice(0, length);
  } finally {
    await file.close();
  }
}

/**
 * Makes the file whole, so that nobody reads half of it.
 *
 * @returns false when it exists
 */
async function tryCreate(path: string, token: AdminToken): Promise<boolean> {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const text = `${token.text}\n`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
    try {
      await link(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      // Some file systems have no links; there, who starts at the same moment may be refused.
      await writeFile(path, text, { mode: 0o600, flag: 'wx' });
    }
    return true;
  } catch (error) {
    throw refusal(path, reasonOf(error), WAYS_OUT, error);
  } finally {
    await removeDraft(draft);
  }
}

async function removeDraft(draft: string): Promise<void> {
  try {
    await rm(draft, { force: true });
  } catch {
    // What could not be made, in a directory that cannot be written.
  }
}

function refusal(path: string, reason: string, fix: string, cause?: unknown): Error {
  const text = `Cannot use the admin token file "${path}" (${SETTING}): ${reason}; ${fix}`;
  return new Error(text, { cause });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
