// HOT PATH. One socket behind the Transport seam: input is offered from the connection's inbox,
// output gathered and handed to the kernel once per turn of the event loop.

import type { Socket } from 'node:net';
import {
  SLOW_READER,
  SLOW_SENDER,
  type Transport,
  type TransportHandler,
} from '#core/base/network.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import type { SpareBuffers } from '#core/base/spare-buffers.ts';
import { Inbox } from './inbox.ts';
import type { InputBudget, SlowSender } from './input-budget.ts';
import type { OutputBudget, SlowReader } from './output-budget.ts';
import type { SlotArena } from './slot-arena.ts';

/** LIMIT: nobody holds back for less queued output than this or the high watermark. */
const NOTICE_BYTES = 64 * 1024;

/**
 * LIMIT: what a client connection may send before others get their turn, give or take one read. A
 * socket that always has more is read up to 32 times in a row otherwise. Bytes.
 */
const TURN_BYTES_MAX = 256 * 1024;

/** Told what happens to connections that nobody else can tell. */
export interface NetworkObserver {
  /** A connection was closed because its peer does not read. */
  slowReaderClosed(): void;
  /** A connection was closed because its peer does not end what it began, and memory is short. */
  slowSenderClosed(): void;
  /** A handler threw, which is a fault of ours: its connection was closed, the others go on. */
  handlerFailed(error: unknown): void;
}

/** What all transports of a thread share. */
export interface TransportOwner {
  readonly arena: SlotArena;
  readonly spare: SpareBuffers;
  readonly budget: OutputBudget;
  readonly observer: NetworkObserver;
  /** Nothing more is to be read for the moment, see `hold`. */
  readonly isHalted: boolean;
  /** Takes note of a transport that stopped reading because of it. */
  hold(transport: SocketTransport): void;
  /** Puts `transport` on the list of those flushed at the end of this turn. */
  schedule(transport: SocketTransport): void;
}

/** What is behind a socket of Node. */
interface StreamHandle {
  /** Bytes it was given, and how many of them the kernel has not taken. */
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
}

/** {@link Transport} over one socket. */
export class SocketTransport implements Transport, SlowReader, SlowSender {
  readonly out: OutBuffer;
  isCongested = false;
  /** For the option `onread` of a socket. */
  readonly onread: { buffer: () => Buffer; callback: (count: number) => boolean };
  readonly #network: TransportOwner;
  readonly #highWatermarkBytes: number;
  readonly #outputBytesMax: number;
  readonly #noticeBytes: number;
  #socket: Socket | null = null;
  #handler: TransportHandler | null = null;
  readonly #inbox: Inbox;
  /** Null for connections to services, which are asked for what they send. */
  readonly #inputBudget: InputBudget | null;
  /** As it was counted last. */
  #keptBytes = 0;
  /** What the handler holds beside the inbox. */
  #heldBytes = 0;
  #isOffering = false;
  /** The handler has used something since. */
  #hasUsed = false;
  #readBrakes = 0;
  /** Read since its last end of a turn. */
  #turnBytes = 0;
  /** It has had its turn. */
  #isTurnOver = false;
  #isScheduled = false;
  #isReofferWanted = false;
  #isEnding = false;
  #isClosed = false;
  /** As it was after the last flush. */
  #queuedBytes = 0;
  /** Given to the socket so far. */
  #writtenBytes = 0;
  #error = '';

