// HOT PATH. A lane's end of the rings: takes requests in, runs them through the gateway of its
// thread, and writes their answers out. The gateway sees client connections as it does on the
// acceptor's thread; what stands for them here only passes on.
// Invariant: a record is claimed before it is run, and given back after; whatever a record with an
// answer refers to stays as it is until the acceptor has read it. Whole requests that
// lie one behind the other are run together, in order, before anything else that the acceptor says.

import { Errors } from '#core/base/errors.ts';
import type { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import { STAGED_MAX } from '#core/exchange/staged-requests.ts';
import { ExchangeState } from '#core/pipeline/exchange.ts';
import type { SlotArena } from '#core/slot-arena.ts';
import { AnswerWriter } from './answer-writer.ts';
import { Control, REQUEST_RING, RequestKind } from './layout.ts';
import { RemotePeer } from './remote-peer.ts';
import { ExchangeWord, readRequest, RequestWord } from './request-words.ts';
import { errorOf } from './response-words.ts';
import { recordKind, RingReader } from './ring.ts';

/** Memory of records that were run goes back after this many, which can all be staged. */
const RELEASE_RECORDS = STAGED_MAX;

/** LIMIT: records run before sockets get their turn again. */
const BATCH_RECORDS = 256;

export interface LaneServerOptions {
  readonly words: Int32Array;
  /** The acceptor's arena. */
  readonly requests: Buffer;
  /** The lane's own arena. */
  readonly arena: SlotArena;
  readonly driver: ExchangeDriver;
  /** Something was written: publish it at the end of this turn. */
  readonly onWritten: () => void;
  /** Answers pile up: services must wait, or need not any more. */
  readonly onCrowded: (isCrowded: boolean) => void;
  /** The configuration that was prepared is to be used. */
  readonly onCommit: (id: number) => void;
}

/** Serves one ring of requests. */
export class LaneServer {
  readonly answers: AnswerWriter;
  readonly #options: LaneServerOptions;
  readonly #words: Int32Array;
  readonly #reader: RingReader;
  readonly #peers: (RemotePeer | null)[] = [];
  /** Takes responsibility for the records before `position`. */
  readonly #claim = (position: number) => {
    Atomics.store(this.#words, Control.requestsClaimed, position);
  };

  constructor(options: LaneServerOptions) {
    const { words, arena, onWritten, onCrowded } = options;
    this.#options = options;
    this.#words = words;
    this.#reader = new RingReader(words, REQUEST_RING);
    this.answers = new AnswerWriter(words, arena, onWritten, onCrowded);
  }

  /** There is a request to run. */
  hasWork(): boolean {
    return !this.answers.isBlocked && this.#reader.look();
  }

  /** Runs requests that are there, up to a limit. @returns how many records it took */
  run(): number {
    const reader = this.#reader;
    if (this.answers.isBlocked || !reader.look()) return 0;
    const words = this.#words;
    const { driver } = this.#options;
    driver.batchStarted();
    let count = 0;
    while (count < BATCH_RECORDS && !this.answers.isBlocked) {
      const at = reader.next();
      if (at < 0) break;
      const kind = recordKind(words[at]!);
      if (kind !== RequestKind.request) {
        driver.runStaged(this.#claim);
        this.#claim(reader.position);
      }
      this.#take(kind, at);
      if (++count % RELEASE_RECORDS !== 0) continue;
      driver.runStaged(this.#claim);
      reader.release();
    }
    driver.runStaged(this.#claim);
    reader.release();
    if (count > 0) this.answers.bell?.wakeForRoom();
    return count;
  }

  #take(kind: number, at: number): void {
    const words = this.#words;
    const { driver } = this.#options;
    switch (kind) {
      case RequestKind.request:
      case RequestKind.begin:
      case RequestKind.open:
        this.#request(at, kind);
        return;
      case RequestKind.peer:
        this.#peer(at);
        return;
      case RequestKind.peerGone: {
        const index = words[at + 1]!;
        // Another one may have its index already: the record may have waited for room.
        if (this.#peers[index]?.serial === words[at + 2]) this.#peers[index] = null;
        return;
      }
      case RequestKind.commit:
        this.#options.onCommit(words[at + 1]!);
        return;
      default:
    }
    const index = words[at + ExchangeWord.index]!;
    const exchange = this.answers.find(index, words[at + ExchangeWord.serial]!);
    if (exchange === null) return; // It was answered in the meantime.
    const value = words[at + ExchangeWord.serial + 1]!;
    switch (kind) {
      case RequestKind.body: {
        const length = words[at + ExchangeWord.serial + 2]!;
        exchange.request.setBody(this.#options.requests, value, length);
        driver.complete(exchange);
        break;
      }
      case RequestKind.abort:
        this.answers.forget(index);
        driver.abort(exchange, errorOf(value) ?? Errors.clientAborted);
        break;
      case RequestKind.refuse:
        driver.refuse(exchange, errorOf(value) ?? Errors.internal);
        break;
      case RequestKind.taken:
        if (this.answers.taken(index, value)) driver.streamWritable(exchange);
        break;
      default:
        throw new Error(`The acceptor wrote a record of kind ${kind}`);
    }
  }

  #request(at: number, kind: number): void {
    const words = this.#words;
    const { driver, requests } = this.#options;
    const peer = this.#peers[words[at + RequestWord.peer]!]!;
    const index = words[at + RequestWord.index]!;
    const exchange = driver.open(peer, index);
    // The acceptor counts what all lanes have open against the limit of each.
    if (exchange === null) throw new Error('A lane has more open exchanges than it may');
    this.answers.opened(index, words[at + RequestWord.serial]!, exchange);
    exchange.startedMs = readRequest(words, at, exchange.request, requests, peer.clientIp);
    if (kind === RequestKind.open) return;
    if (kind === RequestKind.begin) {
      const { serial } = exchange;
      driver.begin(exchange);
      const isWaiting = exchange.serial === serial && exchange.state === ExchangeState.awaitingBody;
      if (isWaiting) exchange.retainRequest();
    } else {
      driver.stage(exchange, this.#reader.position);
    }
  }

  #peer(at: number): void {
    const words = this.#words;
    const kind = words[at + 2]!;
    const from = words[at + 3]!;
    const clientIp = this.#options.requests.latin1Slice(from, from + words[at + 4]!);
    const index = words[at + 1]!;
    const place = { index, serial: words[at + 5]! };
    this.#peers[index] = new RemotePeer(place, kind & 0xff, kind >>> 8, clientIp, this.answers);
  }
}
