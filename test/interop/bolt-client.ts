// A small Bolt client for tests: sends bytes as they are, hands out the frames that come back.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';

const FRAME_BYTES_MAX = 1 << 20;

/** One frame with bytes of its own. */
export interface Received {
  readonly bytes: Buffer;
  readonly frame: BoltFrame;
}

/** The content of a frame. */
export function contentOf({ bytes, frame }: Received): Buffer {
  return bytes.subarray(frame.contentOffset, frame.contentOffset + frame.contentLength);
}

/** One connection to a Bolt server. */
export class BoltClient {
  readonly socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  readonly #frames: Received[] = [];
  readonly #waiting: PromiseWithResolvers<Received>[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (part: Buffer) => this.#take(part));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      for (const waiter of this.#waiting) waiter.reject(new Error('the connection is closed'));
    });
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next frame, in order of arrival; rejects when the connection closes first. */
  next(): Promise<Received> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    const waiter = Promise.withResolvers<Received>();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  /** Sends one frame and waits for the next one. */
  call(bytes: Buffer): Promise<Received> {
    this.send(bytes);
    return this.next();
  }

  async close(): Promise<void> {
    if (this.socket.closed) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }

  #take(part: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, part]);
    for (;;) {
      const frame = new BoltFrame();
      const status = peekBolt(this.#rest, 0, this.#rest.length, FRAME_BYTES_MAX, frame);
      if (status === DecodeStatus.needMore) return;
      if (status !== DecodeStatus.ok) {
        this.socket.destroy(new Error(`the peer sent no Bolt: ${this.#rest.toString('hex')}`));
        return;
      }
      const received = { bytes: this.#rest.subarray(0, frame.frameBytes), frame };
      this.#rest = this.#rest.subarray(frame.frameBytes);
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#frames.push(received);
      else waiter.resolve(received);
    }
  }
}
