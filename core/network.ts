// HOT PATH. Sockets for one thread: node:net behind the Network seam of core/base. All sockets of
// the thread read into one landing buffer and the handler consumes whole units from it; only what
// is left of an incomplete unit is copied, into a carry buffer of the connection. Output is
// gathered per connection and flushed once per turn of the event loop.
//
//   kernel --> landing buffer --onBytes--> handler --> out buffer --flush (end of turn)--> kernel
//                    \__ incomplete rest __> carry

import { createServer, Socket, type Server } from 'node:net';
import { SpareBuffers } from '#core/base/spare-buffers.ts';
import type {
  HostAddress,
  Listener,
  Network,
  Transport,
  TransportHandler,
  TransportOptions,
} from '#core/base/network.ts';
import { InputBudget, type InputLimits } from './input-budget.ts';
import { OutputBudget, type OutputLimits } from './output-budget.ts';
import { NO_SLOTS, SlotArena } from './slot-arena.ts';
import { SocketTransport, type NetworkObserver, type TransportOwner } from './socket-transport.ts';

/** `drain` comes whenever anything stayed queued; Node's own mark is silent below 64 KiB. */
const SOCKET_OPTIONS = { allowHalfOpen: true, writableHighWaterMark: 1 };

/** A socket whose native handle can be taken over by another Socket object. */
interface HandleOwner {
  _handle: unknown;
}

/** Options of a Socket; `handle` is not in the public types. */
type SocketOptions = ConstructorParameters<typeof Socket>[0];

/** {@link Network} over node:net. */
export class NodeNetwork implements Network, TransportOwner {
  readonly budget: OutputBudget;
  /** Of client connections: what services send is bounded by what they are asked. */
  readonly inputBudget: InputBudget;
  readonly observer: NetworkObserver;
  readonly arena: SlotArena;
  /** Called first at the end of a turn, before output leaves: what it writes leaves with it. */
  onTurnEnd: (() => void) | null = null;
  readonly #dirty: SocketTransport[] = [];
  readonly spare = new SpareBuffers();
  isHalted = false;
  readonly #held: SocketTransport[] = [];
  /** From the moment the end of the turn is scheduled until it is over. */
  #isFlushScheduled = false;
  /** Another turn is to follow the one that ends. */
  #isTurnWanted = false;
  readonly #flushAll: () => void;

  /** @param arena memory for reads; memory of its own when left out */
  constructor(
    limits: OutputLimits & InputLimits,
    observer: NetworkObserver,
    arena = new SlotArena(NO_SLOTS),
  ) {
    this.arena = arena;
    this.budget = new OutputBudget(limits);
    this.inputBudget = new InputBudget(limits);
    this.observer = observer;
    this.#flushAll = () => {
      this.#isTurnWanted = false;
      this.onTurnEnd?.();
      const dirty = this.#dirty;
      // Flushing may make other transports dirty: they are appended and flushed in this same turn.
      for (let i = 0; i < dirty.length; i++) dirty[i]!.turnEnd();
      dirty.length = 0;
      this.#isFlushScheduled = this.#isTurnWanted;
      if (this.#isTurnWanted) setImmediate(this.#flushAll);
    };
  }

  connect(
    address: HostAddress,
    options: TransportOptions & { readonly connectTimeoutMs: number },
    handler: TransportHandler,
    onOpen: (transport: Transport) => void,
  ): Transport {
    // The limit of one connection is about clients; who feeds a service is braked.
    const { outputTotalBytesMax } = this.budget.limits;
    const { highWatermarkBytes } = options;
    const transport = new SocketTransport(this, highWatermarkBytes, outputTotalBytesMax, null);
    const socket = new Socket({
      ...SOCKET_OPTIONS,
      noDelay: true,
      onread: transport.onread,
    });
    transport.attach(socket, handler);
    const timer = setTimeout(() => transport.fail('ETIMEDOUT'), options.connectTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
    socket.connect({ host: address.host, port: address.port }, () => {
      clearTimeout(timer);
      onOpen(transport);
    });
    return transport;
  }

  listen(
    address: HostAddress,
    options: TransportOptions & { readonly backlog: number },
    onConnection: (transport: Transport) => TransportHandler | null,
  ): Promise<Listener> {
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
      this.#accept(accepted, options, onConnection);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address.host, port: address.port, backlog: options.backlog }, () => {
        server.off('error', reject);
        server.on('error', () => {}); // A failed accept (EMFILE) must not end the process.
        resolve(new NodeListener(server));
      });
    });
  }

  /** Sockets stop reading, each after what it has read by now, until `readOn`. */
  halt(): void {
    this.isHalted = true;
  }

  readOn(): void {
    this.isHalted = false;
    for (const transport of this.#held.splice(0)) transport.resumeReading();
  }

  hold(transport: SocketTransport): void {
    transport.pauseReading();
    this.#held.push(transport);
  }

  schedule(transport: SocketTransport): void {
    this.#dirty.push(transport);
    if (!this.#isFlushScheduled) this.endTurnSoon();
  }

  /** The end of this turn comes even if nothing is written; from within it: another turn does. */
  endTurnSoon(): void {
    this.#isTurnWanted = true;
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#flushAll);
  }

  /**
   * The server makes plain sockets. Their handle moves to a socket with a user read buffer, which
   * reads without allocating and whose callback can stop reading at the handle.
   */
  #accept(
    accepted: Socket,
    options: TransportOptions,
    onConnection: (transport: Transport) => TransportHandler | null,
  ): void {
    const { outputBytesMax } = this.budget.limits;
    const { highWatermarkBytes } = options;
    const { inputBudget } = this;
    const transport = new SocketTransport(this, highWatermarkBytes, outputBytesMax, inputBudget);
    const owner = accepted as unknown as HandleOwner;
    const handle = owner._handle;
    owner._handle = null;
    const socket = new Socket({
      ...SOCKET_OPTIONS,
      handle,
      readable: true,
      writable: true,
      onread: transport.onread,
    } as SocketOptions);
    transport.bind(socket);
    const handler = onConnection(transport);
    if (handler === null) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    transport.attach(socket, handler);
    socket.resume();
  }
}

class NodeListener implements Listener {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      // The server counts the sockets it made as open for ever, because their handles moved on:
      // its close callback is not waited for. Accepting has stopped when close() returns.
      this.#server.close();
      resolve();
    });
  }
}
