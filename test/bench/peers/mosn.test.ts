// MOSN as a peer: its configuration; and, where it has been built, a real one, which passes on what
// it is given and nothing else.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BoltFrames } from '#bench/load/bolt-frames.ts';
import {
  MOSN_PROGRAM,
  MOSN_VERSION,
  mosnConfig,
  mosnMissing,
  startMosn,
} from '#bench/peers/mosn.ts';
import { REQUEST_BYTES } from '#bench/peers/peer-flags.ts';
import type { Child } from '#bench/rig/child.ts';
import { BOLT_TARGET, OPERATION } from '#bench/rig/gateway-config.ts';
import { Rig } from '#bench/rig/rig.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { writeInt32 } from '#core/codec/bolt/bytes.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { BOLT_V1, requestIdOffset, Status } from '#core/codec/bolt/types.ts';
import { until } from '../../integration/wait.ts';
import { RecordingService } from '../support/recording-service.ts';

const ID_OFFSET = requestIdOffset(BOLT_V1.version);
const FRAME_BYTES_MAX = 65_536;

/** A request of the generator. */
function requestBytes(id: number): Buffer {
  const frames = new BoltFrames({
    operationType: OPERATION,
    format: 'protobuf',
    bodyBytes: REQUEST_BYTES,
  });
  const out = new OutBuffer();
  frames.append(out, id, id);
  return Buffer.from(out.take());
}

/** A copy with another id. */
function renumbered(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes);
  writeInt32(copy, ID_OFFSET, id);
  return copy;
}

describe('mosnConfig', () => {
  const config = mosnConfig({ logFile: '/run/bench/mosn.log', port: 8081, servicePort: 9090 });

  test('listens on loopback alone and calls the service alone', () => {
    const addresses = [...config.matchAll(/"address":"([^"]*)"/g)].map(([, address]) => address);
    assert.deepEqual(addresses, ['127.0.0.1:8081', '127.0.0.1:9090']);
    const { servers, cluster_manager: manager } = JSON.parse(config) as {
      readonly servers: readonly { readonly processor: number }[];
      readonly cluster_manager: { readonly clusters: readonly object[] };
    };
    assert.deepEqual([servers.length, servers[0]?.processor, manager.clusters.length], [1, 1, 1]);
  });

  test('routes by the name of the service, and switches on nothing that costs', () => {
    assert.ok(config.includes(`{"name":"service","value":"${BOLT_TARGET.service}"}`));
    assert.match(
      config,
      /"default_log_path":"\/run\/bench\/mosn\.log","default_log_level":"ERROR"/,
    );
    assert.doesNotMatch(config, /access_logs|stream_filters|admin|tracing|pprof|sinks/);
  });
});

describe('mosnMissing', () => {
  test('says how to build what is not there', () => {
    const reason = mosnMissing(join(import.meta.dirname, 'no-such-program')) ?? '';
    assert.match(reason, /is not built; run node bench\/peers\/build-mosn\.ts, which needs Go/);
    assert.ok(reason.includes(MOSN_VERSION) && MOSN_PROGRAM.endsWith(MOSN_VERSION));
  });
});

describe('MOSN', { skip: mosnMissing() ?? false }, () => {
  let rig: Rig;
  let service: RecordingService;
  let mosn: Child;

  before(async () => {
    rig = new Rig();
    service = new RecordingService();
    mosn = await startMosn(rig, await service.listen());
  });

  after(async () => {
    await rig.close();
    service.close();
  });

  /** Sends one request and answers what comes back, up to the end of one frame. */
  async function call(request: Buffer, onSent: () => Promise<void>): Promise<Buffer> {
    const socket = connect(mosn.port('bolt'), '127.0.0.1');
    await once(socket, 'connect');
    let answer: Buffer = Buffer.alloc(0);
    const frame = new BoltFrame();
    socket.on('data', (part: Buffer) => (answer = Buffer.concat([answer, part])));
    socket.write(request);
    await onSent();
    const isWhole = () => peekBolt(answer, 0, answer.length, FRAME_BYTES_MAX, frame) === 0;
    await until(isWhole, 'an answer');
    socket.destroy();
    return answer;
  }

  test('passes a request and its answer on, the ids apart', async () => {
    const request = requestBytes(77);
    const answer = await call(request, async () => {
      const { frame, bytes } = await service.request(0);
      assert.deepEqual(renumbered(bytes, 77), request);
      service.answer(frame.requestId, Status.success, 'hello');
    });
    const frame = new BoltFrame();
    assert.equal(peekBolt(answer, 0, answer.length, FRAME_BYTES_MAX, frame), 0);
    assert.deepEqual([frame.requestId, frame.status], [77, Status.success]);
    assert.equal(answer.latin1Slice(frame.contentOffset), 'hello');
  });

  test('has no route for another service', async () => {
    const from = service.requests.length;
    const request = requestBytes(78);
    // The first of two entries with the name: the one that is routed by.
    request.write('X', request.indexOf(BOLT_TARGET.service), 'latin1');
    const answer = await call(request, () => Promise.resolve());
    const frame = new BoltFrame();
    peekBolt(answer, 0, answer.length, FRAME_BYTES_MAX, frame);
    assert.deepEqual([frame.requestId, frame.status], [78, Status.noProcessor]);
    assert.equal(service.requests.length, from);
  });

  test('carries the load of the generator without a wrong answer, and ends', async () => {
    const bolt = await rig.startService('bolt');
    const proxy = await startMosn(rig, bolt.port('service'));
    const result = await rig.runLoad({
      generator: 'bolt-load',
      seconds: 0.2,
      warmUpMs: 100,
      flags: {
        port: proxy.port('bolt'),
        watch: proxy.pid,
        connections: 4,
        streams: 8,
        format: 'protobuf',
      },
    });
    assert.deepEqual([result.wrong, result.unanswered, result.problems], [0, 0, {}]);
    assert.ok(result.requests > 100, `${result.requests}`);
    await proxy.stop();
    assert.throws(() => process.kill(proxy.pid, 0), { code: 'ESRCH' });
  });
});
