// HOT PATH. The acceptor's end of one lane: requests go into one ring, answers come out of the
// other and are written to their clients. What does not fit into the ring waits here, in order.
// Invariant: every exchange that was sent is answered, aborted or given up exactly once, and every
// byte that a record refers to stays as it is until the lane has read the record.

import type { GatewayError } from '#core/base/errors.ts';
import type { DownstreamConnection } from '#core/downstream/contract.ts';
import type { SlotArena } from '#core/slot-arena.ts';
import { Doorbell, Sleep } from './bell.ts';
import {
  ACCEPTOR_SLEEP,
  Control,
  LANE_SLEEP,
  REQUEST_RING,
  RequestKind,
  RESPONSE_RING,
  ResponseKind,
  ringWords,
  type LaneMemory,
} from './layout.ts';
import { PeerTable, type Peer } from './peer-table.ts';
import { RequestPlacer } from './request-placer.ts';
import { SlotReferences } from './references.ts';
import { RemoteState, type RemoteExchange, type RemoteExchanges } from './remote-exchange.ts';
import { ReplyReader } from './reply-reader.ts';
import {
  ExchangeWord,
  requestWords,
  requestWordsMax,
  RequestWord,
  writeRequest,
} from './request-words.ts';
import { errorNumber } from './response-words.ts';
import { recordKind, RingReader, RingWriter } from './ring.ts';
import type { Spill } from './spill.ts';

/** What all links of a process share. */
export interface LinkEnvironment {
  /** The acceptor's arena. */
  readonly arena: SlotArena;
  readonly spill: Spill;
  readonly exchanges: RemoteExchanges;
  /** Most headers of a request. */
  readonly headersMax: number;
  /** A connection threw while it wrote an answer, which is a fault of ours. */
  readonly failed: (error: unknown) => void;
}

/** A record that waits for room: words as they are, or a request with its bytes on the heap. */
type Waiting =
  | Int32Array
  | { readonly kind: number; readonly exchange: RemoteExchange; readonly serial: number };

/** Words of records about nothing but an exchange. */
const SHORT_WORDS = 4;
/** Published at least this often while a batch is written, so that the lane starts with it. */
const PUBLISH_WORDS = 1024;

/** LIMIT: records that may wait before requests of others do. */
const WAITING_MAX = 64;

/** One lane on another thread. */
export class LaneLink {
  /** Number of the lane, 1 and up. */
  readonly index: number;
  /** Requests that the lane has. */
  openCount = 0;
  readonly bell: Doorbell;
  /** The acceptor's sleep, as this lane sees it. */
  readonly sleep: Sleep;
  readonly #environment: LinkEnvironment;
  readonly #words: Int32Array;
  readonly #writer: RingWriter;
  readonly #reader: RingReader;
  readonly #references: SlotReferences;
  readonly #peers = new PeerTable();
  readonly #replies: ReplyReader;
  readonly #waiting: Waiting[] = [];
  readonly #roomWords: number;
  readonly #placer: RequestPlacer;
  #unpublishedSince = 0;

  /** @param ring wakes the lane's thread */
  constructor(index: number, memory: LaneMemory, environment: LinkEnvironment, ring: () => void) {
    this.index = index;
    this.#environment = environment;
    const words = ringWords(memory.rings);
    this.#words = words;
    this.#writer = new RingWriter(words, REQUEST_RING);
    this.#reader = new RingReader(words, RESPONSE_RING);
    const { arena, spill } = environment;
    this.#references = new SlotReferences(arena);
    this.#placer = new RequestPlacer(arena, spill, this.#references);
    this.bell = new Doorbell(words, LANE_SLEEP, ring);
    this.sleep = new Sleep(words, ACCEPTOR_SLEEP);
    this.#replies = new ReplyReader(Buffer.from(memory.responses), this);
    this.#roomWords = 2 * requestWordsMax(environment.headersMax);
    this.#unpublishedSince = this.#writer.position;
  }

