// Client connections as one lane knows them: by an index and a serial that the acceptor gives them
// with their first request. An index is used again by another connection; the serial is not, so
// that what the lane says late about the one before does not touch the next.

import type { DownstreamConnection } from '#core/downstream/contract.ts';

/** How both sides name a connection. */
export interface PeerPlace {
  readonly index: number;
  readonly serial: number;
}

export interface Peer extends PeerPlace {
  readonly connection: DownstreamConnection;
  /** The lane wants nothing more to be read from it. */
  isPaused: boolean;
}

/** Peers of one lane. */
export class PeerTable {
  readonly #byConnection = new Map<DownstreamConnection, Peer>();
  readonly #byIndex: (Peer | null)[] = [];
  readonly #free: number[] = [];
  #serial = 0;

  find(connection: DownstreamConnection): Peer | null {
    return this.#byConnection.get(connection) ?? null;
  }

  add(connection: DownstreamConnection): Peer {
    const index = this.#free.pop() ?? this.#byIndex.length;
    this.#serial = (this.#serial + 1) | 0;
    const peer = { index, serial: this.#serial, connection, isPaused: false };
    this.#byIndex[index] = peer;
    this.#byConnection.set(connection, peer);
    return peer;
  }

  /** Null when the lane never heard of it. */
  remove(connection: DownstreamConnection): Peer | null {
    const peer = this.#byConnection.get(connection);
    if (peer === undefined) return null;
    this.#byConnection.delete(connection);
    this.#byIndex[peer.index] = null;
    this.#free.push(peer.index);
    return peer;
  }

  /** The lane asked for it; one that is gone needs nothing. */
  setPaused(index: number, serial: number, isPaused: boolean): void {
    const peer = this.#byIndex[index] ?? null;
    if (peer === null || peer.serial !== serial || peer.isPaused === isPaused) return;
    peer.isPaused = isPaused;
    if (isPaused) peer.connection.pauseReading();
    else peer.connection.resumeReading();
  }

  paused(): Peer[] {
    return [...this.#byConnection.values()].filter(({ isPaused }) => isPaused);
  }
}
