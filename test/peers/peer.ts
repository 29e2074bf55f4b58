// Real peers as child processes: started on a free port, ready when they say so, gone after `stop`.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** LIMIT: how long a peer may take to start. */
const START_MS_MAX = 20_000;

/** A running peer. */
export interface Peer {
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
  readonly pid: number;
  /** Ends it and waits until it is gone; answers its exit code, null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

interface ReadyLine {
  readonly event?: string;
  readonly ports?: Readonly<Record<string, number>>;
}

/**
 * Starts a sample service.
 *
 * @param file path from the project's root
 * @param portName which port of its ready line counts
 * @throws Error when it ends, or says nothing, before it is ready; with what it wrote to stderr
 */
export async function startSample(file: string, portName: string): Promise<Peer> {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  // The IPC channel ends the peer together with the test, however the test ends.
  const child = fork(path, ['--port', '0'], {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let complaint = '';
  child.stderr!.on('data', (text: Buffer) => (complaint += text.toString()));
  try {
    const ports = await readyPorts(child, exited);
    const port = ports[portName];
    if (port === undefined) throw new Error(`${file} announced no port "${portName}"`);
    return {
      port,
      pid: child.pid!,
      async stop(signal = 'SIGTERM') {
        child.kill(signal);
        const [code] = await exited;
        return code;
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    await exited;
    throw new Error(`${file} did not start: ${complaint}`, { cause: error });
  }
}

async function readyPorts(
  child: ChildProcess,
  exited: Promise<unknown>,
): Promise<Readonly<Record<string, number>>> {
  const deadline = AbortSignal.timeout(START_MS_MAX);
  const lines = createInterface({ input: child.stdout! });
  const ready = new Promise<Readonly<Record<string, number>>>((resolve, reject) => {
    deadline.addEventListener('abort', () => reject(new Error('no ready line in time')));
    void exited.then(() => reject(new Error('it ended')));
    lines.on('line', (line) => {
      const { event, ports } = JSON.parse(line) as ReadyLine;
      if (event === 'ready' && ports !== undefined) resolve(ports);
    });
  });
  return ready;
}
