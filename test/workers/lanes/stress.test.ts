// Rings, slots, dispatcher and lanes under everything at once, from one seed: requests of odd
// sizes, in slots and on the heap, whole and in two parts; full rings; clients that take requests
// back or leave; lanes that die. Every request ends exactly once: with its own bytes or, if its
// lane died, with 5000. MGW_STRESS_SEED repeats a run, MGW_STRESS_REQUESTS sets its length.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Errors } from '#core/base/errors.ts';
import type { DownstreamConnection, DownstreamExchange } from '#core/downstream/contract.ts';
import type { ExchangeDriver } from '#core/exchange/exchange-driver.ts';
import { Inbox } from '#core/inbox.ts';
import { arenaBytes, SlotArena } from '#core/slot-arena.ts';
import { SimRandom } from '#test/simulation/sim-random.ts';
import { LaneDispatcher } from '#workers/lanes/lane-dispatcher.ts';
import { LaneLink } from '#workers/lanes/lane-link.ts';
import { ACCEPTOR_SLOTS, ACCEPTOR_SPILL_SLOTS, LANE_SLOTS } from '#workers/lanes/lane-slots.ts';
import { createRings } from '#workers/lanes/layout.ts';
import { RemoteExchanges } from '#workers/lanes/remote-exchange.ts';
import { Spill } from '#workers/lanes/spill.ts';
import { TurnKeeper } from '#workers/lanes/turn.ts';

const SEED = Number(process.env['MGW_STRESS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const REQUESTS = Number(process.env['MGW_STRESS_REQUESTS'] ?? 300_000);
const LANES = 2;
const CONNECTIONS = 12;
const OPEN_MAX = 3000;
const LANE_LOST = Errors.laneLost.resultCode;
const BODY_BYTES_MAX = 120_000;

/** What one byte of the body of request `id` is. */
function byteOf(id: number, i: number): number {
  return (Math.imul(id, 31) + i) & 0xff;
}

interface Sent {
  readonly id: number;
  readonly length: number;
  readonly exchange: DownstreamExchange;
  received: number;
}

/** A client connection that checks what it gets. */
class Client implements DownstreamConnection {
  readonly protocol: number;
  readonly channel = 1;
  readonly clientIp = '127.0.0.1';
  readonly inbox: Inbox;
  readonly open = new Map<number, Sent>();
  brakes = 0;
  answered = 0;
  lost = 0;

  constructor(protocol: number, arena: SlotArena) {
    this.protocol = protocol;
    this.inbox = new Inbox(arena);
  }

  reply(exchange: DownstreamExchange): void {
    const sent = this.#take(exchange);
    const { resultCode, bodySource, bodyOffset, bodyLength, added, memo } = exchange.response;
    if (resultCode === LANE_LOST) {
      this.lost++;
      return;
    }
    assert.equal(resultCode, 1000);
    assert.equal(bodyLength, sent.length);
    if (memo !== '') assert.equal(memo, `memo of ${sent.length}`);
    if (added.length > 0) assert.deepEqual(added, ['X-Length', String(sent.length)]);
    this.#check(sent, bodySource, bodyOffset, bodyLength);
    this.answered++;
  }

  replyHead(exchange: DownstreamExchange): void {
    assert.equal(exchange.response.isStreaming, true);
  }

  replyBody(exchange: DownstreamExchange, bytes: Buffer, offset: number, length: number): boolean {
    this.#check(this.open.get(exchange.streamId)!, bytes, offset, length);
    return true;
  }

  replyEnd(exchange: DownstreamExchange, isComplete: boolean): void {
    const sent = this.#take(exchange);
    if (!isComplete) {
      this.lost++;
      return;
    }
    assert.equal(sent.received, sent.length);
    this.answered++;
  }

  pauseReading(): void {
    this.brakes++;
  }

  resumeReading(): void {
    this.brakes--;
  }

  /** Request ids are never used twice: a second answer finds nothing. */
  #take(exchange: DownstreamExchange): Sent {
    const sent = this.open.get(exchange.streamId);
    assert.ok(sent !== undefined, `request ${exchange.streamId} was answered twice`);
    assert.equal(sent.exchange, exchange);
    this.open.delete(exchange.streamId);
    return sent;
  }

  #check(sent: Sent, bytes: Buffer, offset: number, length: number): void {
    const first = sent.received;
    // Ends and every so many bytes between: a wrong slot shows everywhere.
    const step = length > 256 ? 61 : 1;
    for (let i = 0; i < length; i += step) {
      if (bytes[offset + i] !== byteOf(sent.id, first + i)) assert.fail(`byte ${i} of ${sent.id}`);
    }
    if (length > 0) assert.equal(bytes[offset + length - 1], byteOf(sent.id, first + length - 1));
    sent.received += length;
  }
}

