// The gateway of the Mmtp tests: small limits, and one API for each way a request can be refused.

import * as control from '#core/codec/mmtp/control.ts';
import { FrameType } from '#core/codec/mmtp/types.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { frameBytes } from './mmtp-wire.ts';

export const FRAME_BYTES_MAX = 64 * 1024;
export const STREAMS_MAX = 600;
const INIT_TIMEOUT_MS = 300;

/** @param host the HTTP service that all APIs call, as `host:port` */
export function startMmtpGateway(host: string): Promise<TestGateway> {
  return startGateway({
    listeners: {
      frameBytesMax: FRAME_BYTES_MAX,
      streamsMax: STREAMS_MAX,
      initTimeoutMs: INIT_TIMEOUT_MS,
    },
    upstreams: { app: { protocol: 'http', hosts: [host], connectionsMax: 600 } },
    apis: [
      { operationType: 'echo', timeoutMs: 8000 },
      { operationType: 'account', session: 'required' },
      { operationType: 'checked', body: { required: true, type: 'json', bytesMax: 20 } },
      { operationType: 'off', enabled: false },
      { operationType: 'http.only', protocols: ['http'] },
      { operationType: 'once', limit: { qps: 0.001, burst: 1 } },
      { operationType: 'zh', language: 'zh', session: 'required' },
    ],
  });
}

/** A PING frame. */
export function ping(body = ''): Buffer {
  return frameBytes((out) => control.encodePing(out, FrameType.ping, Buffer.from(body)));
}
