// A network in memory behind the seam of core/base: bytes arrive late, in pieces of any size, and
// connections may be refused, never open, end or break at any moment. Everything happens on the
// clock it is given, in an order that follows from the seed.
//
//   out --flush--> pending --(room in the pipe)--> in flight --(not paused)--> handler
//
// SAFETY: the memory of a read is destroyed when the handler returns: a view that was kept shows.

import type { Clock } from '#core/base/clock.ts';
import type {
  HostAddress,
  Listener,
  Network,
  Transport,
  TransportHandler,
  TransportOptions,
} from '#core/base/network.ts';
import type { SimRandom } from './sim-random.ts';
import { SimTransport } from './sim-transport.ts';

/** How the network behaves. */
export interface SimShape {
  /** Longest way of a piece. Ms. */
  readonly delayMsMax: number;
  /** Largest piece that arrives at once. */
  readonly pieceBytesMax: number;
  /** What the kernels of both sides hold of one direction. */
  readonly pipeBytesMax: number;
}

/** What happens to attempts to connect. */
export type HostMode = 'up' | 'refusing' | 'silent';

interface Host {
  readonly onConnection: (transport: Transport) => TransportHandler | null;
  readonly options: TransportOptions;
}

/** {@link Network} without sockets. */
export class SimNetwork implements Network {
  readonly clock: Clock;
  readonly random: SimRandom;
  readonly shape: SimShape;
  /** False: writing to a connection that was closed fails the run. */
  allowsLateWrites = true;
  /** Connections that are open or being opened, by the port they lead to. */
  readonly #outgoing = new Map<number, Set<SimTransport>>();
  readonly #peaks = new Map<number, number>();
  readonly #hosts = new Map<number, Host>();
  readonly #modes = new Map<number, HostMode>();
  readonly #soon: (() => void)[] = [];
  #nextPort = 10_000;

  constructor(clock: Clock, random: SimRandom, shape: SimShape) {
    this.clock = clock;
    this.random = random;
    this.shape = shape;
  }

  /** What becomes of connections to `port` from now on. */
  setMode(port: number, mode: HostMode): void {
    this.#modes.set(port, mode);
  }

  /** Connections to `port` that are open or being opened. */
  openTo(port: number): readonly SimTransport[] {
    return [...(this.#outgoing.get(port) ?? [])];
  }

  /** Most connections to `port` that there were at once. */
  peakTo(port: number): number {
    return this.#peaks.get(port) ?? 0;
  }

  connect(
    address: HostAddress,
    options: TransportOptions & { readonly connectTimeoutMs: number },
    handler: TransportHandler,
    onOpen: (transport: Transport) => void,
  ): Transport {
    const transport = new SimTransport(this, options.highWatermarkBytes);
    transport.handler = handler;
    const outgoing = this.#outgoing.get(address.port) ?? new Set();
    this.#outgoing.set(address.port, outgoing.add(transport));
    this.#peaks.set(address.port, Math.max(this.peakTo(address.port), outgoing.size));
    transport.onGone = () => outgoing.delete(transport);
    this.later(options.connectTimeoutMs, () => {
      if (!transport.isOpen) transport.fail('ETIMEDOUT');
    });
    this.later(this.delayMs(), () => this.#arrive(address.port, transport, onOpen));
    return transport;
  }

  listen(
    address: HostAddress,
    options: TransportOptions,
    onConnection: (transport: Transport) => TransportHandler | null,
  ): Promise<Listener> {
    const port = address.port === 0 ? this.#nextPort++ : address.port;
    this.serve(port, onConnection, options);
    return Promise.resolve({
      port,
      close: () => {
        this.#hosts.delete(port);
        return Promise.resolve();
      },
    });
  }

  /** Listens at once. */
  serve(port: number, onConnection: Host['onConnection'], options?: TransportOptions): void {
    this.#hosts.set(port, { onConnection, options: options ?? { highWatermarkBytes: 1 << 20 } });
  }

  /** Runs `action` as an event of its own after `ms`. */
  later(ms: number, action: () => void): void {
    this.clock.setTimer(() => {
      action();
      this.settle();
    }, ms);
  }

  /** Runs `action` after the event at hand and before the next one. */
  soon(action: () => void): void {
    this.#soon.push(action);
  }

  /** Ends the event at hand; tests call it after what they do outside of events. */
  settle(): void {
    for (let action = this.#soon.shift(); action !== undefined; action = this.#soon.shift()) {
      action();
    }
  }

  delayMs(): number {
    return this.random.below(this.shape.delayMsMax + 1);
  }

  #arrive(port: number, client: SimTransport, onOpen: (transport: Transport) => void): void {
    if (client.isClosed) return;
    const mode = this.#modes.get(port) ?? 'up';
    if (mode === 'silent') return;
    const host = this.#hosts.get(port);
    if (host === undefined || mode === 'refusing') {
      client.fail('ECONNREFUSED');
      return;
    }
    const server = new SimTransport(this, host.options.highWatermarkBytes);
    client.join(server);
    const handler = host.onConnection(server);
    if (handler === null) server.destroy();
    else server.handler = handler;
    onOpen(client);
  }
}