/** The acceptor's side of everything, with lanes that can be killed. */
class World {
  readonly #draws = new SimRandom(SEED);
  /** 0..bound-1 */
  readonly random = (bound: number): number => this.#draws.below(bound);
  readonly arena: SlotArena;
  readonly exchanges = new RemoteExchanges(OPEN_MAX);
  readonly dispatcher: LaneDispatcher;
  readonly clients: Client[];
  readonly #memory = new SharedArrayBuffer(arenaBytes(ACCEPTOR_SLOTS));
  readonly #spill: Spill;
  readonly #turns: TurnKeeper;
  readonly #workers: Worker[] = [];
  readonly failures: unknown[] = [];
  aborted = 0;
  opened = 0;
  deaths = 0;
  held = 0;
  #isScheduled = false;
  onTurn: () => void = () => {};

  constructor() {
    this.arena = new SlotArena(ACCEPTOR_SLOTS, this.#memory);
    this.arena.isSharing = true;
    this.#spill = new Spill(this.arena, ACCEPTOR_SPILL_SLOTS);
    this.dispatcher = new LaneDispatcher(
      {
        driver: { nowMs: 1, openCount: 0, batchStarted: () => {} } as unknown as ExchangeDriver,
        exchanges: this.exchanges,
        mode: 'pool',
        requestBytesMax: BODY_BYTES_MAX + 1000,
        hasMemory: () => this.#spill.has(this.#spill.bytesMax),
        endTurnSoon: () => this.turnSoon(),
        failed: (error) => this.failures.push(error),
        onIdle: () => {},
      },
      LANES,
    );
    this.clients = Array.from({ length: CONNECTIONS }, (_, i) => new Client(i & 1, this.arena));
    const { links } = this.dispatcher;
    this.#turns = new TurnKeeper({
      work: () => {
        this.onTurn();
        return this.dispatcher.exchangeRecords();
      },
      isExpecting: () => this.dispatcher.isExpecting,
      trySleep: () => {
        for (const link of links) link?.sleep.begin(true);
        if (!links.some((link) => link?.hasReplies() === true || link?.hasNewRoom())) return true;
        for (const link of links) link?.sleep.end();
        return false;
      },
      wake: () => {
        for (const link of links) link?.sleep.end();
      },
      turnAgain: () => this.turnSoon(),
    });
    for (let index = 1; index <= LANES; index++) this.startLane(index);
  }

  turnSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#turns.end();
    });
  }

  startLane(index: number): void {
    const responses = new SharedArrayBuffer(arenaBytes(LANE_SLOTS));
    const memory = { rings: createRings(), requests: this.#memory, responses };
    const worker = new Worker(new URL('./support/echo-lane.ts', import.meta.url), {
      workerData: { memory, seed: this.random(2 ** 30) },
    });
    worker.on('error', (error) => this.failures.push(error));
    worker.on('message', () => this.turnSoon());
    const { arena, exchanges } = this;
    const failed = (error: unknown) => this.failures.push(error);
    const environment = { arena, spill: this.#spill, exchanges, headersMax: 16, failed };
    this.dispatcher.links[index - 1] = new LaneLink(index, memory, environment, () => {
      worker.postMessage(0);
    });
    this.#workers[index - 1] = worker;
    this.turnSoon();
  }

  async killLane(index: number): Promise<void> {
    const link = this.dispatcher.links[index - 1];
    if (link === null || link === undefined) return;
    this.deaths++;
    await this.#workers[index - 1]!.terminate();
    this.dispatcher.lost(link);
    this.startLane(index);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** One client sends a request of a random size, in a random way. */
  send(id: number): void {
    const { random, dispatcher } = this;
    const client = this.clients[random(CONNECTIONS)]!;
    const kind = random(100);
    const length = kind < 90 ? random(2000) : kind < 99 ? random(20_000) : random(BODY_BYTES_MAX);
    const exchange = dispatcher.open(client, id, length + 64, random(10) === 0);
    if (exchange === null) return;
    this.opened++;
    client.open.set(id, { id, length, exchange, received: 0 });
    const { request } = exchange;
    request.clientIp = random(50) === 0 ? '192.0.2.1' : client.clientIp;
    const isOnHeap = random(8) === 0;
    const at = isOnHeap ? 0 : this.#land(client, length + 16);
    const bytes = at < 0 ? null : isOnHeap ? Buffer.alloc(length + 16) : client.inbox.bytes;
    const target = bytes ?? Buffer.alloc(length + 16);
    const start = bytes === null ? 0 : at;
    for (let i = 0; i < length; i++) target[start + 16 + i] = byteOf(id, i);
    request.source = target;
    request.operationOffset = start + 1;
    request.operationLength = 8;
    request.requestIdOffset = start;
    request.requestIdLength = 8;
    this.#hand(exchange, target, start + 16, length);
    if (at >= 0 && !isOnHeap) {
      client.inbox.consume(length + 16);
      client.inbox.settle();
    }
  }

  #hand(exchange: DownstreamExchange, target: Buffer, offset: number, length: number): void {
    const { dispatcher, random } = this;
    if (random(15) === 0) {
      dispatcher.begin(exchange);
      exchange.request.setBody(Buffer.from(target.subarray(offset, offset + length)), 0, length);
    } else {
      exchange.request.setBody(target, offset, length);
    }
    dispatcher.complete(exchange);
  }

  /** A read brings `count` bytes. @returns where they begin; -1: they came in pieces */
  #land(client: Client, count: number): number {
    const { inbox } = client;
    inbox.nextView();
    const room = viewOf(inbox).length;
    if (room < count || inbox.length > 0) return -1;
    inbox.landed(count);
    return inbox.start;
  }

  /** Somebody takes a request back, or leaves with all that is open. */
  annoy(): void {
    const client = this.clients[this.random(CONNECTIONS)]!;
    const all = [...client.open.values()];
    const isLeaving = this.random(20) === 0;
    const chosen = isLeaving ? all : all.slice(0, this.random(4));
    for (const { id, exchange } of chosen) {
      client.open.delete(id);
      this.aborted++;
      this.dispatcher.abort(exchange, Errors.clientCancelled);
    }
    if (isLeaving) this.dispatcher.closed(client);
  }

  count(field: 'answered' | 'lost'): number {
    return this.clients.reduce((sum, client) => sum + client[field], 0);
  }

  get openCount(): number {
    return this.clients.reduce((sum, { open }) => sum + open.size, 0);
  }
}

