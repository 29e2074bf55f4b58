// One end of a simulated connection. It keeps the promises of Transport to the letter and no
// others: what real sockets only usually do, it does not do.

import assert from 'node:assert/strict';
import type { Transport, TransportHandler } from '#core/base/network.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { DynamicTable } from '#core/codec/mmtp/dynamic-table.ts';
import type { SimNetwork } from './sim-network.ts';

const EMPTY = Buffer.alloc(0);

/** Bytes of memory that is not the handler's any more. */
const SPOILED = 0xdd;

/** Knows the buffer that Mmtp expands metas into, one for all connections. */
const anyTable = new DynamicTable(0);

/** Most bytes that lie before what a read offers: offsets must count. */
const PADDING_MAX = 9;

/** Marks the end of the peer's output among the pieces in flight. */
const FIN = null;

/** {@link Transport} in memory. */
export class SimTransport implements Transport {
  readonly out = new OutBuffer();
  readonly remoteAddress = '127.0.0.1';
  handler: TransportHandler | null = null;
  isOpen = false;
  isClosed = false;
  isCongested = false;
  takenBytes = 0;
  onGone: () => void = () => {};
  readonly #network: SimNetwork;
  readonly #highWatermarkBytes: number;
  #peer: SimTransport | null = null;
  #pending: Buffer = EMPTY;
  /** Pieces that have arrived and were not read. */
  readonly #arrived: (Buffer | typeof FIN)[] = [];
  /** Bytes in flight to this end, arrived ones included. */
  #pipeBytes = 0;
  /** When the last piece for this end arrives: pieces do not overtake each other. */
  #lastArrivalMs = 0;
  #carry: Buffer = EMPTY;
  #brakes = 0;
  #isScheduled = false;
  #isReofferWanted = false;
  #isEnding = false;
  #isFinSent = false;
  #isPeerDone = false;
  #wasBehind = false;
  #isReading = false;
  /** What the handler holds of a unit that is incomplete. */
  #heldBytes = 0;
  #isOffering = false;

  constructor(network: SimNetwork, highWatermarkBytes: number) {
    this.#network = network;
    this.#highWatermarkBytes = highWatermarkBytes;
  }

  get queuedBytes(): number {
    return this.out.length + this.#pending.length;
  }

  get isReadPaused(): boolean {
    return this.#brakes > 0;
  }

  get unconsumedBytes(): number {
    return this.#carry.length;
  }

  /** Makes both ends open. */
  join(peer: SimTransport): void {
    this.#peer = peer;
    peer.#peer = this;
    this.isOpen = peer.isOpen = true;
  }

