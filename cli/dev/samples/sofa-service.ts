// The sample SOFARPC service: a real peer, sofa-rpc-node, in its own process, with protobuf bodies
// over Bolt as proto/hello.proto describes them. The packages are development dependencies: without
// them the process says so and exits with code 3.

import { createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { server as sofaServer } from 'sofa-rpc-node';
import { packageFile } from '#config/package-files.ts';
import { announceReady, endOnSignal, portFlag, SampleExit } from './sample-process.ts';

const HOST = '127.0.0.1';
const PROTO_FOLDER = packageFile('cli/dev/samples/proto');

/** LIMIT: longest time `slow` waits. */
const SLOW_MS_MAX = 30_000;

interface HelloRequest {
  readonly name: string;
  readonly ms: number;
}

interface HelloReply {
  readonly message: string;
}

/** sofa-rpc-node calls only methods that are declared `async`. */
const hello = {
  async hello({ name }: HelloRequest): Promise<HelloReply> {
    return { message: `hello ${name}` };
  },
  async boom({ name }: HelloRequest): Promise<HelloReply> {
    throw new Error(`boom ${name}`);
  },
  async slow({ name, ms }: HelloRequest): Promise<HelloReply> {
    await delay(Math.min(ms, SLOW_MS_MAX));
    return { message: `hello ${name}` };
  },
};

/** Methods that throw and clients that leave are part of the demonstration: nothing is told. */
const logger = {
  debug: (): void => {},
  info: (): void => {},
  warn: (): void => {},
  error: (): void => {},
};

type SofaServer = typeof sofaServer;

async function loadPackages(): Promise<{ sofa: SofaServer; proto: unknown }> {
  try {
    const { server: sofa } = await import('sofa-rpc-node');
    const { loadAll } = await import('antpb');
    return { sofa, proto: loadAll(PROTO_FOLDER) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(
      'The sample SOFARPC service needs sofa-rpc-node and antpb; run `npm ci` without --omit=dev',
    );
    process.exit(SampleExit.dependencyAbsent);
  }
}

async function start(port: number): Promise<void> {
  const { sofa, proto } = await loadPackages();

  /** The package listens on all interfaces; the sample stays on this machine. */
  class LoopbackServer extends sofa.RpcServer {
    protected override _startServer(port: number): Server {
      const server = createServer((socket) => this._handleSocket(socket));
      server.once('error', fail);
      server.listen(port, HOST, () => {
        this.publishPort = (server.address() as AddressInfo).port;
      });
      return server;
    }
  }

  const server = new LoopbackServer({ logger, port, codecType: 'protobuf', proto });
  // Unknown services are reported here besides being answered.
  server.on('error', () => {});
  server.addService({ interfaceName: 'com.mgw.demo.HelloService', version: '1.0' }, hello);
  await server.start();
  endOnSignal(() => server.close());
  announceReady('sample-sofa', { bolt: server.publishPort });
}

function fail(error: Error): void {
  console.error(`The sample SOFARPC service cannot start: ${error.message}`);
  process.exit(SampleExit.failure);
}

await start(portFlag()).catch(fail);
