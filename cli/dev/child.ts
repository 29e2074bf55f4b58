// One part of the development system as a child process: started, awaited until it is ready,
// watched, ended. A child ends by itself when this process is gone: its IPC channel closes.

import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** LIMIT: time for a part to say that it is ready. Ms. */
const READY_MS = 15_000;

/** LIMIT: time for a part to end after SIGTERM; it drains for up to 10 s. Ms. */
const STOP_MS = 12_000;

/** What a part prints once it serves. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly role: string;
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
}

/** A running part. */
export class DevChild {
  readonly name: string;
  readonly ready: ReadyLine;
  /** Resolves with the exit code when the part ends; null: by a signal. */
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;

  private constructor(name: string, child: ChildProcess, ready: ReadyLine) {
    this.name = name;
    this.#process = child;
    this.ready = ready;
    this.exited = exitOf(child);
  }

  /**
   * Starts `node args` and resolves once it is ready; rejects with a text for people when it ends
   * or stays silent instead. Its log goes to this process's stderr.
   */
  static async start(name: string, args: readonly string[]): Promise<DevChild> {
    // Detached: Ctrl-C reaches this process alone, which then ends the parts in order.
    const child = spawn(process.execPath, [...process.execArgv, ...args], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      detached: true,
    });
    const lines = createInterface({ input: child.stdout! });
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
    try {
      for await (const line of lines) {
        const ready = parseReady(line);
        if (ready !== null) return new DevChild(name, child, ready);
      }
    } finally {
      clearTimeout(timer);
      child.stdout!.resume();
    }
    const code = await exitOf(child);
    throw new ChildFailure(name, code);
  }

  /** Ends the part and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    await this.exited;
    clearTimeout(timer);
  }
}

/** A part that did not become ready. */
export class ChildFailure extends Error {
  readonly exitCode: number | null;

  constructor(name: string, exitCode: number | null) {
    super(
      exitCode === null
        ? `"${name}" was not ready within ${READY_MS / 1000} s`
        : `"${name}" ended with exit code ${exitCode} before it was ready`,
    );
    this.exitCode = exitCode;
  }
}

function parseReady(line: string): ReadyLine | null {
  if (!line.startsWith('{')) return null;
  try {
    const value = JSON.parse(line) as ReadyLine;
    return value.event === 'ready' ? value : null;
  } catch {
    return null;
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}
