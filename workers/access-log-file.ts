// The file behind the access log: appends whole blocks, one at a time, and opens the file anew on
// request, so that log rotation by rename works (rename, then SIGHUP).
// Trouble with the disk loses lines, which the access log counts; it never stops requests.

import { close, open, write } from 'node:fs';
import { promisify } from 'node:util';
import type { AccessLogWriter } from '#core/telemetry/access-log.ts';
import type { Log } from '#core/telemetry/log.ts';

const openFile = promisify(open);
const closeFile = promisify(close);

/** Owner writes, group reads: the log holds user ids. */
const FILE_MODE = 0o640;

const LINE_FEED = Buffer.from('\n');

/** Appends to one file. */
export class AccessLogFile implements AccessLogWriter {
  readonly path: string;
  readonly #log: Log;
  #fd: number;
  #isWriting = false;
  /** A block was cut off by an error: the next one starts on a line of its own. */
  #isTorn = false;
  /** What waits for the write under way to end. */
  #onIdle: (() => void)[] = [];

  private constructor(path: string, log: Log, fd: number) {
    this.path = path;
    this.#log = log;
    this.#fd = fd;
  }

  /** Opens or creates the file. Rejects with a text for people when that is impossible. */
  static async open(path: string, log: Log): Promise<AccessLogFile> {
    try {
      return new AccessLogFile(path, log, await openFile(path, 'a', FILE_MODE));
    } catch (error) {
      throw new Error(
        `Cannot open the access log "${path}": ${errorText(error)}; ` +
          'choose another place with --access-log FILE, or --access-log off',
        { cause: error },
      );
    }
  }

  write(bytes: Buffer, length: number, done: (isWritten: boolean) => void): void {
    this.#isWriting = true;
    if (this.#isTorn) {
      const block = Buffer.concat([LINE_FEED, bytes.subarray(0, length)]);
      this.#append(this.#fd, block, 0, block.length, done);
    } else {
      this.#append(this.#fd, bytes, 0, length, done);
    }
  }

  /**
   * Opens the path again and goes on there; a write under way still ends in the old file. If
   * opening fails, the old file stays in use and the log says so.
   */
  async reopen(): Promise<void> {
    let fd: number;
    try {
      fd = await openFile(this.path, 'a', FILE_MODE);
    } catch (error) {
      this.#log.error('cannot reopen the access log; the old file stays in use', {
        path: this.path,
        error: errorText(error),
      });
      return;
    }
    const previous = this.#fd;
    this.#fd = fd;
    this.#isTorn = false;
    if (this.#isWriting) await this.#idle();
    await closeFile(previous);
  }

  /** Closes the file after the write under way; nothing may be written afterwards. */
  async close(): Promise<void> {
    if (this.#isWriting) await this.#idle();
    await closeFile(this.#fd);
  }

  #append(
    fd: number,
    bytes: Buffer,
    from: number,
    end: number,
    done: (isWritten: boolean) => void,
  ): void {
    write(fd, bytes, from, end - from, null, (error, written) => {
      if (error !== null) {
        if (fd === this.#fd && from > 0) this.#isTorn = true;
        this.#log.warnLimited('access-log-write', 'cannot write the access log', {
          path: this.path,
          error: errorText(error),
        });
        this.#finish(false, done);
      } else if (from + written < end) {
        this.#append(fd, bytes, from + written, end, done);
      } else {
        if (fd === this.#fd) this.#isTorn = false;
        this.#finish(true, done);
      }
    });
  }

  #finish(isWritten: boolean, done: (isWritten: boolean) => void): void {
    this.#isWriting = false;
    done(isWritten);
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resume of waiting) resume();
  }

  /** Resolves at the end of the write under way. */
  #idle(): Promise<void> {
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
