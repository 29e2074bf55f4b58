// Instances of one service for tests of the central gateway, by HTTP and by Bolt alike: they answer
// a call with its own body after a moment, can be killed, and come back under the same port.

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { resetSocket } from '#test/peers/reset.ts';
import { frames, heartbeatAck, isRequest, response } from './bolt-support.ts';
import { Service, type Answer } from './service.ts';

/** Time an instance works on a call, so that calls are under way when it dies. Ms. */
const WORK_MS = 4;

/** One instance of a service. */
export interface Instance {
  readonly host: string;
  /** Calls that arrived, in all lives. */
  readonly requests: number;
  /** Resets all connections and stops listening. */
  kill(): Promise<void>;
  /** Listens again, on the port that it had. */
  revive(): Promise<void>;
}

/** An instance that speaks HTTP/1.1. */
export async function startHttpInstance(): Promise<Instance> {
  let requests = 0;
  const answer: Answer = (seen, reply) => {
    requests++;
    setTimeout(() => reply.end(seen.body), WORK_MS);
  };
  let service = await new Service(answer).listen();
  const { host, port } = service;
  return {
    host,
    get requests() {
      return requests;
    },
    kill: () => service.stop(),
    async revive() {
      service = await new Service(answer).listen(port);
    },
  };
}

/** An instance that speaks Bolt; bodies are protobuf. */
export async function startBoltInstance(): Promise<Instance> {
  let requests = 0;
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    frames(socket, (frame, content) => {
      const { requestId } = frame;
      if (!isRequest(frame)) return heartbeatAck(requestId);
      requests++;
      setTimeout(() => {
        if (!socket.destroyed) socket.write(response(requestId, content));
      }, WORK_MS);
      return null;
    });
  };
  const listen = async (port: number): Promise<Server> => {
    const server = createServer(serve).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    async kill() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) resetSocket(socket);
      await closed;
    },
    async revive() {
      server = await listen(port);
    },
  };
}

/** A protobuf message with `text` in its first field; it has to be shorter than 128 bytes. */
export function protobufText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes]);
}
