// HOT PATH. Sockets for one thread: node:net behind the Network seam of core/base. All sockets of
// the thread read into one landing buffer and the handler consumes whole units from it; only what
// is left of an incomplete unit is copied, into a carry buffer of the connection. Output is
// gathered per connection and flushed once per turn of the event loop.
//
//   kernel --> landing buffer --onBytes--> handler --> out buffer --flush (end of turn)--> kernel
//                    \__ incomplete rest __> carry

import { createServer, Socket, type Server } from 'node:net';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { SpareBuffers } from '#core/base/spare-buffers.ts';
import {
  SLOW_READER,
  type HostAddress,
  type Listener,
  type Network,
  type Transport,
  type TransportHandler,
  type TransportOptions,
} from '#core/base/network.ts';
import { OutputBudget, type OutputLimits, type SlowReader } from './output-budget.ts';

/** One read takes at most this much. Large reads batch frames; all sockets share the buffer. */
const LANDING_BYTES = 256 * 1024;

/** LIMIT: nobody holds back for less queued output than this or the high watermark. */
const NOTICE_BYTES = 64 * 1024;
/** First capacity of a carry buffer. */
const CARRY_BYTES = 4096;
/** `drain` comes whenever anything stayed queued; Node's own mark is silent below 64 KiB. */
const SOCKET_OPTIONS = { allowHalfOpen: true, writableHighWaterMark: 1 };

/** A socket whose native handle can be taken over by another Socket object. */
interface HandleOwner {
  _handle: unknown;
}

/** Options of a Socket; `handle` is not in the public types. */
type SocketOptions = ConstructorParameters<typeof Socket>[0];

/** Told what happens to connections that nobody else can tell. */
export interface NetworkObserver {
  /** A connection was closed because its peer does not read. */
  slowReaderClosed(): void;
  /** A handler threw, which is a fault of ours: its connection was closed, the others go on. */
  handlerFailed(error: unknown): void;
}

/** {@link Network} over node:net. */
export class NodeNetwork implements Network {
  readonly budget: OutputBudget;
  readonly observer: NetworkObserver;
  readonly landing = Buffer.allocUnsafeSlow(LANDING_BYTES);
  readonly #dirty: SocketTransport[] = [];
  readonly spare = new SpareBuffers();
  #isFlushScheduled = false;
  readonly #flushAll: () => void;

