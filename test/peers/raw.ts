// A TCP peer that follows a script, for faults that no real peer makes on demand.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { resetSocket } from './reset.ts';

const HOST = '127.0.0.1';

/**
 * What the peer does with a connection; `index` counts connections from 0. The peer collects what
 * arrives itself, see {@link RawPeer.received}.
 */
export type RawScript = (socket: Socket, index: number) => void;

/** A running scripted peer. */
export interface RawPeer {
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Everything that arrived on the connection with this index. */
  received(index: number): Buffer;
  /** Waits until `bytes` bytes arrived on this connection; rejects when it ends before. */
  waitForBytes(index: number, bytes: number): Promise<Buffer>;
  /** Waits until the connection with this index is closed. */
  waitForClose(index: number): Promise<void>;
  /** Resets all connections and stops listening. */
  stop(): Promise<void>;
}

/** Starts a peer that treats every connection by `script`. */
export async function startRawPeer(script: RawScript): Promise<RawPeer> {
  const sockets: Socket[] = [];
  const arrived: Buffer[][] = [];
  // One place to wait for anything: every event of a connection wakes all waiters.
  let wake: () => void = () => {};
  let woken = new Promise<void>((resolve) => (wake = resolve));
  const stir = (): void => {
    wake();
    woken = new Promise<void>((resolve) => (wake = resolve));
  };
  const server = createServer((socket) => {
    const index = sockets.push(socket) - 1;
    const parts: Buffer[] = [];
    arrived.push(parts);
    socket.on('error', () => {});
    socket.on('close', stir);
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      stir();
    });
    script(socket, index);
    stir();
  });
  server.listen(0, HOST);
  await once(server, 'listening');

  const received = (index: number): Buffer => Buffer.concat(arrived[index] ?? []);
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.length;
    },
    received,
    async waitForBytes(index, bytes) {
      while (received(index).length < bytes) {
        if (sockets[index]?.destroyed === true) {
          throw new Error(`connection ${index} ended after ${received(index).length} bytes`);
        }
        await woken;
      }
      return received(index);
    },
    async waitForClose(index) {
      while (sockets[index]?.destroyed !== true) await woken;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Script: accept, read, and never answer. */
export const hang: RawScript = () => {};

/** Script: accept and never read either, so that the sender's buffers fill. */
export const stall: RawScript = (socket) => void socket.pause();

/** Script: close the connection at once, `reset` by RST instead of FIN. */
export function closeAtOnce(reset: boolean): RawScript {
  return (socket) => void (reset ? resetSocket(socket) : socket.end());
}

/** Script: answer the first bytes that arrive with `bytes`, whatever was asked. */
export function answerWith(bytes: Buffer): RawScript {
  return (socket) => void socket.once('data', () => socket.write(bytes));
}

/** Script: like {@link answerWith}, then close. */
export function answerAndClose(bytes: Buffer): RawScript {
  return (socket) => void socket.once('data', () => socket.end(bytes));
}

/** Script: answer the first bytes that arrive with `bytes`, each in a packet of its own. */
export function answerBytewise(bytes: Buffer): RawScript {
  return (socket) => {
    socket.setNoDelay(true);
    socket.once('data', () => {
      let at = 0;
      const step = (): void => {
        if (at === bytes.length || socket.destroyed) return;
        socket.write(bytes.subarray(at, ++at), () => setImmediate(step));
      };
      step();
    });
  };
}

/** Script: close once `bytes` bytes have arrived, `reset` by RST instead of FIN. */
export function closeAfter(bytes: number, reset: boolean): RawScript {
  return (socket) => {
    let seen = 0;
    socket.on('data', (part: Buffer) => {
      seen += part.length;
      if (seen < bytes || socket.destroyed) return;
      if (reset) resetSocket(socket);
      else socket.end();
    });
  };
}

/**
 * A port of 127.0.0.1 on which nobody listens: connections to it are refused. Until the end of the
 * test it is the local port of a connection that was bound on purpose: nobody else is given it, as
 * a port may be that was merely free a moment ago, but the test itself may listen on it.
 */
export async function refusedPort(t: TestContext): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const holder = connect({ port, host: HOST, localAddress: HOST });
  const [other] = await accepted;
  other.on('error', () => {});
  server.close();
  t.after(() => resetSocket(holder));
  return holder.localPort!;
}
