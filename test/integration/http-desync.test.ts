// A service that says more than it was asked for: what is beyond an answer reaches nobody, least of
// all the client whose call waits for the same connection. RFC 9112 section 9.2.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { callBytes, openWire } from './http-wire.ts';
import { gatewayTo, rawPeer } from './upstream-support.ts';
import { until } from './wait.ts';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTOLEN';
const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Answers of the first connection to its first request. */
const ANSWERS: Readonly<Record<string, string>> = {
  'a second answer': `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${EVIL}`,
  'a body behind 204': `HTTP/1.1 204 No Content\r\n\r\n${EVIL}`,
  'a body behind 304': `HTTP/1.1 304 Not Modified\r\nContent-Length: 44\r\n\r\n${EVIL}`,
  'bytes behind the last chunk': `${CHUNKED}2\r\nok\r\n0\r\n\r\n${EVIL}`,
  'the beginning of a head': `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${EVIL.slice(0, 20)}`,
};

/** A gateway with one connection to a peer; the first one is left to the test. */
async function gatewayToPeer(t: TestContext) {
  const first: { socket: Socket | null } = { socket: null };
  const peer = await rawPeer(t, (socket, index) => {
    if (index === 0) first.socket = socket;
    else socket.on('data', () => socket.write(GOOD));
  });
  const gateway = await gatewayTo(t, [`127.0.0.1:${peer.port}`], { connectionsMax: 1 });
  const wires = await Promise.all([openWire(gateway.httpPort), openWire(gateway.httpPort)]);
  t.after(() => Promise.all(wires.map((wire) => wire.close())));
  /** Waits until so many calls have come to wait for a connection. */
  const untilWaiting = async (count: number): Promise<void> => {
    const deadline = performance.now() + 5000;
    while ((await gateway.counted()).upstream('app').waiters < count) {
      assert.ok(performance.now() < deadline, 'nobody waits for the connection');
      await turn();
    }
  };
  return { gateway, peer, first, wires, untilWaiting };
}

describe('bytes beyond an answer are not the answer of a call that waits', () => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(name, async (t) => {
      const { gateway, peer, first, wires, untilWaiting } = await gatewayToPeer(t);
      const [asker, waiter] = wires as [(typeof wires)[0], (typeof wires)[0]];
      asker.write(callBytes('call', 'first'));
      await until(() => peer.received(0).includes('first'), 'the request is there');
      waiter.write(callBytes('call', 'second'));
      await untilWaiting(1);
      first.socket!.write(answer);
      const answers = [await asker.answer(), await waiter.answer()];
      assert.doesNotMatch(answers[0]!.body.toString(), /STOLEN/);
      assert.equal(answers[1]!.body.toString(), 'good');
      // The connection took no further request: nothing of the second was ever written to it.
      await peer.waitForClose(0);
      assert.ok(!peer.received(0).includes('second'));
      assert.equal((await gateway.counted()).upstream('app').protocolErrors, 1);
    });
  }
});

test('bytes on an idle connection close it, and the next call opens another', async (t) => {
  const { gateway, peer, first, wires } = await gatewayToPeer(t);
  const wire = wires[0]!;
  wire.write(callBytes('call', 'first'));
  await until(() => peer.received(0).includes('first'), 'the request is there');
  first.socket!.write(GOOD);
  assert.equal((await wire.answer()).body.toString(), 'good');
  first.socket!.write(EVIL);
  await peer.waitForClose(0);
  assert.equal((await wire.call(callBytes('call', 'second'))).body.toString(), 'good');
  assert.equal(peer.connections, 2);
  assert.equal((await gateway.counted()).upstream('app').protocolErrors, 1);
});

test('an answer until the connection ends leaves no connection to a call that waits', async (t) => {
  const { peer, first, wires, untilWaiting } = await gatewayToPeer(t);
  const [asker, waiter] = wires as [(typeof wires)[0], (typeof wires)[0]];
  asker.write(callBytes('call', 'first'));
  await until(() => peer.received(0).includes('first'), 'the request is there');
  waiter.write(callBytes('call', 'second'));
  await untilWaiting(1);
  first.socket!.end('HTTP/1.1 200 OK\r\n\r\nto the end');
  assert.equal((await asker.answer()).body.toString(), 'to the end');
  assert.equal((await waiter.answer()).body.toString(), 'good');
  assert.ok(!peer.received(0).includes('second'));
});
