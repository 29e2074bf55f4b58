// Starts programs of others that serve on a port they are told and say nothing when they do: a
// free port is chosen for them, and they are up when it takes connections.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startSilentChild, type Child } from '../rig/child.ts';
import type { Rig } from '../rig/rig.ts';

/** Pause between two attempts to connect. */
const RETRY_MS = 20;

/** A program of others. */
export interface SilentPeer {
  /** For messages. */
  readonly name: string;
  /** Name of its port. */
  readonly protocol: 'http' | 'bolt';
  /** The command line for a port. */
  commandFor(port: number): readonly string[];
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program where gateways stand. */
export async function startSilentPeer(rig: Rig, peer: SilentPeer): Promise<Child> {
  const { name, protocol, env = {} } = peer;
  const port = await freePort();
  const spec = { name, command: peer.commandFor(port), cpu: rig.gatewayCpu, env };
  return rig.adopt(await startSilentChild(spec, { [protocol]: port }, () => isListening(port)));
}

/** A port that was free a moment ago: such programs cannot tell which one they got for 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address === 'object' ? address.port : 0;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    await delay(RETRY_MS);
    return false;
  } finally {
    socket.destroy();
  }
}
