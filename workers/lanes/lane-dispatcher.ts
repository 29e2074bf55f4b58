// HOT PATH. Chooses a lane for each request, the acceptor's own or one on another thread, and
// stands between client connections and both.
//
//   connection ─open─▶ inline: the driver of lane 0      ─▶ everything as on one thread
//                  └─▶ remote: an exchange of this table ─complete─▶ ring of the emptiest lane
//
// Requests that a client may repeat must meet their repetitions: with `pool` they go to the lane
// that their id names, else they stay on the acceptor, whatever the load. What does not fit into
// shared memory runs inline. When no lane can take one more request, reading stops; nothing is
// dropped and nothing queues without bound.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import { fnv1a } from '#core/base/fnv.ts';
import type {
  DownstreamConnection,
  DownstreamExchange,
  DownstreamHandler,
} from '#core/downstream/contract.ts';
import type { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import type { Exchange } from '#core/pipeline/exchange.ts';
import { RequestKind } from './layout.ts';
import type { LaneLink } from './lane-link.ts';
import { ANY_LANE, Orphans } from './orphans.ts';
import { RemoteExchange, RemoteState, type RemoteExchanges } from './remote-exchange.ts';
import { giveUp } from './reply-reader.ts';

/** How requests are placed: `--placement`. */
export type PlacementMode = 'adaptive' | 'inline' | 'pool';

export interface DispatcherOptions {
  /** Lane 0. */
  readonly driver: ExchangeDriver;
  readonly exchanges: RemoteExchanges;
  readonly mode: PlacementMode;
  /** LIMIT: larger requests run inline. Bytes. */
  readonly requestBytesMax: number;
  /** Is there memory for copying a request? */
  readonly hasMemory: () => boolean;
  /** Something was written to a ring, or reading may go on: this turn has an end to come. */
  readonly endTurnSoon: () => void;
  /** A connection threw while it wrote an answer, which is a fault of ours. */
  readonly failed: (error: unknown) => void;
  /** The last request that lanes had has ended. */
  readonly onIdle: () => void;
}

/** Words of a ring that are unread when a lane counts as busy: some ten requests. */
const BUSY_DEPTH_WORDS = 1024;

/** {@link DownstreamHandler} in front of all lanes. */
export class LaneDispatcher implements DownstreamHandler {
  /** Lanes by number minus one; null: dead, and not replaced yet. */
  readonly links: (LaneLink | null)[];
  /** Adaptive placement says so; `pool` and `inline` never change it. */
  isSpreading: boolean;
  /** Requests opened, wherever they run. */
  requests = 0;
  /** The acceptor has time left: it helps lanes that fall behind. */
  hasSpareTime = false;
  readonly #options: DispatcherOptions;
  readonly #driver: ExchangeDriver;
  /** Connections that do not read because nothing could be taken. */
  readonly #held = new Set<DownstreamConnection>();
  /** Requests without a lane, on the heap. */
  readonly #orphans = new Orphans();

  constructor(options: DispatcherOptions, laneCount: number) {
    this.#options = options;
    this.#driver = options.driver;
    this.links = Array.from({ length: laneCount }, () => null);
    this.isSpreading = options.mode === 'pool';
  }

  get nowMs(): number {
    return this.#driver.nowMs;
  }

  /** Requests open on all lanes. */
  get openCount(): number {
    return this.#driver.openCount + this.#options.exchanges.openCount;
  }

  /** Connections do not read because nothing could be taken. */
  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  /** Lanes have something to say, sooner or later. */
  get isExpecting(): boolean {
    const { links } = this;
    for (let i = 0; i < links.length; i++) if (links[i]?.isExpecting === true) return true;
    return this.isHolding;
  }

  get canTake(): boolean {
    if (this.#isBacklogged() || !this.#options.hasMemory()) return false;
    return !this.isSpreading || !this.#isAnyAlive() || this.#emptiest() !== null;
  }

  awaitRoom(connection: DownstreamConnection): void {
    if (this.#held.has(connection)) return;
    this.#held.add(connection);
    connection.pauseReading();
    this.#options.endTurnSoon();
  }

  batchStarted(): void {
    this.#driver.batchStarted();
  }

  open(
    connection: DownstreamConnection,
    streamId: number,
    bytes: number,
    mayRepeat: boolean,
  ): DownstreamExchange | null {
    this.requests++;
    if (!this.#goesToLane(bytes, mayRepeat)) return this.#driver.open(connection, streamId);
    const exchange = this.#options.exchanges.take();
    if (exchange === null) return null;
    exchange.state = RemoteState.open;
    exchange.connection = connection;
    exchange.streamId = streamId;
    exchange.mayRepeat = mayRepeat;
    exchange.startedMs = this.#driver.nowMs;
    return exchange;
  }

  begin(exchange: DownstreamExchange): void {
    if (exchange instanceof RemoteExchange) this.#send(exchange, RequestKind.begin);
    else this.#driver.begin(exchange as Exchange);
  }

  complete(exchange: DownstreamExchange): void {
    if (!(exchange instanceof RemoteExchange)) {
      this.#driver.complete(exchange as Exchange);
      return;
    }
    if (exchange.state === RemoteState.open) {
      this.#send(exchange, RequestKind.request);
      return;
    }
    exchange.link!.sendBody(exchange);
    this.#options.endTurnSoon();
  }

  stage(exchange: DownstreamExchange): void {
    if (exchange instanceof RemoteExchange) this.complete(exchange);
    else this.#driver.stage(exchange as Exchange);
  }

  runStaged(): void {
    this.#driver.runStaged();
  }

  refuse(exchange: DownstreamExchange, error: GatewayError): void {
    if (!(exchange instanceof RemoteExchange)) {
      this.#driver.refuse(exchange as Exchange, error);
      return;
    }
    // The lane answers, as it does for everything that it counts.
    if (exchange.state === RemoteState.open) this.#send(exchange, RequestKind.open);
    if (exchange.link !== null) {
      exchange.link.refuse(exchange, error);
      this.#options.endTurnSoon();
      return;
    }
    // No lane has it: it waits for one, or it has been given up.
    if (this.#orphans.remove(exchange)) this.#giveUp(exchange, error);
  }

  abort(exchange: DownstreamExchange, error: GatewayError): void {
    if (!(exchange instanceof RemoteExchange)) {
      this.#driver.abort(exchange as Exchange, error);
      return;
    }
    const { link } = exchange;
    if (link === null) {
      this.#orphans.remove(exchange);
      this.#options.exchanges.give(exchange);
    } else {
      link.abort(exchange, error);
      this.#options.endTurnSoon();
    }
    this.#maybeIdle();
  }

  streamWritable(exchange: DownstreamExchange): void {
    if (!(exchange instanceof RemoteExchange)) {
      this.#driver.streamWritable(exchange as Exchange);
      return;
    }
    const { heldBytes } = exchange;
    exchange.heldBytes = 0;
    if (heldBytes === 0 || exchange.link === null) return;
    exchange.link.taken(exchange, heldBytes);
    this.#options.endTurnSoon();
  }

  closed(connection: DownstreamConnection): void {
    this.#held.delete(connection);
    for (const link of this.links) link?.peerGone(connection);
  }

  checkSession(session: Buffer, channel: number, device: Buffer): boolean {
    return this.#driver.checkSession(session, channel, device);
  }

  /** Shows lanes what was written and takes their answers. @returns records taken */
  exchangeRecords(): number {
    let count = 0;
    const { links } = this;
    for (let i = 0; i < links.length; i++) links[i]?.publish();
    for (let i = 0; i < links.length; i++) count += links[i]?.drain() ?? 0;
    if (count > 0) this.#maybeIdle();
    if (this.#orphans.isAnyoneWaiting) this.#placeOrphans();
    if (this.#held.size > 0 && this.canTake) this.#readOn();
    return count;
  }

  /** The lane `link` is dead: its requests are answered, or run elsewhere. */
  lost(link: LaneLink): number {
    this.links[link.index - 1] = null;
    const { untouched, lost } = link.die();
    for (const exchange of lost) this.#giveUp(exchange, Errors.laneLost);
    for (const exchange of untouched) {
      exchange.link = null;
      exchange.isWritten = false;
      exchange.state = RemoteState.open;
      exchange.hasMoved = true;
      this.#keep(exchange);
    }
    this.#maybeIdle();
    this.#options.endTurnSoon();
    return lost.length;
  }

  #goesToLane(bytes: number, mayRepeat: boolean): boolean {
    const { mode, requestBytesMax } = this.#options;
    if (mode === 'inline' || bytes > requestBytesMax) return false;
    if (mayRepeat) return mode === 'pool';
    if (!this.isSpreading) return false;
    if (mode === 'pool') return this.#isAnyAlive();
    const link = this.#emptiest();
    return link !== null && !(this.hasSpareTime && link.depth > BUSY_DEPTH_WORDS);
  }

  /** The lane `link` serves: it takes the requests that have waited for it. */
  serves(link: LaneLink): void {
    this.links[link.index - 1] = link;
    for (const exchange of this.#orphans.takeNamed(link.index)) {
      this.#sendTo(link, exchange, RequestKind.request);
    }
    this.#options.endTurnSoon();
  }

  /** Answers for requests that have waited for a lane since before `sinceMs`. */
  giveUpOrphans(sinceMs: number): void {
    for (const exchange of this.#orphans.takeOlder(sinceMs)) {
      this.#giveUp(exchange, Errors.laneLost);
    }
    this.#maybeIdle();
  }

  #send(exchange: RemoteExchange, kind: number): void {
    const lane = this.#laneOf(exchange);
    const link = lane === ANY_LANE ? this.#emptiest() : this.links[lane - 1]!;
    this.#options.endTurnSoon();
    if (link !== null) {
      this.#sendTo(link, exchange, kind);
      return;
    }
    // It waits for a lane, on the heap like those that a dead lane left.
    exchange.request.retain();
    this.#keep(exchange);
  }

  #sendTo(link: LaneLink, exchange: RemoteExchange, kind: number): void {
    if (!link.send(exchange, kind)) this.#giveUp(exchange, Errors.bodyTooLarge);
  }

  #keep(exchange: RemoteExchange): void {
    this.#orphans.add(exchange, this.#laneOf(exchange));
  }

  /** The lane with room that has least to do. */
  #emptiest(): LaneLink | null {
    const { links } = this;
    let best: LaneLink | null = null;
    for (let i = 0; i < links.length; i++) {
      const link = links[i]!;
      if (link === null || !link.hasRoom) continue;
      if (best === null || link.openCount < best.openCount) best = link;
    }
    return best;
  }

  /** The number of the lane that the id of a repeatable request names. */
  #laneOf({ mayRepeat, request }: RemoteExchange): number {
    const { source, requestIdOffset, requestIdLength } = request;
    if (!mayRepeat || requestIdLength === 0) return ANY_LANE;
    return 1 + (fnv1a(source, requestIdOffset, requestIdLength) % this.links.length);
  }

  #isBacklogged(): boolean {
    const { links } = this;
    for (let i = 0; i < links.length; i++) if (links[i]?.isBacklogged === true) return true;
    return false;
  }

  #isAnyAlive(): boolean {
    const { links } = this;
    for (let i = 0; i < links.length; i++) if (links[i] !== null) return true;
    return false;
  }

  /** Answers for a lane that cannot. */
  #giveUp(exchange: RemoteExchange, error: GatewayError): void {
    try {
      giveUp(exchange, error);
    } catch (failure) {
      this.#options.failed(failure);
    }
    this.#options.exchanges.give(exchange);
  }

  /** Those that any lane may run; those that wait for one of them are sent when it serves. */
  #placeOrphans(): void {
    for (let link = this.#emptiest(); link !== null; link = this.#emptiest()) {
      const exchange = this.#orphans.takeFirst();
      if (exchange === null) break;
      this.#sendTo(link, exchange, RequestKind.request);
      this.#options.endTurnSoon();
    }
  }

  #readOn(): void {
    for (const connection of this.#held) {
      this.#held.delete(connection);
      connection.resumeReading();
    }
  }

  #maybeIdle(): void {
    if (this.#options.exchanges.openCount === 0) this.#options.onIdle();
  }
}
