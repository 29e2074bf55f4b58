// What no peer can make an Mmtp connection do: a fault of ours in the middle of a batch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutBuffer } from '#core/base/out-buffer.ts';
import type { Transport } from '#core/base/network.ts';
import { TimerWheel } from '#core/base/timer-wheel.ts';
import { systemClock } from '#core/base/clock.ts';
import { RequestMessage } from '#core/codec/message.ts';
import type { DownstreamExchange } from '#core/downstream/contract.ts';
import type { ListenerContext } from '#core/downstream/listener.ts';
import { MmtpConnection } from '#core/downstream/mmtp-connection.ts';
import { GatewayCounters } from '#core/telemetry/counters.ts';
import { INIT, requestBytes } from '#test/integration/mmtp-wire.ts';

test('what was staged before a fault is run while its bytes are there', () => {
  const events: string[] = [];
  const handler = {
    nowMs: 1,
    canTake: true,
    batchStarted: () => {},
    open(_connection: unknown, streamId: number) {
      if (streamId === 5) throw new Error('a fault');
      return { streamId, request: new RequestMessage() };
    },
    stage: ({ streamId }: DownstreamExchange) => events.push(`stage ${streamId}`),
    runStaged: () => events.push('run'),
  };
  const settings = {
    frameBytesMax: 65_536,
    headersMax: 100,
    streamsMax: 100,
    initTimeoutMs: 1000,
    mmtpIdleTimeoutMs: 60_000,
  };
  const idleTimers = new TimerWheel(systemClock, 250);
  const context = {
    handler,
    settings,
    idleTimers,
    clock: systemClock,
    counters: new GatewayCounters(),
    channel: 1,
  } as unknown as ListenerContext;
  const transport = { out: new OutBuffer(), flushSoon() {}, remoteAddress: '127.0.0.1' };
  const connection = new MmtpConnection(transport as unknown as Transport, context, false);
  const bytes = Buffer.concat([INIT, ...[1, 3, 5, 7].map((id) => requestBytes(id, 'echo', 'x'))]);
  assert.throws(() => connection.onBytes(bytes, 0, bytes.length), /a fault/);
  assert.deepEqual(events, ['stage 1', 'stage 3', 'run']);
  idleTimers.close();
});
