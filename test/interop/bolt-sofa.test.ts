// Our Bolt codec against people's own: a running sofa-rpc-node server, and the decoder of
// sofa-bolt-node on frames that we write.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { Errors } from '#core/base/errors.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { appendHeartbeat, appendHeartbeatAck, RequestTemplate } from '#core/codec/bolt/encoder.ts';
import { appendEntry } from '#core/codec/bolt/header-map.ts';
import { boltErrorText, boltOutcome } from '#core/codec/bolt/outcome.ts';
import {
  BOLT_V1,
  BOLT_V2,
  BOLT_V2_CRC,
  BOLT_V2_VER2,
  ClassName,
  Codec,
  CommandCode,
  CommandType,
  HeaderKey,
  type BoltForm,
} from '#core/codec/bolt/types.ts';
import type { Peer } from '#test/peers/peer.ts';
import {
  helloReplyText,
  helloRequest,
  SOFA_ABSENT_SERVICE,
  SOFA_SERVICE,
  startSofaPeer,
} from '#test/peers/sofa.ts';
import { BoltClient, contentOf, type Received } from './bolt-client.ts';

const FORMS: readonly [string, BoltForm][] = [
  ['v1', BOLT_V1],
  ['v2 ver1 1', BOLT_V2],
  ['v2 ver1 2', BOLT_V2_VER2],
  ['v2 with CRC', BOLT_V2_CRC],
];

function template(form: BoltForm, method: string, service = SOFA_SERVICE): RequestTemplate {
  return new RequestTemplate({
    form,
    codec: Codec.protobuf,
    className: ClassName.request,
    headers: [
      [HeaderKey.service, service],
      [HeaderKey.targetService, service],
      [HeaderKey.methodName, method],
      [HeaderKey.targetApp, ''],
    ],
  });
}

function request(
  frames: RequestTemplate,
  id: number,
  content: Buffer,
  timeoutMs = 3000,
  isOneway = false,
): Buffer {
  const out = new OutBuffer();
  const start = frames.begin(out, id, timeoutMs, isOneway);
  appendEntry(out, Buffer.from('rpc_trace_context.sofaRpcId'), Buffer.from('0.1'), 0, 3);
  assert.ok(frames.finish(out, start, content, 0, content.length));
  return out.take();
}

function outcomeOf({ bytes, frame }: Received): [unknown, string] {
  return [boltOutcome(bytes, frame), boltErrorText(bytes, frame)];
}

