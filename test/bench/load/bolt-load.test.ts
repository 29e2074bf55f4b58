// The Bolt generator as a process, in front of the project's own service; and what it sends, beside
// what a gateway sends.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BoltFrames } from '#bench/load/bolt-frames.ts';
import { createSessions } from '#bench/load/session-pool.ts';
import { REQUEST_BYTES } from '#bench/peers/peer-flags.ts';
import { TaggedMessage } from '#bench/peers/tagged-message.ts';
import type { Child } from '#bench/rig/child.ts';
import { OPERATION } from '#bench/rig/gateway-config.ts';
import { Rig } from '#bench/rig/rig.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { Status } from '#core/codec/bolt/types.ts';
import { ContentType } from '#core/codec/message.ts';
import { openMmtp, requestBytes } from '../../integration/mmtp-wire.ts';
import { assertSameRequest, readRequest, RecordingService } from '../support/recording-service.ts';

/** What a gateway gives a service unless it is told otherwise. */
const TIMEOUT_MS = 3000;

describe('bolt-load', () => {
  let rig: Rig;
  let service: Child;

  before(async () => {
    rig = new Rig();
    service = await rig.startService('bolt');
  });

  after(() => rig.close());

  function load(flags: Readonly<Record<string, string | number>>) {
    const all = { port: service.port('service'), watch: service.pid, format: 'protobuf', ...flags };
    return rig.runLoad({ generator: 'bolt-load', seconds: 0.2, warmUpMs: 50, flags: all });
  }

  test('closed loop: every answer is right, and the watched process is read', async () => {
    const result = await load({ connections: 3, streams: 5 });
    assert.deepEqual([result.wrong, result.unanswered, result.problems], [0, 0, {}]);
    assert.ok(result.requests > 100, `${result.requests}`);
    assert.ok(result.p50Us > 0 && result.p99Us >= result.p50Us);
    if (process.platform === 'linux') assert.ok(result.watched!.threads.length > 0);
  });

  test('open loop: as many requests as were due', async () => {
    const rate = 1000;
    const result = await load({ connections: 2, streams: 64, rate });
    assert.deepEqual([result.wrong, result.unanswered], [0, 0]);
    assert.ok(Math.abs(result.qps / rate - 1) < 0.5, `${result.qps}`);
  });

  test('complains about every answer of another size than it expects', async () => {
    const result = await load({ 'response-bytes': 300 });
    assert.equal(result.requests, 0);
    assert.ok(result.wrong > 0);
    assert.deepEqual(Object.keys(result.problems), ['wrong body']);
  });

  test('sends the service what a gateway sends for a request with a session', async (context) => {
    const recording = new RecordingService();
    context.after(() => recording.close());
    const port = await recording.listen();
    const gateway = await rig.startGateway({ upstream: 'bolt', session: 'cold' }, port);
    const client = await openMmtp(gateway.port('mmtp'));
    const [session] = createSessions(rig.keysFile, 1);
    const body = new TaggedMessage('protobuf', REQUEST_BYTES).bytes.toString('latin1');
    const fields = { session: session!, contentType: ContentType.protobuf };
    client.write(requestBytes(7, OPERATION, body, fields));
    const byGateway = await recording.request(0);
    recording.answer(byGateway.frame.requestId, Status.success, 'done');
    await client.response();
    await client.close();

    const options = { operationType: OPERATION, bodyBytes: REQUEST_BYTES } as const;
    const frames = new BoltFrames({ ...options, format: 'protobuf' });
    const out = new OutBuffer();
    frames.append(out, 0x7fff_fffe, 0xcafe_0001);
    const request = readRequest(Buffer.from(out.take()))!;
    assertSameRequest(request, byGateway);
    const { frame, bytes } = request;
    assert.equal(frame.requestId, 0x7fff_fffe);
    assert.equal(frame.timeoutMs, TIMEOUT_MS);
    const { timeoutMs } = byGateway.frame;
    assert.ok(timeoutMs > TIMEOUT_MS / 2 && timeoutMs <= TIMEOUT_MS, `${timeoutMs}`);
    const expected = new TaggedMessage('protobuf', REQUEST_BYTES);
    assert.ok(expected.equals(bytes, frame.contentOffset, frame.contentLength, 0xcafe_0001));
  });
});
