// The gateway in front of a real SOFARPC server, in every form of Bolt: answers, failures, time,
// cancelled calls, many calls on few connections.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MmtpClient } from '#cli/client/mmtp-client.ts';
import type { Peer } from '#test/peers/peer.ts';
import { helloReplyText, helloRequest, startSofaPeer } from '#test/peers/sofa.ts';
import { gatewayTo, PROTOBUF } from './bolt-support.ts';
import { issueSession, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf } from './http-wire.ts';
import { until } from './wait.ts';

for (const form of [{ boltVersion: 1 }, { boltVersion: 2 }, { boltVersion: 2, boltCrc: true }]) {
  describe(`sofa-rpc-node behind ${JSON.stringify(form)}`, () => {
    let peer: Peer;
    let gateway: TestGateway;
    let client: MmtpClient;
    const cleanUps: (() => unknown)[] = [];

    before(async () => {
      peer = await startSofaPeer();
      const t = { after: (action?: unknown) => void cleanUps.push(action as () => unknown) };
      ({ gateway, client } = await gatewayTo(t, [`127.0.0.1:${peer.port}`], form));
    });
    after(async () => {
      for (const cleanUp of cleanUps) await cleanUp();
      await peer.stop();
    });

    async function code(operationType: string, body = helloRequest('x')): Promise<number> {
      return (await client.call(operationType, body, PROTOBUF)).resultCode;
    }

    test('calls are answered, by Mmtp and by HTTP', async () => {
      const answer = await client.call('hello', helloRequest('Mmtp'), PROTOBUF);
      assert.equal(answer.resultCode, 1000);
      assert.equal(helloReplyText(answer.body), 'hello Mmtp');
      assert.equal(answer.contentType, 1);
      const body = helloRequest('HTTP');
      const head = callBytes('hello', '', ['Content-Type: application/x-protobuf']);
      const bytes = head.replace('Content-Length: 0', `Content-Length: ${body.length}`);
      const byHttp = await callOnce(gateway.httpPort, Buffer.concat([Buffer.from(bytes), body]));
      assert.equal(codeOf(byHttp), 1000);
      assert.equal(helloReplyText(byHttp.body), 'hello HTTP');
    });

    test('failures of the service have their codes', async () => {
      assert.equal(await code('absent'), 6000);
      assert.equal(await code('missing'), 6001);
      assert.equal(await code('boom'), 6666);
      assert.equal(await code('hello', Buffer.from('{"no":"protobuf"}')), 3002);
      assert.equal(await code('session'), 2000);
      assert.equal(await code('hello'), 1000);
    });

    test('a valid session passes', async () => {
      const options = { ...PROTOBUF, session: issueSession(5) };
      assert.equal((await client.call('session', helloRequest('u'), options)).resultCode, 1000);
    });

    test('200 calls at once over two connections, the slow first', async () => {
      const answers = Array.from({ length: 200 }, (_, i) =>
        client.call('slow', helloRequest(`n${i}`, 40 - (i % 40)), PROTOBUF),
      );
      for (const [i, answer] of (await Promise.all(answers)).entries()) {
        assert.equal(helloReplyText(answer.body), `hello n${i}`);
      }
      assert.equal((await gateway.counted()).upstream('app').connectionsOpen, 2);
    });

    test('4001 in time; the late answer is dropped', async () => {
      const { lateResponses } = (await gateway.counted()).upstream('app');
      const startedMs = performance.now();
      // The service is told 100 ms and stays silent afterwards, or answers late: both are fine.
      assert.equal(await code('short', helloRequest('late', 250)), 4001);
      assert.ok(performance.now() - startedMs < 400);
      assert.equal(await code('slow', helloRequest('x', 250)), 1000);
      assert.ok((await gateway.counted()).upstream('app').lateResponses <= lateResponses + 1);
    });

    test('a cancelled call is forgotten, the connection stays', async () => {
      const { connectionsClosed } = (await gateway.counted()).upstream('app');
      const taken = new AbortController();
      const call = client.call('slow', helloRequest('c', 60), {
        ...PROTOBUF,
        signal: taken.signal,
      });
      await until(() => gateway.upstream().requestsOpen === 1, 'the call is with the service');
      taken.abort();
      await assert.rejects(call);
      await until(() => gateway.upstream().requestsOpen === 0, 'the call is forgotten');
      assert.equal(await code('slow', helloRequest('x', 80)), 1000);
      assert.equal((await gateway.counted()).upstream('app').connectionsClosed, connectionsClosed);
      assert.ok((await gateway.counted()).upstream('app').lateResponses > 0);
    });
  });
}
