// HOT PATH. How requests of one API look on Bolt connections: the class and the header map that
// they have in common are laid out once; per request come the trace, the identity and the body,
// which passes through untouched.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestTemplate } from '#core/codec/bolt/encoder.ts';
import { appendAsciiEntry, appendDecimalEntry, appendEntry } from '#core/codec/bolt/header-map.ts';
import { looksLikeProtobuf } from '#core/codec/bolt/protobuf-shape.ts';
import { ClassName, Codec, HeaderKey, type BoltForm } from '#core/codec/bolt/types.ts';
import { findHeader, HEADER_WORDS } from '#core/codec/message.ts';
import { appendTraceparent, shardText, TRACEPARENT_BYTES } from '../identity.ts';
import type { UpstreamCall } from '../contract.ts';
import type { BoltPool } from './bolt-pool.ts';

/** What an API says about its Bolt service. */
export interface BoltTargetOptions {
  readonly operationType: string;
  /** "interface:version[:uniqueId]". */
  readonly service: string;
  readonly method: string;
  /** A `Codec` number. */
  readonly codec: number;
  readonly form: BoltForm;
  /** Header map entries that the API's configuration adds. */
  readonly addedHeaders: readonly (readonly [string, string])[];
  /** Names of client headers that are passed on, lower case. */
  readonly forwardedHeaders: readonly string[];
}

const TRACEPARENT_KEY = Buffer.from('traceparent', 'latin1');
const UID_KEY = Buffer.from('mgw-uid', 'latin1');
const SHARD_KEY = Buffer.from('mgw-shard', 'latin1');

/** Keys that route a Bolt request or belong to the gateway: no client header may set them. */
const RESERVED_KEYS = new Set<string>([...Object.values(HeaderKey), 'type', 'protocol', 'app']);

export class BoltTarget {
  readonly upstreamName: string;
  readonly #pool: BoltPool;
  readonly #isProtobuf: boolean;
  readonly #template: RequestTemplate;
  readonly #forwarded: readonly { readonly name: string; readonly key: Buffer }[];

  constructor(pool: BoltPool, options: BoltTargetOptions) {
    this.upstreamName = pool.settings.name;
    this.#pool = pool;
    this.#isProtobuf = options.codec === Codec.protobuf;
    this.#template = new RequestTemplate({
      form: options.form,
      codec: options.codec,
      className: ClassName.request,
      headers: [
        [HeaderKey.service, options.service],
        [HeaderKey.targetService, options.service],
        [HeaderKey.methodName, options.method],
        ['protocol', 'bolt'],
        ['type', 'sync'],
        ['mgw-operation-type', options.operationType],
        ...options.addedHeaders,
      ],
    });
    this.#forwarded = options.forwardedHeaders
      .filter((name) => !RESERVED_KEYS.has(name) && !name.startsWith('mgw-'))
      .map((name) => ({ name, key: Buffer.from(name, 'latin1') }));
  }

  send(call: UpstreamCall): void {
    this.#pool.send(call, this);
  }

  cancel(call: UpstreamCall): void {
    this.#pool.cancel(call);
  }

  /** Bolt answers are never streamed. */
  resumeStream(): void {}

  /**
   * Appends the frame of `call`.
   *
   * @returns null, or why it cannot be sent; nothing is appended then
   */
  encode(
    out: OutBuffer,
    requestId: number,
    timeoutMs: number,
    call: UpstreamCall,
  ): GatewayError | null {
    const { request } = call;
    const { bodySource, bodyOffset, bodyLength } = request;
    if (this.#isProtobuf && !looksLikeProtobuf(bodySource, bodyOffset, bodyLength)) {
      return Errors.bodyMalformed;
    }
    const start = this.#template.begin(out, requestId, timeoutMs, false);
    appendKey(out, TRACEPARENT_KEY, TRACEPARENT_BYTES);
    appendTraceparent(out, request.trace, call.spanId);
    if (call.hasSession) {
      const { session } = call;
      appendDecimalEntry(out, UID_KEY, session.uidHigh, session.uidLow);
      appendAsciiEntry(out, SHARD_KEY, shardText(session));
    }
    if (this.#forwarded.length > 0) this.#appendForwarded(out, call);
    const isWritten = this.#template.finish(out, start, bodySource, bodyOffset, bodyLength);
    return isWritten ? null : Errors.fieldMalformed;
  }

  #appendForwarded(out: OutBuffer, { request }: UpstreamCall): void {
    const { headers, source } = request;
    for (const { name, key } of this.#forwarded) {
      const index = findHeader(headers, source, name);
      if (index < 0) continue;
      const at = index * HEADER_WORDS;
      appendEntry(out, key, source, headers.words[at + 2]!, headers.words[at + 3]!);
    }
  }
}

/** Key and value length of a header map entry whose value of `valueBytes` bytes follows. */
function appendKey(out: OutBuffer, key: Buffer, valueBytes: number): void {
  const at = out.reserve(key.length + 8);
  const { bytes } = out;
  bytes[at] = bytes[at + 1] = bytes[at + 2] = 0;
  bytes[at + 3] = key.length;
  bytes.set(key, at + 4);
  const lengthAt = at + 4 + key.length;
  bytes[lengthAt] = bytes[lengthAt + 1] = bytes[lengthAt + 2] = 0;
  bytes[lengthAt + 3] = valueBytes;
}
