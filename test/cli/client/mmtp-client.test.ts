// The Mmtp client against a small server of the tests that answers, stays silent, refuses and goes
// away as each test tells it to.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import type { MmtpClientOptions } from '#cli/client/client-types.ts';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import type { MmtpClient } from '#cli/client/mmtp-client.ts';
import { compressBody, decompressBody } from '#core/codec/mmtp/body.ts';
import * as control from '#core/codec/mmtp/control.ts';
import type { InitAck } from '#core/codec/mmtp/control.ts';
import { encodePush } from '#core/codec/mmtp/push.ts';
import type { Push } from '#core/codec/mmtp/push.ts';
import { EventKind, FrameFlag, FrameType } from '#core/codec/mmtp/types.ts';
import { ACK, startServer } from './mmtp-server.ts';
import type { Peer, Received } from './mmtp-server.ts';

const toClose: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** A connected client; the server's frames go to `onFrame`. */
async function open(
  onFrame: (peer: Peer, frame: Received) => void,
  options: Partial<MmtpClientOptions> = {},
  ack: InitAck = ACK,
): Promise<{ client: MmtpClient; peer: Peer }> {
  const server = await startServer(onFrame, ack);
  toClose.push(server.stop);
  const client = await connectMmtp({ port: server.port, ...options });
  toClose.push(() => client.close());
  return { client, peer: server.peers[0]! };
}

function echo(peer: Peer, frame: Received): void {
  if (frame.type === FrameType.request) peer.respond(frame.streamId, 1000, frame.body);
}

/** The next value given to the returned function. */
function slot<T>(): { set: (value: T) => void; value: Promise<T> } {
  const { resolve, promise } = Promise.withResolvers<T>();
  return { set: resolve, value: promise };
}

describe('connectMmtp', () => {
  test('waits for INIT_ACK and keeps its limits', async () => {
    const { client } = await open(echo);
    assert.deepEqual(client.limits, ACK);
  });

  test('says why there is no connection', async () => {
    const server = await startServer(echo);
    await server.stop();
    await assert.rejects(connectMmtp({ port: server.port }), {
      code: 'MMTP_CONNECT',
      message: /Cannot connect to Mmtp at 127\.0\.0\.1:\d+: connect ECONNREFUSED/,
    });
  });

  test('gives up when INIT stays unanswered', async () => {
    const server = await startServer(echo, null);
    toClose.push(server.stop);
    const connecting = connectMmtp({ port: server.port, connectTimeoutMs: 20 });
    await assert.rejects(connecting, { code: 'MMTP_CONNECT', message: /no INIT_ACK within 20 ms/ });
  });

  test('fails when the server refuses INIT', async () => {
    const server = await startServer(echo, { ...ACK, resultCode: 1001 });
    toClose.push(server.stop);
    const connecting = connectMmtp({ port: server.port });
    await assert.rejects(connecting, { code: 'MMTP_CONNECT', message: /refused INIT with 1001/ });
  });
});