  /** A whole request can be taken without waiting. */
  get hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#writer.hasRoom(this.#roomWords);
  }

  /** So much waits that nothing more should come. */
  get isBacklogged(): boolean {
    return this.#waiting.length > WAITING_MAX;
  }

  /** Words of the ring that the lane has not read. */
  get depth(): number {
    return this.#writer.depth;
  }

  /** Something waits here for room. */
  get wantsRoom(): boolean {
    return this.#waiting.length > 0;
  }

  /** Room for what waits, or for more, has come. */
  hasNewRoom(): boolean {
    return this.#writer.hasNewRoom();
  }

  /** Answers, or room for what waits, may come. */
  get isExpecting(): boolean {
    return this.openCount > 0 || this.#waiting.length > 0;
  }

  /** Moved on by the lane while its loop turns. */
  get heartbeat(): number {
    return Atomics.load(this.#words, Control.heartbeat);
  }

  /** The lane has not read everything that it was shown. */
  get isBehind(): boolean {
    return this.#writer.look() !== this.#writer.position;
  }

  /**
   * @param kind `request`: all of it; `begin`: its head; `open`: it is going to be refused
   * @returns false: it fits into no slot, and nothing was done
   */
  send(exchange: RemoteExchange, kind: number): boolean {
    const isWhole = kind === RequestKind.request;
    if (this.#waiting.length > 0 || !this.#tryWrite(exchange, kind)) {
      // What waits holds up what comes behind it: it must be something that room can come for.
      if (!this.#placer.canPlace(exchange.request)) return false;
      exchange.request.retain();
      this.#waiting.push({ kind, exchange, serial: exchange.serial });
    }
    exchange.link = this;
    exchange.state = isWhole ? RemoteState.sent : RemoteState.begun;
    exchange.isRetained = !isWhole;
    this.openCount++;
    return true;
  }

  /** Sends the body of a request whose head was sent. */
  sendBody(exchange: RemoteExchange): void {
    exchange.state = RemoteState.sent;
    if (this.#waiting.length === 0 && this.#tryWriteBody(exchange)) return;
    const { request } = exchange;
    const { bodyOffset, bodyLength } = request;
    const body = Buffer.from(request.bodySource.subarray(bodyOffset, bodyOffset + bodyLength));
    request.setBody(body, 0, bodyLength);
    this.#waiting.push({ kind: RequestKind.body, exchange, serial: exchange.serial });
  }

  /** Ends a request whose head was sent with `error` as its answer. */
  refuse(exchange: RemoteExchange, error: GatewayError): void {
    exchange.state = RemoteState.sent;
    this.#writeShort(RequestKind.refuse, exchange, errorNumber(error));
  }

  /** Forgets the request: no answer is wanted. */
  abort(exchange: RemoteExchange, error: GatewayError): void {
    this.#writeShort(RequestKind.abort, exchange, errorNumber(error));
    this.ended(exchange);
  }

  /** The client has taken `bytes` of a streamed answer. */
  taken(exchange: RemoteExchange, bytes: number): void {
    this.#writeShort(RequestKind.taken, exchange, bytes);
  }

  /** The connection is gone; its requests have been aborted. */
  peerGone(connection: DownstreamConnection): void {
    const peer = this.#peers.remove(connection);
    if (peer === null) return;
    this.#writeWords(RequestKind.peerGone, peer.index, peer.serial, 0);
  }

  /** Requests from here on follow the configuration that the lane has prepared as number `id`. */
  commit(id: number): void {
    this.#writeWords(RequestKind.commit, id, 0, 0);
  }

  /** Shows the lane what was written, and frees what it has read. */
  publish(): void {
    this.#references.release(this.#writer.look());
    if (this.#waiting.length > 0) this.#writeWaiting();
    this.#show();
  }

  /** Shows the lane what was written. */
  #show(): void {
    if (!this.#writer.hasUnpublished) return;
    this.#writer.publish();
    this.#unpublishedSince = this.#writer.position;
    this.bell.wake();
  }

  /** There are answers that were not taken. */
  hasReplies(): boolean {
    return this.#reader.look();
  }

  /** Writes the answers that are there to their clients. @returns how many records there were */
  drain(): number {
    if (!this.#reader.look()) return 0;
    const { words } = this.#reader;
    let count = 0;
    for (let at = this.#reader.next(); at >= 0; at = this.#reader.next()) {
      count++;
      try {
        this.#take(words, at);
      } catch (error) {
        this.#environment.failed(error);
      }
    }
    this.#reader.release();
    this.bell.wakeForRoom();
    return count;
  }

  /**
   * The lane is dead. Lets go of everything that it had.
   *
   * @returns its requests: those that it certainly has not touched, which can go elsewhere, and the
   *   others
   */
  die(): { readonly untouched: RemoteExchange[]; readonly lost: RemoteExchange[] } {
    this.drain();
    const claimed = Atomics.load(this.#words, Control.requestsClaimed);
    const untouched: RemoteExchange[] = [];
    const lost: RemoteExchange[] = [];
    for (const exchange of this.#environment.exchanges.of(this)) {
      const isAhead = !exchange.isWritten || ((exchange.sentAt - claimed) | 0) > 0;
      // Once: a request that lanes die of before they say so must not take one after the other.
      const mayMove = isAhead && !exchange.hasMoved;
      const isUntouched = mayMove && exchange.state === RemoteState.sent && !exchange.isRetained;
      if (isUntouched) exchange.request.retain();
      (isUntouched ? untouched : lost).push(exchange);
    }
    this.#references.releaseAll();
    this.#waiting.length = 0;
    this.openCount = 0;
    for (const { connection } of this.#peers.paused()) connection.resumeReading();
    return { untouched, lost };
  }

  /** The exchange is over; the table may use it again. */
  ended(exchange: RemoteExchange): void {
    this.openCount--;
    this.#environment.exchanges.give(exchange);
  }

  #take(words: Int32Array, at: number): void {
    const kind = recordKind(words[at]!);
    if (kind === ResponseKind.pause || kind === ResponseKind.resume) {
      this.#peers.setPaused(words[at + 1]!, words[at + 2]!, kind === ResponseKind.pause);
      return;
    }
    const index = words[at + ExchangeWord.index]!;
    const serial = words[at + ExchangeWord.serial]!;
    const exchange = this.#environment.exchanges.find(index, serial);
    if (exchange !== null) this.#replies.take(kind, words, at, exchange);
  }

  /** False when ring or memory has no room now. */
  #tryWrite(exchange: RemoteExchange, kind: number): boolean {
    const { request } = exchange;
    const peer = this.#peerOf(exchange.connection!);
    if (peer === null || !this.#writer.hasRoom(this.#roomWords)) return false;
    const main = this.#placer.tryPlace(request);
    if (main === null) return false;
    const at = this.#writer.begin(kind, requestWords(request));
    const { position } = this.#writer;
    exchange.sentAt = position;
    exchange.isWritten = true;
    this.#references.add(position, main);
    this.#placer.placeRest(request, peer.connection.clientIp, position);
    const { words } = this.#writer;
    words[at + RequestWord.index] = exchange.slot;
    words[at + RequestWord.serial] = exchange.serial;
    words[at + RequestWord.peer] = peer.index;
    writeRequest(words, at, request, exchange.startedMs, this.#placer.clientIp);
    this.#written();
    return true;
  }

  #tryWriteBody(exchange: RemoteExchange): boolean {
    const { arena, spill } = this.#environment;
    const { request } = exchange;
    if (!this.#writer.hasRoom(SHORT_WORDS + 1)) return false;
    const { bodyOffset, bodyLength, bodySource } = request;
    const slotAt = bodySource === arena.bytes ? arena.slotAt(bodyOffset - 1) : null;
    let offset = bodyOffset;
    if (slotAt === null) {
      offset = spill.take(bodyLength);
      if (offset < 0) return false;
      bodySource.copy(arena.bytes, offset, bodyOffset, bodyOffset + bodyLength);
    }
    const slot = slotAt ?? arena.slotAt(offset)!;
    const at = this.#writer.begin(RequestKind.body, SHORT_WORDS + 1);
    this.#references.add(this.#writer.position, slot);
    const { words } = this.#writer;
    words[at + ExchangeWord.index] = exchange.slot;
    words[at + ExchangeWord.serial] = exchange.serial;
    words[at + SHORT_WORDS - 1] = offset;
    words[at + SHORT_WORDS] = bodyLength;
    this.#written();
    return true;
  }

  /** The peer that stands for `connection`, announced if need be; null: no room for that now. */
  #peerOf(connection: DownstreamConnection): Peer | null {
    const known = this.#peers.find(connection);
    if (known !== null) return known;
    const { arena, spill } = this.#environment;
    const ip = Buffer.from(connection.clientIp, 'latin1');
    if (!this.#writer.hasRoom(this.#roomWords)) return null;
    const offset = spill.take(ip.length);
    if (offset < 0) return null;
    ip.copy(arena.bytes, offset);
    const slot = arena.slotAt(offset)!;
    const peer = this.#peers.add(connection);
    const at = this.#writer.begin(RequestKind.peer, SHORT_WORDS + 2);
    this.#references.add(this.#writer.position, slot);
    const { words } = this.#writer;
    words[at + 1] = peer.index;
    words[at + 2] = connection.protocol | (connection.channel << 8);
    words[at + 3] = offset;
    words[at + 4] = ip.length;
    words[at + 5] = peer.serial;
    return peer;
  }

  #writeShort(kind: number, exchange: RemoteExchange, value: number): void {
    this.#writeWords(kind, exchange.slot, exchange.serial, value);
  }

  /** LIMIT: what waits is at most a few records for every open exchange and connection. */
  #writeWords(kind: number, a: number, b: number, c: number): void {
    const at = this.#waiting.length > 0 ? -1 : this.#writer.begin(kind, SHORT_WORDS);
    if (at < 0) {
      this.#waiting.push(Int32Array.of(kind, a, b, c));
      return;
    }
    const { words } = this.#writer;
    words[at + 1] = a;
    words[at + 2] = b;
    words[at + 3] = c;
    this.#written();
  }

  #writeWaiting(): void {
    const waiting = this.#waiting;
    let done = 0;
    while (done < waiting.length && this.#tryWriteWaiting(waiting[done]!)) done++;
    waiting.splice(0, done);
  }

  #tryWriteWaiting(entry: Waiting): boolean {
    if (!(entry instanceof Int32Array)) {
      const { kind, exchange, serial } = entry;
      if (exchange.serial !== serial) return true; // Aborted since.
      const isBody = kind === RequestKind.body;
      return isBody ? this.#tryWriteBody(exchange) : this.#tryWrite(exchange, kind);
    }
    const at = this.#writer.begin(entry[0]!, SHORT_WORDS);
    if (at < 0) return false;
    this.#writer.words.set(entry.subarray(1), at + 1);
    return true;
  }

  #written(): void {
    if (((this.#writer.position - this.#unpublishedSince) | 0) >= PUBLISH_WORDS) this.#show();
  }
}