/** The view that the socket of `inbox` would read into. */
function viewOf(inbox: Inbox): Buffer {
  const given = views.get(inbox);
  const next = inbox.nextView() ?? given ?? inbox.bytes;
  views.set(inbox, next);
  return next;
}
const views = new WeakMap<Inbox, Buffer>();

test('stress: no request is lost, answered twice or garbled', { timeout: 240_000 }, async (t) => {
  t.diagnostic(`MGW_STRESS_SEED=${SEED}`);
  const world = new World();
  t.after(() => world.stop());
  const { random, dispatcher } = world;
  let id = 1;
  const killEvery = Math.floor(REQUESTS / 6);
  let nextKill = killEvery;
  let killing: Promise<void> | null = null;
  await new Promise<void>((resolve, reject) => {
    world.onTurn = () => {
      if (world.failures.length > 0) {
        reject(world.failures[0] as Error);
        return;
      }
      world.arena.epoch++;
      for (let burst = random(400); burst > 0 && id < REQUESTS; burst--) {
        if (!dispatcher.canTake) {
          world.held++;
          break;
        }
        world.send(id++);
      }
      if (random(10) === 0) world.annoy();
      if (id >= nextKill && killing === null) {
        nextKill += killEvery;
        killing = world.killLane(1 + random(LANES)).then(() => void (killing = null));
      }
      if (id < REQUESTS) world.turnSoon();
      else if (world.openCount === 0 && killing === null) resolve();
      else setTimeout(() => world.turnSoon(), 1).unref();
    };
    world.turnSoon();
  });
  const answered = world.count('answered');
  const lost = world.count('lost');
  t.diagnostic(
    `${world.opened} opened, ${answered} answered, ${world.aborted} aborted, ${lost} lost with ` +
      `${world.deaths} lanes, stopped ${world.held} times`,
  );
  assert.equal(answered + lost + world.aborted, world.opened);
  assert.equal(world.exchanges.openCount, 0);
  assert.ok(world.deaths >= 5 && world.held > 0, 'lanes died and rings were full');
  assert.ok(
    world.clients.every(({ brakes }) => brakes === 0),
    'nobody is left unread',
  );
});
