// What every sample service does as a process: one flag, one ready line, a clean end.
// Leaves the service itself to its own file.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** Exit codes of the sample services. */
export const SampleExit = {
  clean: 0,
  failure: 1,
  usage: 2,
  /** A package that the service is built on is not installed. */
  dependencyAbsent: 3,
} as const;

/** LIMIT: how long requests that are still running may delay the end. */
const LINGER_MS = 2000;

/** The port of the flag `--port`; 0 (any) when it is left out. Ends the process on a wrong one. */
export function portFlag(): number {
  let text: string;
  try {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
    text = values.port;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  return refuse(`--port ${text} is no port; choose 0 to 65535`);
}

/** The JSON object in the file of the flag `--config`. Ends the process when there is none. */
export function configFlag(): Readonly<Record<string, unknown>> {
  try {
    const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } });
    return JSON.parse(readFileSync(values.config, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    return refuse(`--config: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Prints the line that says the service takes requests. */
export function announceReady(role: string, ports: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify({ event: 'ready', role, pid: process.pid, ports }));
}

/**
 * Ends the process cleanly on SIGTERM and SIGINT, and when the parent that holds its IPC channel is
 * gone. `close` stops the service and answers when its last request has ended.
 */
export function endOnSignal(close: () => Promise<void>): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(SampleExit.clean), LINGER_MS).unref();
    close().then(
      () => process.exit(SampleExit.clean),
      () => process.exit(SampleExit.failure),
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  process.once('disconnect', end);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(SampleExit.usage);
}