describe('call', () => {
  test('sends what it is given and answers what came back', async () => {
    const received = slot<Received>();
    const { client } = await open((peer, frame) => {
      received.set(frame);
      peer.respond(frame.streamId, 2000, Buffer.from('body'));
    });
    const answer = await client.call('demo.echo', '{"a":"ü"}', {
      session: Buffer.from('session'),
      headers: { 'x-a': '1' },
      timeoutMs: 500,
    });
    const { type, streamId, operationType, session, timeoutMs, headers, body } =
      await received.value;
    assert.deepEqual(
      [type, streamId, operationType, session, timeoutMs, headers, body.toString()],
      [FrameType.request, 1, 'demo.echo', 'session', 500, [['x-a', '1']], '{"a":"ü"}'],
    );
    const { ms, ...rest } = answer;
    assert.ok(ms > 0);
    assert.deepEqual(rest, {
      resultCode: 2000,
      memo: 'memo',
      tips: 'tips',
      headers: [['x-answer', 'yes']],
      contentType: 0,
      body: Buffer.from('body'),
    });
  });

  test('500 concurrent calls get their own answers, in any order, from few writes', async () => {
    const held: Received[] = [];
    const { client, peer } = await open((peer, frame) => {
      held.push(frame);
      if (held.length < 500) return;
      for (const { streamId, body } of held.reverse()) peer.respond(streamId, 1000, body);
    });
    const before = peer.reads;
    const answers = Array.from({ length: 500 }, (_, i) => client.call('demo.echo', String(i)));
    assert.equal(client.openCalls, 500);
    const bodies = (await Promise.all(answers)).map((answer) => answer.body.toString());
    assert.deepEqual(
      bodies,
      Array.from({ length: 500 }, (_, i) => String(i)),
    );
    assert.equal(client.openCalls, 0);
    assert.ok(peer.reads - before <= 3, `${peer.reads - before} reads`);
  });

  test('wraps stream ids after 2^31 - 1 and leaves out open ones', async () => {
    const ids: number[] = [];
    const { client } = await open(
      (peer, frame) => {
        if (frame.type !== FrameType.request) return;
        ids.push(frame.streamId);
        if (frame.operationType === 'echo') peer.respond(frame.streamId, 1000, frame.body);
      },
      { firstStreamId: 0x7fffffff - 2 },
    );
    for (const name of ['echo', 'echo']) await client.call(name, '');
    const held = client.call('hold', '');
    await client.call('echo', '');
    assert.deepEqual(ids, [0x7fffffff - 2, 0x7fffffff, 1, 3]);
    const closing = client.close();
    await assert.rejects(held, { code: 'MMTP_CLOSED' });
    await closing;
  });

  test('is cancelled by its signal', async () => {
    const requested = slot<void>();
    const cancelled = slot<number>();
    const { client } = await open((_, frame) => {
      if (frame.type === FrameType.request) requested.set();
      if (frame.type === FrameType.cancel) cancelled.set(frame.streamId);
    });
    const controller = new AbortController();
    const answer = client.call('demo.slow', '', { signal: controller.signal });
    await requested.value;
    controller.abort(new Error('enough'));
    await assert.rejects(answer, /enough/);
    assert.equal(await cancelled.value, 1);
    await assert.rejects(client.call('x', '', { signal: controller.signal }), /enough/);
    assert.equal(client.openCalls, 0);
  });

  test('times out and cancels', async (t) => {
    const cancelled = slot<number>();
    const { client } = await open((_, frame) => {
      if (frame.type === FrameType.cancel) cancelled.set(frame.streamId);
    });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const answer = client.call('demo.slow', '', { timeoutMs: 50 });
    t.mock.timers.tick(1050);
    await assert.rejects(answer, { code: 'MMTP_TIMEOUT', message: 'No answer within 1050 ms' });
    t.mock.timers.reset();
    assert.equal(await cancelled.value, 1);
  });

  test('ignores answers to streams that are not open', async () => {
    const { client } = await open((peer, frame) => {
      peer.respond(99, 1000, Buffer.alloc(0));
      peer.respond(frame.streamId, 1000, Buffer.from('1'));
      peer.respond(frame.streamId, 1000, Buffer.from('2'));
    });
    assert.equal((await client.call('a', '')).body.toString(), '1');
    assert.equal((await client.call('a', '')).body.toString(), '1');
  });

  test('refuses requests the server would not take, and goes on', async () => {
    const { client } = await open(echo, {}, { ...ACK, maxFrameBytes: 1000 });
    await assert.rejects(client.call('demo.echo', 'x'.repeat(1000)), { code: 'MMTP_TOO_LARGE' });
    const session = Buffer.alloc(70_000);
    await assert.rejects(client.call('demo.echo', '', { session }), { code: 'MMTP_TOO_LARGE' });
    assert.equal((await client.call('demo.echo', 'y')).body.toString(), 'y');
  });

  test('compresses and decompresses with the picked dictionary', async () => {
    const text = '{"message":"hello","account":"x"}'.repeat(30);
    const dictionary = { id: 7, bytes: Buffer.from('{"message":"hello","account":') };
    const flags: number[] = [];
    const { client } = await open(
      (peer, frame) => {
        flags.push(frame.flags);
        const plain = decompressBody(frame.body, 0, frame.body.length, 1 << 20, dictionary);
        assert.equal(plain.toString(), text);
        const packed = compressBody(Buffer.from(`${text}!`), dictionary)!;
        peer.respond(frame.streamId, 1000, packed, FrameFlag.compressed);
      },
      { compresses: true, dictionaries: [{ id: 3, bytes: Buffer.from('other') }, dictionary] },
      { ...ACK, dictId: 7 },
    );
    assert.equal((await client.call('demo.echo', text)).body.toString(), `${text}!`);
    assert.deepEqual(flags, [FrameFlag.compressed]);
  });

  test('fails alone when its answer cannot be decompressed', async () => {
    const { client } = await open((peer, frame) => {
      peer.respond(frame.streamId, 1000, frame.body, frame.operationType === 'bad' ? 1 : 0);
    });
    const [bad, good] = await Promise.allSettled([client.call('bad', 'x'), client.call('ok', 'y')]);
    assert.equal(bad.status, 'rejected');
    assert.equal(good.status === 'fulfilled' && good.value.body.toString(), 'y');
  });

  test('send() wants no answer', async () => {
    const received = slot<Received>();
    const { client } = await open((_, frame) => received.set(frame));
    client.send('demo.echo', 'x', { appId: 'a' });
    const { flags, body } = await received.value;
    assert.deepEqual([flags, body.toString(), client.openCalls], [FrameFlag.oneway, 'x', 0]);
  });
});

