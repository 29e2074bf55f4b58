// Are the ports of the development system free? Asked before anything starts, because a gateway
// that finds its port taken can only name its own flag, and most have another one in `mgw dev`.

import { createServer, type Server } from 'node:net';
import { bindErrorText } from '#workers/bind-error.ts';

/** A port that a listener is to have. */
export interface WantedPort {
  /** Listener, as its flag names it: `http`, `embedded-http`. */
  readonly name: string;
  /** 0: any, which is always free. */
  readonly port: number;
}

/**
 * Takes all ports at once and gives them back, so that a port that is wanted twice is found too.
 *
 * @throws Error that names listener, port and flag of the first one that cannot be had
 */
export async function checkPorts(host: string, wanted: readonly WantedPort[]): Promise<void> {
  const servers: Server[] = [];
  try {
    for (const { name, port } of wanted) {
      if (port !== 0) servers.push(await listen(name, host, port));
    }
  } finally {
    await Promise.all(servers.map(close));
  }
}

function listen(name: string, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => {
      reject(new Error(bindErrorText(name, host, port, error), { cause: error }));
    });
    server.listen(port, host, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
