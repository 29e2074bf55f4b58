// What the sample SOFARPC service uses of two packages that bring no types.

declare module 'sofa-rpc-node' {
  import type { Server, Socket } from 'node:net';

  interface Logger {
    debug(...values: unknown[]): void;
    info(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
  }

  interface RpcServerOptions {
    readonly logger: Logger;
    readonly port: number;
    readonly codecType: string;
    /** Result of `loadAll`, for the protobuf codec. */
    readonly proto: unknown;
  }

  class RpcServer {
    publishPort: number;
    constructor(options: RpcServerOptions);
    addService(
      service: { readonly interfaceName: string; readonly version: string },
      methods: Readonly<Record<string, (argument: never) => Promise<unknown>>>,
    ): void;
    start(): Promise<void>;
    close(): Promise<void>;
    on(event: 'error', listener: (error: Error) => void): this;
    protected _startServer(port: number): Server;
    protected _handleSocket(socket: Socket): void;
  }

  export const server: { readonly RpcServer: typeof RpcServer };
}

declare module 'antpb' {
  /** Parses every .proto file below a folder. */
  export function loadAll(folder: string): unknown;
}