describe('sofa-rpc-node serves our frames', () => {
  let peer: Peer;
  let client: BoltClient;
  before(async () => {
    peer = await startSofaPeer();
  });
  after(() => peer.stop());

  for (const [name, form] of FORMS) {
    describe(name, () => {
      before(() => {
        client = new BoltClient(peer.port);
      });
      after(() => client.close());

      test('a call is answered under its id', async () => {
        const answer = await client.call(request(template(form, 'hello'), 7, helloRequest('x')));
        const { frame } = answer;
        assert.equal(frame.requestId, 7);
        assert.equal(frame.version, form.version);
        assert.equal(frame.hasCrc, form.hasCrc);
        assert.equal(frame.type, CommandType.response);
        assert.equal(frame.command, CommandCode.response);
        assert.deepEqual(outcomeOf(answer), [null, '']);
        assert.equal(helloReplyText(contentOf(answer)), 'hello x');
      });

      test('a negative id comes back as it was', async () => {
        const answer = await client.call(request(template(form, 'hello'), -2, helloRequest('y')));
        assert.equal(answer.frame.requestId, -2);
        assert.equal(helloReplyText(contentOf(answer)), 'hello y');
      });

      test('calls on one connection overtake each other', async () => {
        client.send(request(template(form, 'slow'), 1, helloRequest('late', 60)));
        client.send(request(template(form, 'hello'), 2, helloRequest('early')));
        const first = await client.next();
        const second = await client.next();
        assert.deepEqual([first.frame.requestId, second.frame.requestId], [2, 1]);
        assert.equal(helloReplyText(contentOf(second)), 'hello late');
      });

      test('a heartbeat is acknowledged', async () => {
        const out = new OutBuffer();
        appendHeartbeat(out, form, 8, 3000);
        const { frame } = await client.call(out.take());
        assert.equal(frame.requestId, 8);
        assert.equal(frame.command, CommandCode.heartbeat);
        assert.equal(frame.type, CommandType.response);
        assert.equal(frame.status, 0);
      });

      test('a oneway call is answered all the same, which a client has to expect', async () => {
        const frames = template(form, 'hello');
        const { frame } = await client.call(request(frames, 9, helloRequest('z'), 3000, true));
        assert.equal(frame.requestId, 9);
      });

      test('a method that throws is a business error', async () => {
        const answer = await client.call(request(template(form, 'boom'), 3, helloRequest('b')));
        assert.equal(answer.frame.status, 2);
        assert.deepEqual(outcomeOf(answer), [Errors.businessError, 'boom b']);
      });

      test('a method without an implementation is 6001', async () => {
        const answer = await client.call(request(template(form, 'missing'), 4, helloRequest('m')));
        const text = `Can not find method: ${SOFA_SERVICE}#missing()`;
        assert.deepEqual(outcomeOf(answer), [Errors.methodNotFound, text]);
      });

      test('a service that is not published is 6000', async () => {
        const frames = template(form, 'hello', SOFA_ABSENT_SERVICE);
        const answer = await client.call(request(frames, 5, helloRequest('s')));
        const text = `not found service: ${SOFA_ABSENT_SERVICE}`;
        assert.deepEqual(outcomeOf(answer), [Errors.serviceNotFound, text]);
      });
    });
  }

  test('stays silent when it is slower than the time in the request', async () => {
    client = new BoltClient(peer.port);
    client.send(request(template(BOLT_V1, 'slow'), 1, helloRequest('late', 40), 10));
    client.send(request(template(BOLT_V1, 'slow'), 2, helloRequest('good', 120), 3000));
    const { frame } = await client.next();
    assert.equal(frame.requestId, 2);
    await client.close();
  });

  test('closes the connection over a wrong CRC', async () => {
    client = new BoltClient(peer.port);
    const bytes = request(template(BOLT_V2_CRC, 'hello'), 7, helloRequest('x'));
    bytes[9]! ^= 1;
    const closed = once(client.socket, 'close');
    client.send(bytes);
    await closed;
  });
});

/** What sofa-bolt-node tells about a frame. */
interface BoltNodePacket {
  readonly packetId: number;
  readonly packetType: string;
  readonly className?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

interface BoltNode {
  decoder(options: { readonly sentReqs: Map<number, unknown> }): Writable;
}

const requireNear = createRequire(createRequire(import.meta.url).resolve('sofa-rpc-node'));
const boltNode = requireNear('sofa-bolt-node') as BoltNode;

describe('sofa-bolt-node decodes our frames', () => {
  for (const [name, form] of FORMS) {
    test(name, () => {
      const decoder = boltNode.decoder({ sentReqs: new Map() });
      const packets: BoltNodePacket[] = [];
      for (const event of ['heartbeat', 'heartbeat_ack']) {
        decoder.on(event, (packet: BoltNodePacket) => packets.push(packet));
      }
      const out = new OutBuffer();
      appendHeartbeat(out, form, 1 << 20, 1500);
      appendHeartbeatAck(out, form, -7);
      // Split inside of both frames: its decoder keeps the rest.
      const bytes = out.take();
      decoder.write(bytes.subarray(0, 13));
      decoder.write(bytes.subarray(13));
      const [beat, ack] = packets;
      assert.equal(packets.length, 2);
      assert.equal(beat!.packetId, 1 << 20);
      assert.equal(beat!.packetType, 'heartbeat');
      assert.equal(beat!.options['timeout'], 1500);
      assert.equal(beat!.options['protocolType'], form.version === 1 ? 'bolt' : 'bolt2');
      assert.equal(beat!.options['crcEnable'] ?? false, form.hasCrc);
      assert.equal(ack!.packetId, -7);
      assert.equal(ack!.packetType, 'heartbeat_ack');
    });
  }
});
