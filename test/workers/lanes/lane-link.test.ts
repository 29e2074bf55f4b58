// The acceptor's end of a lane whose ring is full: what waits is written once and in order when
// room comes, and what no room can ever come for is refused at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { arenaBytes, SlotArena } from '#core/slot-arena.ts';
import type { DownstreamConnection } from '#core/downstream/contract.ts';
import { LaneLink } from '#workers/lanes/lane-link.ts';
import { ACCEPTOR_SLOTS, ACCEPTOR_SPILL_SLOTS, LANE_SLOTS } from '#workers/lanes/lane-slots.ts';
import { createRings, REQUEST_RING, RequestKind, ringWords } from '#workers/lanes/layout.ts';
import {
  RemoteExchanges,
  RemoteState,
  type RemoteExchange,
} from '#workers/lanes/remote-exchange.ts';
import { recordKind, RingReader } from '#workers/lanes/ring.ts';
import { Spill } from '#workers/lanes/spill.ts';

const CLIENT_IP = '127.0.0.1';

/** One record as the lane sees it: kind and the words behind it. */
type Seen = readonly [kind: number, ...words: number[]];

/** A link, and its ring from the lane's side. */
class Bench {
  readonly link: LaneLink;
  readonly exchanges = new RemoteExchanges(10_000);
  readonly #words: Int32Array;
  readonly #reader: RingReader;

  constructor() {
    const requests = new SharedArrayBuffer(arenaBytes(ACCEPTOR_SLOTS));
    const responses = new SharedArrayBuffer(arenaBytes(LANE_SLOTS));
    const arena = new SlotArena(ACCEPTOR_SLOTS, requests);
    const rings = createRings();
    const environment = {
      arena,
      spill: new Spill(arena, ACCEPTOR_SPILL_SLOTS),
      exchanges: this.exchanges,
      headersMax: 100,
      failed: (error: unknown) => assert.fail(String(error)),
    };
    this.link = new LaneLink(1, { rings, requests, responses }, environment, () => {});
    this.#words = ringWords(rings);
    this.#reader = new RingReader(this.#words, REQUEST_RING);
  }

  /** A request of `connection` that lies on the heap. */
  request(connection: DownstreamConnection, bytes: number, bodyBytes = 4): RemoteExchange {
    const exchange = this.exchanges.take()!;
    exchange.connection = connection;
    exchange.state = RemoteState.open;
    const { request } = exchange;
    request.clientIp = CLIENT_IP;
    request.source = Buffer.alloc(bytes + bodyBytes, 'x');
    request.targetLength = bytes;
    request.setBody(request.source, bytes, bodyBytes);
    return exchange;
  }

  send(connection: DownstreamConnection): RemoteExchange {
    const exchange = this.request(connection, 20);
    assert.ok(this.link.send(exchange, RequestKind.request));
    return exchange;
  }

  /** The lane reads all that it was shown. */
  read(): Seen[] {
    const seen: Seen[] = [];
    const words = this.#words;
    this.#reader.look();
    for (let at = this.#reader.next(); at >= 0; at = this.#reader.next()) {
      seen.push([recordKind(words[at]!), ...words.subarray(at + 1, at + 6)]);
    }
    this.#reader.release();
    return seen;
  }

  /** The acceptor ends turns and the lane reads until nothing waits. */
  readAll(): Seen[] {
    const seen: Seen[] = [];
    do {
      this.link.publish();
      seen.push(...this.read());
    } while (this.link.wantsRoom);
    this.link.publish();
    return [...seen, ...this.read()];
  }
}

function connection(): DownstreamConnection {
  // What a link asks of connections.
  return { protocol: 0, channel: 1, clientIp: CLIENT_IP } as DownstreamConnection;
}

describe('LaneLink with a full ring', () => {
  test('writes what waited once, in order', () => {
    const bench = new Bench();
    const client = connection();
    const sent: number[] = [];
    while (bench.link.hasRoom) sent.push(bench.send(client).slot);
    while (!bench.link.isBacklogged) sent.push(bench.send(client).slot);
    const requests = bench.readAll().filter(([kind]) => kind === RequestKind.request);
    const read = requests.map(([, slot]) => slot);
    assert.deepEqual(read, sent);
  });

  test('tells which connection has gone, not only its index', () => {
    const bench = new Bench();
    const [known, other, late] = [connection(), connection(), connection()];
    const first = bench.send(known);
    while (bench.link.hasRoom) bench.send(other);
    while (!bench.link.wantsRoom) bench.send(other);
    bench.send(late);
    bench.link.abort(first, Errors.clientAborted);
    bench.link.peerGone(known);
    const seen = bench.readAll();
    const gone = seen.find(([kind]) => kind === RequestKind.peerGone)!;
    const peers = seen.filter(([kind]) => kind === RequestKind.peer);
    const heir = peers.findLast(([, index]) => index === gone[1])!;
    const [original] = peers;
    assert.equal(gone[2], original![5], 'the serial of the one that has gone');
    assert.notEqual(heir, original, 'nobody got the index');
    assert.notEqual(gone[2], heir[5]);
  });
});

describe('LaneLink and slots', () => {
  test('takes an empty body behind a slot that is exactly full', () => {
    const bench = new Bench();
    const client = connection();
    const begin = (bytes: number): RemoteExchange => {
      const exchange = bench.request(client, bytes, 0);
      assert.ok(bench.link.send(exchange, RequestKind.begin));
      return exchange;
    };
    // The peer's address took 16 bytes of the first slot.
    begin(100_000);
    begin(100_000);
    const last = begin(256 * 1024 - 200_016);
    last.request.setBody(Buffer.alloc(0), 0, 0);
    bench.link.sendBody(last);
    const bodies = bench.readAll().filter(([kind]) => kind === RequestKind.body);
    assert.deepEqual(
      bodies.map(([, slot, serial]) => [slot, serial]),
      [[last.slot, last.serial]],
    );
  });

  test('refuses a request that fits into no slot and goes on', () => {
    const bench = new Bench();
    const client = connection();
    const huge = bench.request(client, 250 * 1024);
    assert.equal(bench.link.send(huge, RequestKind.request), false);
    assert.equal(bench.link.openCount, 0);
    assert.ok(bench.link.hasRoom);
    const { slot } = bench.send(client);
    const requests = bench.readAll().filter(([kind]) => kind === RequestKind.request);
    assert.deepEqual(
      requests.map(([, read]) => read),
      [slot],
    );
  });
});
