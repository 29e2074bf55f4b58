// HOT PATH. How requests of one API look on Bolt connections: the class and the header map that
// they have in common are laid out once; per request come the trace, the identity and the body,
// which passes through untouched.

import { Errors, type GatewayError } from '#core/base/errors.ts';
import type { OutBuffer } from '#core/base/out-buffer.ts';
import { RequestTemplate } from '#core/codec/bolt/encoder.ts';
import { appendEntry } from '#core/codec/bolt/header-map.ts';
import { looksLikeProtobuf } from '#core/codec/bolt/protobuf-shape.ts';
import { ClassName, Codec, HeaderKey, type BoltForm } from '#core/codec/bolt/types.ts';
import { findHeader, HEADER_WORDS } from '#core/codec/message.ts';
import { UID_DIGITS_MAX, writeUid } from '#core/codec/session/uid.ts';
import { shardText, TRACEPARENT_BYTES, writeTraceparent } from '../identity.ts';
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

const TRACEPARENT_KEY = 'traceparent';
const SHARD_KEY = 'mgw-shard';
const UID_KEY = 'mgw-uid';

/** Length of a value, or of a key. */
const LENGTH_BYTES = 4;
const SHARD_BYTES = 2;

/** Where values are, counted from the end of a template for a user: see the constructor. */
const SHARD_FROM_END = SHARD_BYTES + 2 * LENGTH_BYTES + UID_KEY.length;
const USER_TRACE_FROM_END =
  TRACEPARENT_BYTES + 2 * LENGTH_BYTES + SHARD_KEY.length + SHARD_FROM_END;

/** Keys that route a Bolt request or belong to the gateway: no client header may set them. */
const RESERVED_KEYS = new Set<string>([...Object.values(HeaderKey), 'type', 'protocol', 'app']);

export class BoltTarget {
  readonly upstreamName: string;
  readonly #pool: BoltPool;
  readonly #isProtobuf: boolean;
  /** For requests without a session; ends with room for the trace. */
  readonly #plain: RequestTemplate;
  /** For requests of a user; ends with room for trace and shard, and the user as an empty value. */
  readonly #forUser: RequestTemplate;
  readonly #forwarded: readonly { readonly name: string; readonly key: Buffer }[];

  constructor(pool: BoltPool, options: BoltTargetOptions) {
    this.upstreamName = pool.settings.name;
    this.#pool = pool;
    this.#isProtobuf = options.codec === Codec.protobuf;
    const entries: (readonly [string, string])[] = [
      [HeaderKey.service, options.service],
      [HeaderKey.targetService, options.service],
      [HeaderKey.methodName, options.method],
      ['protocol', 'bolt'],
      ['type', 'sync'],
      ['mgw-operation-type', options.operationType],
      ...options.addedHeaders,
      [TRACEPARENT_KEY, ' '.repeat(TRACEPARENT_BYTES)],
    ];
    const { form, codec } = options;
    const common = { form, codec, className: ClassName.request };
    this.#plain = new RequestTemplate({ ...common, headers: entries });
    entries.push([SHARD_KEY, ' '.repeat(SHARD_BYTES)], [UID_KEY, '']);
    this.#forUser = new RequestTemplate({ ...common, headers: entries });
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
    const { trace } = request;
    const template = call.hasSession ? this.#forUser : this.#plain;
    const start = template.begin(out, requestId, timeoutMs, false);
    const end = out.length;
    if (call.hasSession) {
      const { session } = call;
      writeTraceparent(out.bytes, end - USER_TRACE_FROM_END, trace, call.spanId);
      out.bytes.latin1Write(shardText(session), end - SHARD_FROM_END, SHARD_BYTES);
      out.reserve(UID_DIGITS_MAX);
      const digits = writeUid(session.uidHigh, session.uidLow, out.bytes, end);
      out.length = end + digits;
      out.bytes[end - 1] = digits;
    } else {
      writeTraceparent(out.bytes, end - TRACEPARENT_BYTES, trace, call.spanId);
    }
    if (this.#forwarded.length > 0) this.#appendForwarded(out, call);
    const isWritten = template.finish(out, start, bodySource, bodyOffset, bodyLength);
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
