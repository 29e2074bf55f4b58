// The token that opens the admin API: made anew at every start and left in a file that only its
// owner can read, so that whoever may read the file may operate the process.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** 256 bits: beyond guessing. */
const TOKEN_BYTES = 32;

const BEARER = 'bearer ';

/** One token, checked in constant time. */
export class AdminToken {
  readonly text: string;
  readonly #digest: Buffer;

  constructor(text: string) {
    this.text = text;
    this.#digest = digest(text);
  }

  /** A new random token, base64url. */
  static create(): AdminToken {
    return new AdminToken(randomBytes(TOKEN_BYTES).toString('base64url'));
  }

  /** Does the value of an `Authorization` header carry this token? */
  isCarriedBy(authorization: string | undefined): boolean {
    if (authorization === undefined) return false;
    if (authorization.slice(0, BEARER.length).toLowerCase() !== BEARER) return false;
    // Digests have one length, so the comparison tells nothing about the length of the token.
    return timingSafeEqual(digest(authorization.slice(BEARER.length).trim()), this.#digest);
  }

  /**
   * Writes the token to `file`, readable by its owner only. A new file takes the place of an old
   * one at once, whatever the rights of the old one were and wherever a link there led.
   */
  async writeTo(file: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const fresh = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
    try {
      await writeFile(fresh, `${this.text}\n`, { mode: 0o600, flag: 'wx' });
      await rename(fresh, file);
    } catch (error) {
      await rm(fresh, { force: true });
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot write the admin token to "${file}": ${reason}`, { cause: error });
    }
  }

  /** Removes `file` if it still holds this token; a successor's token stays. */
  async removeFrom(file: string): Promise<void> {
    try {
      if ((await readFile(file, 'utf8')).trim() === this.text) await rm(file, { force: true });
    } catch {
      // The file is gone or unreadable: nothing of ours is left there.
    }
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
