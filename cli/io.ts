// Where a command writes and what it is told. Commands get it passed in, so that tests run them
// without a process.

/** Streams of a command. */
export interface CommandIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Exit codes of every command. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  /** Wrong usage or configuration. */
  usage: 2,
} as const;
