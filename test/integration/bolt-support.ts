// What tests of Bolt upstreams share: a gateway to given hosts with a client, and scripted peers
// that read Bolt frames.

import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { connectMmtp, type MmtpClient } from '#cli/client/mmtp-client.ts';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { appendHeartbeat, appendHeartbeatAck, ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import {
  BOLT_V1,
  ClassName,
  Codec,
  CommandCode,
  CommandType,
  Status,
} from '#core/codec/bolt/types.ts';
import { startRawPeer, type RawPeer } from '#test/peers/raw.ts';
import { SOFA_ABSENT_SERVICE, SOFA_SERVICE } from '#test/peers/sofa.ts';
import { startGateway, type ConfigValue, type TestGateway } from './gateway.ts';

/** Call options of a protobuf body. */
export const PROTOBUF = { contentType: 1 };

function apis(service: string): readonly ConfigValue[] {
  const api = (operationType: string, method: string, more: ConfigValue = {}): ConfigValue => ({
    operationType,
    upstream: { service, method },
    timeoutMs: 2000,
    ...more,
  });
  return [
    api('hello', 'hello'),
    api('boom', 'boom'),
    api('slow', 'slow'),
    api('missing', 'missing'),
    api('short', 'slow', { timeoutMs: 100 }),
    api('safe', 'hello', { idempotent: true }),
    api('session', 'hello', { session: 'required' }),
    { operationType: 'absent', upstream: { service: SOFA_ABSENT_SERVICE, method: 'hello' } },
  ];
}

/** A gateway in front of `hosts` and a client on it; its books are checked at the end. */
export async function gatewayTo(
  t: { readonly after: TestContext['after'] },
  hosts: readonly string[],
  upstream: ConfigValue = {},
): Promise<{ gateway: TestGateway; client: MmtpClient }> {
  const gateway = await startGateway({
    upstreams: { app: { protocol: 'bolt', hosts, ...upstream } },
    apis: apis(SOFA_SERVICE),
  });
  const client = await connectMmtp({ port: gateway.mmtpPort });
  t.after(async () => {
    await client.close();
    await gateway.settled();
    await gateway.stop();
  });
  return { gateway, client };
}

/** Reads the frames of a connection; answers with bytes, or null to stay silent. */
export function frames(
  socket: Socket,
  onFrame: (frame: BoltFrame, content: string) => Buffer | null,
): void {
  let unread: Buffer = Buffer.alloc(0);
  socket.on('data', (part: Buffer) => {
    unread = Buffer.concat([unread, part]);
    for (;;) {
      const frame = new BoltFrame();
      if (peekBolt(unread, 0, unread.length, 1 << 20, frame) !== DecodeStatus.ok) return;
      const { contentOffset, contentLength } = frame;
      const content = unread.latin1Slice(contentOffset, contentOffset + contentLength);
      unread = unread.subarray(frame.frameBytes);
      const answer = onFrame(frame, content);
      if (answer !== null && !socket.destroyed) socket.write(answer);
    }
  });
}

const OK_TEMPLATE = new ResponseTemplate(
  { form: BOLT_V1, codec: Codec.protobuf, className: ClassName.response, headers: [] },
  Status.success,
);

/** A response frame. */
export function response(requestId: number, body: string, status: number = Status.success): Buffer {
  const template =
    status === Status.success
      ? OK_TEMPLATE
      : new ResponseTemplate(
          { form: BOLT_V1, codec: Codec.hessian, className: ClassName.response, headers: [] },
          status,
        );
  const out = new OutBuffer();
  const bytes = Buffer.from(body, 'latin1');
  template.append(out, requestId, bytes, 0, bytes.length);
  return Buffer.from(out.take());
}

/** A heartbeat's acknowledgement. */
export function heartbeatAck(requestId: number): Buffer {
  const out = new OutBuffer();
  appendHeartbeatAck(out, BOLT_V1, requestId);
  return Buffer.from(out.take());
}

/** A heartbeat of the server. */
export function heartbeat(requestId: number): Buffer {
  const out = new OutBuffer();
  appendHeartbeat(out, BOLT_V1, requestId, 1000);
  return Buffer.from(out.take());
}

/** Is it a call, and not a heartbeat? */
export function isRequest(frame: BoltFrame): boolean {
  return frame.command === CommandCode.request && frame.type === CommandType.request;
}

/** A scripted Bolt server. */
export async function boltPeer(
  t: TestContext,
  onFrame: (frame: BoltFrame, content: string, socket: Socket, index: number) => Buffer | null,
): Promise<RawPeer> {
  const peer = await startRawPeer((socket, index) =>
    frames(socket, (frame, content) => onFrame(frame, content, socket, index)),
  );
  t.after(() => peer.stop());
  return peer;
}
