// HOT PATH. Bolt requests of a generator: what the gateway sends to the Bolt service of a benchmark
// for a request with a session, header map and body included, in as many bytes. A proxy that stands
// between gives the service the same work, and finds the name that it routes by. Encoded before the
// first is sent, so that a request costs one copy.

import { OutBuffer } from '#core/base/out-buffer.ts';
import { writeInt32 } from '#core/codec/bolt/bytes.ts';
import { RequestTemplate } from '#core/codec/bolt/encoder.ts';
import { BOLT_V1, ClassName, Codec, HeaderKey, requestIdOffset } from '#core/codec/bolt/types.ts';
import { TaggedMessage, writeTag, type MessageFormat } from '../peers/tagged-message.ts';
import { BOLT_TARGET } from '../rig/gateway-config.ts';
import { FIRST_UID } from './session-pool.ts';

/** How long the caller waits: what a gateway says unless it is told otherwise. */
const TIMEOUT_MS = 3000;

/** Nobody here reads them; only their length counts. */
const TRACEPARENT = `00-${'1'.padStart(32, '0')}-${'1'.padStart(16, '0')}-00`;
const SHARD = '00';

/** What requests consist of. */
export interface BoltFrameOptions {
  readonly operationType: string;
  readonly format: MessageFormat;
  readonly bodyBytes: number;
}

/** One request ready to be copied. */
export class BoltFrames {
  readonly #frame: Buffer;
  readonly #tagOffset: number;

  constructor({ operationType, format, bodyBytes }: BoltFrameOptions) {
    const { service, method } = BOLT_TARGET;
    const template = new RequestTemplate({
      form: BOLT_V1,
      codec: format === 'protobuf' ? Codec.protobuf : Codec.json,
      className: ClassName.request,
      headers: [
        [HeaderKey.service, service],
        [HeaderKey.targetService, service],
        [HeaderKey.methodName, method],
        ['protocol', 'bolt'],
        ['type', 'sync'],
        ['mgw-operation-type', operationType],
        ['traceparent', TRACEPARENT],
        ['mgw-shard', SHARD],
        ['mgw-uid', String(FIRST_UID)],
      ],
    });
    const { bytes, tagOffset } = new TaggedMessage(format, bodyBytes);
    const out = new OutBuffer();
    template.append(out, 0, TIMEOUT_MS, bytes, 0, bytes.length);
    this.#frame = Buffer.from(out.take());
    this.#tagOffset = this.#frame.length - bodyBytes + tagOffset;
  }

  /** Appends the request with the id `requestId`. */
  append(out: OutBuffer, requestId: number, tag: number): void {
    const at = out.length;
    out.append(this.#frame, 0, this.#frame.length);
    writeInt32(out.bytes, at + requestIdOffset(BOLT_V1.version), requestId);
    writeTag(out.bytes, at + this.#tagOffset, tag);
  }
}