  flushSoon(): void {
    assert.ok(!this.isClosed || this.out.length === 0 || this.#network.allowsLateWrites);
    if (this.#isScheduled || this.isClosed) return;
    this.#isScheduled = true;
    this.#network.later(0, () => this.#turnEnd());
  }

  reofferSoon(): void {
    this.#isReofferWanted = true;
    this.flushSoon();
  }

  pauseReading(): void {
    this.#brakes++;
  }

  resumeReading(): void {
    if (this.#brakes === 0 || --this.#brakes > 0 || this.isClosed) return;
    if (this.#carry.length > 0) this.reofferSoon();
    this.#network.later(0, () => this.#read());
  }

  holdInput(bytes: number): void {
    assert.ok(bytes <= this.#heldBytes || this.#isOffering, 'holds more without input');
    this.#heldBytes = bytes;
  }

  end(lingerMs: number): void {
    if (this.#isEnding || this.isClosed) return;
    this.#isEnding = true;
    this.flushSoon();
    this.#network.later(lingerMs, () => this.destroy());
  }

  destroy(): void {
    this.fail('');
  }

  /** Closes with an error of the system. */
  fail(error: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.#network.soon(() => {
      this.#gone(error);
    });
    const peer = this.#peer;
    if (!wasOpen || peer === null || peer.isClosed) return;
    // A close with everything read looks like an end; otherwise the peer is reset.
    const isClean = this.#pending.length === 0 && this.#pipeBytes === 0;
    if (isClean && !this.#isFinSent) peer.#send(FIN);
    else this.#network.later(this.#network.delayMs(), () => peer.fail('ECONNRESET'));
  }

  #turnEnd(): void {
    this.#isScheduled = false;
    if (this.isClosed) return;
    if (this.#isReofferWanted) {
      this.#isReofferWanted = false;
      if (this.#carry.length > 0 && this.#brakes === 0) this.#offer(EMPTY);
    }
    if (this.isClosed) return;
    if (this.out.length > 0) {
      this.#pending = Buffer.concat([this.#pending, this.out.take()]);
      this.#wasBehind = true;
    }
    this.#pump();
    if (this.#pending.length > this.#highWatermarkBytes) this.isCongested = true;
  }

  /** Moves output into the pipe as far as it has room. */
  #pump(): void {
    const peer = this.#peer;
    if (peer === null || this.isClosed) return;
    const { random, shape } = this.#network;
    while (this.#pending.length > 0 && peer.#pipeBytes < shape.pipeBytesMax) {
      const room = shape.pipeBytesMax - peer.#pipeBytes;
      const most = Math.min(this.#pending.length, room, shape.pieceBytesMax);
      const length = random.between(1, most);
      peer.#pipeBytes += length;
      this.takenBytes += length;
      peer.#send(Buffer.from(this.#pending.subarray(0, length)));
      this.#pending = this.#pending.subarray(length);
    }
    if (this.#pending.length > 0) return;
    if (this.#wasBehind) {
      this.#wasBehind = false;
      this.isCongested = false;
      this.#network.soon(() => {
        if (!this.isClosed) this.handler?.onWritable();
      });
    }
    if (this.#isEnding && !this.#isFinSent && this.out.length === 0) {
      this.#isFinSent = true;
      peer.#send(FIN);
      this.#closeIfDone();
    }
  }

  /** Puts a piece on its way to this end. */
  #send(piece: Buffer | typeof FIN): void {
    const network = this.#network;
    const nowMs = network.clock.nowMs();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + network.delayMs());
    network.later(this.#lastArrivalMs - nowMs, () => {
      if (this.isClosed) return;
      this.#arrived.push(piece);
      this.#read();
    });
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#arrived.length > 0 && this.#brakes === 0 && !this.isClosed) {
      const piece = this.#arrived.shift()!;
      if (piece === FIN) {
        this.#isPeerDone = true;
        this.handler?.onEnd();
        this.#closeIfDone();
      } else {
        this.#pipeBytes -= piece.length;
        this.#offer(piece);
        const peer = this.#peer;
        if (peer !== null) peer.#pump();
      }
    }
    this.#isReading = false;
  }

  /** Gives the handler what it left before and `piece` behind it. */
  #offer(piece: Buffer): void {
    const padding = this.#network.random.below(PADDING_MAX);
    const bytes = Buffer.concat([Buffer.alloc(padding, 0xee), this.#carry, piece]);
    const end = bytes.length;
    this.#carry = Buffer.from(bytes.subarray(padding));
    this.#isOffering = true;
    const consumed = this.handler!.onBytes(bytes, padding, end);
    this.#isOffering = false;
    assert.ok(consumed >= 0 && consumed <= end - padding, 'consumed more than there is');
    this.#carry = this.#carry.subarray(consumed);
    bytes.fill(SPOILED);
    anyTable.expanded.fill(SPOILED);
  }

  #closeIfDone(): void {
    if (this.#isFinSent && this.#isPeerDone && !this.isClosed) {
      this.isClosed = true;
      this.isOpen = false;
      this.#network.soon(() => {
        this.#gone('');
      });
    }
  }

  #gone(error: string): void {
    this.out.release();
    this.onGone();
    this.handler?.onClose(error);
    assert.equal(this.#heldBytes, 0, 'a connection that is gone holds input');
  }
}