  constructor(
    network: TransportOwner,
    highWatermarkBytes: number,
    outputBytesMax: number,
    inputBudget: InputBudget | null,
  ) {
    this.#network = network;
    this.#inputBudget = inputBudget;
    this.out = new OutBuffer(network.spare);
    this.#highWatermarkBytes = highWatermarkBytes;
    this.#outputBytesMax = outputBytesMax;
    this.#noticeBytes = Math.min(highWatermarkBytes, NOTICE_BYTES);
    const inbox = new Inbox(network.arena);
    this.#inbox = inbox;
    this.onread = {
      // Node keeps the buffer that it has when it gets no other one; its types do not say so.
      buffer: () => inbox.nextView() as Buffer,
      callback: (count) => {
        this.#received(count);
        if (this.#inputBudget !== null) this.#countTurn(count);
        if (network.isHalted && !this.#isClosed) network.hold(this);
        return this.#readBrakes === 0;
      },
    };
  }

  get queuedBytes(): number {
    // What was not taken at once is less by now.
    const pending = this.#queuedBytes === 0 ? 0 : this.#writtenBytes - this.takenBytes;
    return this.out.length + pending;
  }

  get takenBytes(): number {
    if (this.#socket === null) return 0;
    // Not documented, and as old as Node: its own socket timeouts look there. `writableLength` and
    // `bytesWritten` do not change while a large write is under way.
    const { _handle: handle } = this.#socket as unknown as { _handle?: StreamHandle | null };
    const taken = (handle?.bytesWritten ?? Number.NaN) - (handle?.writeQueueSize ?? Number.NaN);
    return Number.isNaN(taken) ? this.#writtenBytes - this.#socket.writableLength : taken;
  }

  get isReadPaused(): boolean {
    return this.#readBrakes > 0;
  }

  get unconsumedBytes(): number {
    return this.#inbox.length;
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
      if (this.#inbox.length > 0 && this.#readBrakes === 0) this.#offerKept();
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
    if (this.#inbox.length > 0) this.reofferSoon();
  }

  holdInput(bytes: number): void {
    if (this.#isClosed) return;
    if (bytes === 0) this.#hasUsed = true;
    this.#heldBytes = bytes;
    if (!this.#isOffering) this.#accountInput(this.#inbox.keptBytes + bytes);
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
    this.#turnBytes = 0;
    if (this.#isClosed) return;
    if (this.#isTurnOver) {
      this.#isTurnOver = false;
      this.resumeReading();
    }
    if (this.#isReofferWanted) {
      this.#isReofferWanted = false;
      if (this.#inbox.length > 0 && this.#readBrakes === 0) this.#offerKept();
    }
    if (this.out.length > 0) this.#flush();
    if (this.#isEnding) this.#socket?.end();
  }

  /** Who has had enough of this turn is read on in the next one. */
  #countTurn(count: number): void {
    this.#turnBytes += count;
    if (this.#turnBytes < TURN_BYTES_MAX || this.#isTurnOver || this.#isClosed) return;
    this.#isTurnOver = true;
    this.pauseReading();
    this.flushSoon();
  }

  #received(count: number): void {
    if (this.#isClosed || this.#handler === null) return;
    const inbox = this.#inbox;
    inbox.landed(count);
    if (this.#readBrakes === 0) this.#offer();
    if (this.#isClosed) return;
    inbox.settle();
    const kept = inbox.keptBytes + this.#heldBytes;
    if (kept !== 0 || this.#keptBytes !== 0) this.#accountInput(kept);
  }

  /** Bytes that were kept back are offered again. */
  #offerKept(): void {
    this.#offer();
    if (this.#isClosed) return;
    this.#inbox.settleKept();
    this.#accountInput(this.#inbox.keptBytes + this.#heldBytes);
  }

  #offer(): void {
    const inbox = this.#inbox;
    // More of a unit that is gathered does not make it younger.
    const wasHolding = this.#heldBytes > 0;
    this.#isOffering = true;
    try {
      const used = this.#handler!.onBytes(inbox.bytes, inbox.start, inbox.end);
      inbox.consume(used);
      if (used > 0 && !wasHolding) this.#hasUsed = true;
    } catch (error) {
      this.#network.observer.handlerFailed(error);
      this.fail('EHANDLER');
      inbox.consume(inbox.length);
    }
    this.#isOffering = false;
  }

  #flush(): void {
    const socket = this.#socket!;
    const out = this.out;
    const full = out.bytes;
    const bytes = out.length;
    this.#writtenBytes += bytes;
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

  /** Closes the connection because its peer does not end what it began. */
  giveUpInput(): void {
    this.#accountInput(0);
    this.#network.observer.slowSenderClosed();
    this.fail(SLOW_SENDER);
  }

  #accountInput(kept: number): void {
    const before = this.#keptBytes;
    const hasUsed = this.#hasUsed;
    this.#hasUsed = false;
    if (this.#inputBudget === null || (kept === before && !hasUsed)) return;
    this.#keptBytes = kept;
    if (kept > 0) this.#inputBudget.kept(this, kept - before, hasUsed);
    else if (before > 0) this.#inputBudget.freed(this, before);
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
    this.#accountInput(0);
    this.#inbox.release();
    this.out.release();
    this.#handler?.onClose(this.#error);
  }
}