describe('the connection', () => {
  test('binds, unbinds and pings', async () => {
    const types: number[] = [];
    const unbound = slot<void>();
    const { client } = await open((peer, frame) => {
      types.push(frame.type);
      if (frame.type === FrameType.bind) {
        const resultCode = frame.session === 'good' ? 1000 : 2000;
        peer.write((out) => control.encodeBindAck(out, resultCode));
      }
      if (frame.type === FrameType.ping) {
        peer.write((out) => control.encodePing(out, FrameType.pong, frame.body));
      }
      if (frame.type === FrameType.unbind) unbound.set();
    });
    const codes = [client.bind(Buffer.from('good')), client.bind(Buffer.from('bad'))];
    assert.deepEqual(await Promise.all(codes), [1000, 2000]);
    const [first, second] = await Promise.all([client.ping(), client.ping()]);
    assert.ok(first > 0 && second > 0);
    client.unbind();
    await unbound.value;
    const { bind, ping, unbind } = FrameType;
    assert.deepEqual(types, [bind, bind, ping, ping, unbind]);
  });

  test('gives pushes and acknowledges them, answers pings of the server', async () => {
    const acked = slot<number>();
    const ponged = slot<string>();
    const { client, peer } = await open((_, frame) => {
      if (frame.type === FrameType.pushAck) acked.set(frame.streamId);
      if (frame.type === FrameType.pong) ponged.set(frame.body.toString());
    });
    const pushed = slot<Push>();
    client.onPush = pushed.set;
    const push: Push = {
      streamId: 2,
      flags: 0,
      channel: 4,
      contentType: 0,
      headers: [['a', 'b']],
      body: Buffer.from('news'),
    };
    peer.write((out) => {
      encodePush(out, push);
      control.encodePing(out, FrameType.ping, Buffer.from('hello'));
    });
    assert.deepEqual(await pushed.value, push);
    assert.equal(await acked.value, 2);
    assert.equal(await ponged.value, 'hello');
  });

  test('fails calls locally after EVENT restrict, gives other events', async () => {
    const { client, peer } = await open(echo);
    const seen = slot<number>();
    client.onEvent = (event) => seen.set(event.kind);
    peer.write((out) => {
      control.encodeEvent(out, { kind: EventKind.restrict, delayS: 60, prompt: 'later' });
    });
    assert.equal(await seen.value, EventKind.restrict);
    await assert.rejects(client.call('x', ''), { code: 'MMTP_RESTRICTED' });
  });

  test('GOAWAY fails the calls that were not processed, the others still get answers', async () => {
    const { client } = await open((peer, frame) => {
      if (frame.streamId !== 3) return;
      peer.write((out) => {
        control.encodeGoaway(out, { lastStream: 1, resultCode: 1000, reconnectAfterS: 0 });
      });
      peer.respond(1, 1000, Buffer.from('done'));
    });
    const calls = [client.call('a', ''), client.call('b', '')];
    await assert.rejects(calls[1]!, { code: 'MMTP_GOING_AWAY' });
    assert.equal((await calls[0]!).body.toString(), 'done');
    await assert.rejects(client.call('c', ''), { code: 'MMTP_GOING_AWAY' });
  });

  test('rejects everything open when the server goes', async () => {
    const { client, peer } = await open(() => {});
    const closed = slot<Error | null>();
    client.onClose = closed.set;
    const open3 = [client.call('a', ''), client.bind(Buffer.from('s')), client.ping()];
    const settled = Promise.allSettled(open3);
    await once(peer.socket, 'data');
    peer.socket.end();
    for (const result of await settled) {
      assert.equal(result.status, 'rejected');
      assert.match(String(result.status === 'rejected' && result.reason), /closed by the server/);
    }
    assert.match(String(await closed.value), /closed by the server/);
    await assert.rejects(client.call('b', ''), { code: 'MMTP_CLOSED' });
  });

  test('ends with MMTP_PROTOCOL when the server sends nonsense', async () => {
    for (const nonsense of ['HTTP/1.1 400', '4d0106000000000100000012000201000b02']) {
      const bytes = nonsense.startsWith('4d')
        ? Buffer.from(nonsense, 'hex')
        : Buffer.from(nonsense);
      const { client } = await open((peer) => peer.socket.write(bytes));
      const expected = { code: 'MMTP_PROTOCOL', message: 'The server sent a malformed frame' };
      await assert.rejects(client.call('a', ''), expected);
    }
  });

  test('reads answers that arrive byte by byte, and skips unknown frames', async () => {
    const { client } = await open((peer, frame) => {
      peer.socket.setNoDelay(true);
      const unknown = Buffer.from('4d01c800000000070000001200020000ffff', 'hex');
      for (const byte of unknown) peer.socket.write(Buffer.from([byte]));
      echo(peer, frame);
    });
    assert.equal((await client.call('a', 'b')).body.toString(), 'b');
  });
});