  constructor(limits: OutputLimits, observer: NetworkObserver) {
    this.budget = new OutputBudget(limits);
    this.observer = observer;
    this.#flushAll = () => {
      this.#isFlushScheduled = false;
      const dirty = this.#dirty;
      // Flushing may make other transports dirty: they are appended and flushed in this same turn.
      for (let i = 0; i < dirty.length; i++) dirty[i]!.turnEnd();
      dirty.length = 0;
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
    const transport = new SocketTransport(this, options.highWatermarkBytes, outputTotalBytesMax);
    const socket = new Socket({
      ...SOCKET_OPTIONS,
      noDelay: true,
      onread: { buffer: this.landing, callback: transport.onRead },
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

  /** Puts `transport` on the list of those flushed at the end of this turn. */
  schedule(transport: SocketTransport): void {
    this.#dirty.push(transport);
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
    const transport = new SocketTransport(this, options.highWatermarkBytes, outputBytesMax);
    const owner = accepted as unknown as HandleOwner;
    const handle = owner._handle;
    owner._handle = null;
    const socket = new Socket({
      ...SOCKET_OPTIONS,
      handle,
      readable: true,
      writable: true,
      onread: { buffer: this.landing, callback: transport.onRead },
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

/** {@link Transport} over one socket. */
class SocketTransport implements Transport, SlowReader {
  readonly out: OutBuffer;
  isCongested = false;
  readonly onRead: (count: number, buffer: Uint8Array) => boolean;
  readonly #network: NodeNetwork;
  readonly #highWatermarkBytes: number;
  readonly #outputBytesMax: number;
  readonly #noticeBytes: number;
  #socket: Socket | null = null;
  #handler: TransportHandler | null = null;
  #carry: Buffer = EMPTY;
  #carryLength = 0;
  #readBrakes = 0;
  #isScheduled = false;
  #isReofferWanted = false;
  #isEnding = false;
  #isClosed = false;
  #queuedBytes = 0;
  #error = '';

  constructor(network: NodeNetwork, highWatermarkBytes: number, outputBytesMax: number) {
    this.#network = network;
    this.out = new OutBuffer(network.spare);
    this.#highWatermarkBytes = highWatermarkBytes;
    this.#outputBytesMax = outputBytesMax;
    this.#noticeBytes = Math.min(highWatermarkBytes, NOTICE_BYTES);
    this.onRead = (count) => {
      this.#received(this.#network.landing, count);
      return this.#readBrakes === 0;
    };
  }

  get queuedBytes(): number {
    return this.out.length + this.#queuedBytes;
  }

  get isReadPaused(): boolean {
    return this.#readBrakes > 0;
  }

  get unconsumedBytes(): number {
    return this.#carryLength;
  }

  get remoteAddress(): string {
    return this.#socket?.remoteAddress ?? '';
  }

  /** Gives the transport its socket, before there is a handler. */
  bind(socket: Socket): void {
    this.#socket = socket;
  }

  attach(socket: Socket, handler: TransportHandler): void {
    this.#socket = socket;
    this.#handler = handler;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error ||= error.code ?? 'EUNKNOWN';
    });
    socket.on('end', () => {
      // What was kept back comes before the end of the stream, not after it.
      if (this.#carryLength > 0 && this.#readBrakes === 0) this.#offerCarry();
      if (!this.#isClosed) handler.onEnd();
    });
    socket.on('drain', () => this.#drained());
    socket.on('close', () => this.#closed());
  }

  flushSoon(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#network.schedule(this);
  }

  reofferSoon(): void {
    this.#isReofferWanted = true;
    this.flushSoon();
  }

  pauseReading(): void {
    if (this.#readBrakes++ === 0) this.#socket?.pause();
  }

  resumeReading(): void {
    if (this.#readBrakes === 0) return;
    if (--this.#readBrakes > 0 || this.#isClosed) return;
    this.#socket?.resume();
    if (this.#carryLength > 0) this.reofferSoon();
  }

  end(lingerMs: number): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    this.flushSoon();
    const timer = setTimeout(() => this.destroy(), lingerMs);
    this.#socket?.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#socket?.destroy();
  }

  /** Closes with an error code of our own, for example a connect timeout. */
  fail(error: string): void {
    this.#error ||= error;
    this.destroy();
  }

  /** End of a turn: offer kept bytes again, then hand the gathered output to the kernel. */
  turnEnd(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    if (this.#isReofferWanted) {
      this.#isReofferWanted = false;
      if (this.#carryLength > 0 && this.#readBrakes === 0) this.#offerCarry();
    }
    if (this.out.length > 0) this.#flush();
    if (this.#isEnding) this.#socket?.end();
  }

  #received(bytes: Buffer, count: number): void {
    if (this.#isClosed || this.#handler === null) return;
    if (this.#carryLength > 0) {
      this.#keep(bytes, 0, count);
      if (this.#readBrakes === 0) this.#offerCarry();
      return;
    }
    if (this.#readBrakes > 0) {
      this.#keep(bytes, 0, count);
      return;
    }
    const consumed = this.#offer(bytes, count);
    if (consumed < count) this.#keep(bytes, consumed, count);
  }

  #offer(bytes: Buffer, length: number): number {
    try {
      return this.#handler!.onBytes(bytes, 0, length);
    } catch (error) {
      this.#network.observer.handlerFailed(error);
      this.fail('EHANDLER');
      return length;
    }
  }

  #offerCarry(): void {
    const length = this.#carryLength;
    const consumed = this.#offer(this.#carry, length);
    if (consumed === 0) return;
    this.#carryLength = length - consumed;
    if (this.#carryLength === 0) this.#carry = EMPTY;
    else this.#carry.copyWithin(0, consumed, length);
  }

  /** Appends `bytes[start, end)` to the carry. Handlers bound it: they refuse oversize units. */
  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#carryLength + end - start;
    if (needed > this.#carry.length) {
      let capacity = Math.max(CARRY_BYTES, this.#carry.length * 2);
      while (capacity < needed) capacity *= 2;
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.#carry.copy(grown, 0, 0, this.#carryLength);
      this.#carry = grown;
    }
    bytes.copy(this.#carry, this.#carryLength, start, end);
    this.#carryLength = needed;
  }

  #flush(): void {
    const socket = this.#socket!;
    const out = this.out;
    const full = out.bytes;
    const bytes = out.length;
    socket.write(out.take());
    const pending = socket.writableLength;
    // SAFETY: with nothing pending the kernel has copied all bytes and the memory is free again;
    // otherwise the socket reads from it later and it is left to the garbage collector.
    if (pending === 0) this.#network.spare.give(full);
    this.#account(pending);
    if (pending > this.#highWatermarkBytes) this.#congested(pending);
    else if (pending === 0 && bytes > this.#noticeBytes) this.#handler?.onWritable();
  }

  #congested(pending: number): void {
    this.isCongested = true;
    if (pending > this.#outputBytesMax) this.giveUp();
    else this.#network.budget.congested(this);
  }

  /** Closes the connection because its peer does not read. */
  giveUp(): void {
    this.#account(0);
    this.#network.budget.relieved(this);
    this.#network.observer.slowReaderClosed();
    this.fail(SLOW_READER);
  }

  #drained(): void {
    this.#account(0);
    if (this.#isClosed) return;
    this.isCongested = false;
    this.#network.budget.relieved(this);
    this.#handler?.onWritable();
  }

  #account(pending: number): void {
    this.#network.budget.queuedBytes += pending - this.#queuedBytes;
    this.#queuedBytes = pending;
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#account(0);
    this.#network.budget.relieved(this);
    this.#carry = EMPTY;
    this.#carryLength = 0;
    this.out.release();
    this.#handler?.onClose(this.#error);
  }
}

const EMPTY = Buffer.alloc(0);
