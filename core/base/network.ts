// The seam between the data plane and sockets. Connections of every protocol are written against
// these interfaces; core/network.ts implements them over node:net, tests may simulate them.

import type { OutBuffer } from './out-buffer.ts';

/** {@link TransportHandler.onClose}: closed because the peer did not read what was queued. */
export const SLOW_READER = 'ESLOWREADER';

/** {@link TransportHandler.onClose}: closed because input was kept that the peer did not end. */
export const SLOW_SENDER = 'ESLOWSENDER';

/** What a connection does with the bytes and events of its transport. */
export interface TransportHandler {
  /**
   * Bytes arrived: `bytes[start, end)` holds everything not consumed so far. Complete units are
   * processed; the return value is how many bytes of the range were consumed. The rest is kept and
   * given again, with more behind it. The range is valid only during the call.
   */
  onBytes(bytes: Buffer, start: number, end: number): number;
  /** The peer takes data again: what was queued fell below the low watermark. */
  onWritable(): void;
  /** The peer ended its sending side. */
  onEnd(): void;
  /**
   * The transport is gone; nothing follows. `error` is the system's code (`ECONNRESET` ...) or ''.
   */
  onClose(error: string): void;
}

/** One stream socket as connections see it. */
export interface Transport {
  /** Output gathered during this turn; call {@link Transport.flushSoon} after writing to it. */
  readonly out: OutBuffer;
  /** Bytes written or gathered that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes that the kernel has taken so far: grows as long as the peer reads. Not for hot paths. */
  readonly takenBytes: number;
  /** True once more than the high watermark is queued, until it falls below half of it. */
  readonly isCongested: boolean;
  readonly isReadPaused: boolean;
  /** Address of the peer as text, without port. */
  readonly remoteAddress: string;
  /** Bytes received that the handler has not consumed. */
  readonly unconsumedBytes: number;
  /** Lets the gathered output go out at the end of this turn of the loop. */
  flushSoon(): void;
  /** Stops reading. Calls count: two parties that paused must both resume. */
  pauseReading(): void;
  resumeReading(): void;
  /** Offers unconsumed bytes to the handler again, at the end of this turn of the loop. */
  reofferSoon(): void;
  /**
   * The handler has `bytes` bytes of memory for a unit that it gathers and that is incomplete: they
   * count like unconsumed ones, until it says less. More than before only during `onBytes`; 0 as
   * soon as the unit is complete or given up.
   */
  holdInput(bytes: number): void;
  /** Sends what is queued, then ends; destroyed after `lingerMs` at the latest. */
  end(lingerMs: number): void;
  /** Closes at once. {@link TransportHandler.onClose} follows. */
  destroy(): void;
}

/** A TCP address. `host` is a name or a literal address. */
export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

/** Settings of a listener or of outgoing connections. */
export interface TransportOptions {
  /** More queued output than this makes the transport congested. Bytes. */
  readonly highWatermarkBytes: number;
}

/** Makes connections and listeners. */
export interface Network {
  /** Opens a connection; `onOpen` or the handler's `onClose` is called once. */
  connect(
    address: HostAddress,
    options: TransportOptions & { readonly connectTimeoutMs: number },
    handler: TransportHandler,
    onOpen: (transport: Transport) => void,
  ): Transport;
  /**
   * Listens. `onConnection` is called for each accepted connection and answers its handler, or null
   * to refuse it at once.
   */
  listen(
    address: HostAddress,
    options: TransportOptions & { readonly backlog: number },
    onConnection: (transport: Transport) => TransportHandler | null,
  ): Promise<Listener>;
}

/** A bound, accepting socket. */
export interface Listener {
  readonly port: number;
  /** Stops accepting; connections that exist go on. */
  close(): Promise<void>;
}
