// The transport half of the Mmtp client: a socket, frames found in what arrives, output gathered.
// Invariant: what is written during one turn of the loop goes out in one write; `onClose` is called
// exactly once. What frames mean is left to mmtp-client.ts.

import type { Socket } from 'node:net';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { MmtpFrame, peekFrame } from '#core/codec/mmtp/frame.ts';
import { MmtpClientError } from './mmtp-client-error.ts';

/** What happens on a link. */
export interface LinkHandler {
  /** A whole frame is in `bytes`, valid during the call; false: it is malformed. */
  onFrame(bytes: Buffer, frame: MmtpFrame): boolean;
  /** The socket is gone; null when it ended without an error. */
  onClose(reason: Error | null): void;
}

const EMPTY = Buffer.alloc(0);

/** One socket that carries Mmtp frames. */
export class MmtpLink {
  /** Encode into this, then call {@link flushSoon}. */
  readonly out = new OutBuffer();
  /** Something was written since the owner last set this to false. */
  hasWritten = false;
  readonly #socket: Socket;
  readonly #maxFrameBytes: number;
  readonly #handler: LinkHandler;
  readonly #frame = new MmtpFrame();
  #unread: Buffer = EMPTY;
  #isFlushing = false;
  #failure: Error | null = null;

  constructor(socket: Socket, maxFrameBytes: number, handler: LinkHandler) {
    this.#socket = socket;
    this.#maxFrameBytes = maxFrameBytes;
    this.#handler = handler;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => {
      this.#failure = error;
    });
    socket.on('close', () => handler.onClose(this.#failure));
  }

  /** Lets the gathered output go out at the end of this turn of the loop. */
  flushSoon(): void {
    this.hasWritten = true;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => this.#flush());
  }

  /** Sends what is gathered, then ends; destroyed after `lingerMs` at the latest. */
  end(lingerMs: number): void {
    this.#flush();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** Closes at once; `reason` is given to {@link LinkHandler.onClose}. */
  destroy(reason: Error): void {
    this.#socket.destroy(reason);
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.out.length > 0 && this.#socket.writable) this.#socket.write(this.out.take());
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let at = 0;
    while (!this.#socket.destroyed) {
      const status = peekFrame(bytes, at, bytes.length, this.#maxFrameBytes, this.#frame);
      if (status === DecodeStatus.needMore) break;
      if (status !== DecodeStatus.ok || !this.#handler.onFrame(bytes, this.#frame)) {
        const what = status === DecodeStatus.tooLarge ? 'too large' : 'malformed';
        this.destroy(new MmtpClientError('MMTP_PROTOCOL', `The server sent a ${what} frame`));
        return;
      }
      at += this.#frame.frameBytes;
    }
    this.#unread = bytes.subarray(at);
  }
}
