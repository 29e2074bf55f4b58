// One downstream listener: accepts connections within the limits, hands each its protocol, knows
// those that are open and drains them.

import { BlockList, isIPv6 } from 'node:net';
import type { Clock } from '#core/base/clock.ts';
import type { Listener, Network, Transport, TransportHandler } from '#core/base/network.ts';
import type { TimerWheel } from '#core/base/timer-wheel.ts';
import { DownstreamProtocol, RequestMessage } from '#core/codec/message.ts';
import type { DownstreamCounters, GatewayCounters } from '#core/telemetry/counters.ts';
import type { DownstreamHandler, DownstreamSettings, DrainableConnection } from './contract.ts';
import { HttpConnection } from './http-connection.ts';
import { MmtpConnection } from './mmtp-connection.ts';

/** What all connections of a listener share. */
export interface ListenerContext {
  readonly handler: DownstreamHandler;
  readonly settings: DownstreamSettings;
  readonly counters: GatewayCounters;
  readonly clock: Clock;
  /** Coarse timers for idle connections. */
  readonly idleTimers: TimerWheel;
  /** Session channel: 1 wireless, 2 PC. */
  readonly channel: number;
  /** A message for requests that get no exchange. */
  readonly scratch: { readonly request: RequestMessage };
  closed(connection: DrainableConnection): void;
}

export interface ListenerOptions {
  readonly network: Network;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly protocol: DownstreamProtocol;
  readonly channel: number;
  readonly handler: DownstreamHandler;
  readonly settings: DownstreamSettings;
  readonly counters: GatewayCounters;
  readonly clock: Clock;
  readonly idleTimers: TimerWheel;
  /** LIMIT: open connections of the listener. */
  readonly connectionsMax: number;
  readonly highWatermarkBytes: number;
  /** Peers that may speak for clients: CIDR blocks or addresses. */
  readonly trustedPeers: readonly string[];
}

const BACKLOG = 1024;

/** An open listener with its connections. */
export class DownstreamListener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #counters: DownstreamCounters;
  readonly #connections = new Set<DrainableConnection>();
  readonly #trusted: BlockList | null;
  #listener: Listener | null = null;
  #isDraining = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#trusted = blockList(options.trustedPeers);
    this.#counters =
      options.protocol === DownstreamProtocol.mmtp ? options.counters.mmtp : options.counters.http;
    this.#context = {
      handler: options.handler,
      settings: options.settings,
      counters: options.counters,
      clock: options.clock,
      idleTimers: options.idleTimers,
      channel: options.channel,
      scratch: { request: new RequestMessage() },
      closed: (connection) => {
        this.#connections.delete(connection);
        this.#counters.connectionsClosed++;
        if (this.#connections.size === 0) this.#onEmpty?.();
      },
    };
  }

  /** Bound port; 0 before {@link DownstreamListener.open}. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Binds and accepts. Rejects with the system's error when the address is taken. */
  async open(): Promise<void> {
    const { network, host, port, highWatermarkBytes } = this.#options;
    this.#listener = await network.listen(
      { host, port },
      { highWatermarkBytes, backlog: BACKLOG },
      (transport) => this.#accept(transport),
    );
  }

  /**
   * Stops accepting and lets every connection finish what is open on it; resolves when the last
   * one is gone.
   */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#listener?.close();
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) await empty;
  }

  /** Closes everything at once. */
  async close(): Promise<void> {
    this.#isDraining = true;
    await this.#listener?.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(transport: Transport): TransportHandler | null {
    if (this.#isDraining || this.#connections.size >= this.#options.connectionsMax) {
      this.#counters.connectionsRefused++;
      return null;
    }
    this.#counters.connectionsOpened++;
    const isTrusted = this.#isTrusted(transport.remoteAddress);
    const connection =
      this.#options.protocol === DownstreamProtocol.mmtp
        ? new MmtpConnection(transport, this.#context, isTrusted)
        : new HttpConnection(transport, this.#context, isTrusted);
    this.#connections.add(connection);
    return connection;
  }

  #isTrusted(address: string): boolean {
    if (this.#trusted === null || address === '') return false;
    return this.#trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

/** Null for an empty list, so that the common case costs nothing. */
function blockList(blocks: readonly string[]): BlockList | null {
  if (blocks.length === 0) return null;
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', prefix] = block.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    const whole = family === 'ipv6' ? 128 : 32;
    list.addSubnet(address, prefix === undefined ? whole : Number(prefix), family);
  }
  return list;
}
