// Client connections as one lane knows them: by a number that the acceptor gives them with their
// first request. A number is used again only for a connection that comes after the record that
// ended the one before.

import type { DownstreamConnection } from '#core/downstream/contract.ts';

export interface Peer {
  readonly index: number;
  readonly connection: DownstreamConnection;
  /** The lane wants nothing more to be read from it. */
  isPaused: boolean;
}

/** Peers of one lane. */
export class PeerTable {
  readonly #byConnection = new Map<DownstreamConnection, Peer>();
  readonly #byIndex: (Peer | null)[] = [];
  readonly #free: number[] = [];

  find(connection: DownstreamConnection): Peer | null {
    return this.#byConnection.get(connection) ?? null;
  }

  add(connection: DownstreamConnection): Peer {
    const index = this.#free.pop() ?? this.#byIndex.length;
    const peer = { index, connection, isPaused: false };
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
  setPaused(index: number, isPaused: boolean): void {
    const peer = this.#byIndex[index] ?? null;
    if (peer === null || peer.isPaused === isPaused) return;
    peer.isPaused = isPaused;
    if (isPaused) peer.connection.pauseReading();
    else peer.connection.resumeReading();
  }

  paused(): Peer[] {
    return [...this.#byConnection.values()].filter(({ isPaused }) => isPaused);
  }
}
