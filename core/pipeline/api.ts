// The compiled form of one configured API, shared by all of its requests and frozen after the
// snapshot was compiled. core/routing makes it; filters and adapters read it.

import type { TokenBucket } from '#core/base/token-bucket.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import type { CompiledChain } from './chain.ts';
import type { Exchange } from './exchange.ts';

/** Who needs a session. */
export const SessionPolicy = { none: 0, optional: 1, required: 2 } as const;
export type SessionPolicy = (typeof SessionPolicy)[keyof typeof SessionPolicy];

/** How the gateway's answers look over HTTP. */
export const StatusMode = { code: 0, http: 1 } as const;
export type StatusMode = (typeof StatusMode)[keyof typeof StatusMode];

/**
 * Where and how requests of an API leave. The upstream room makes it. After `send` exactly one of
 * the driver's `answered`, `failed` or `streamEnded` follows, maybe before `send` returns; none
 * after `cancel`.
 */
export interface CompiledTarget {
  readonly upstreamName: string;
  send(exchange: Exchange): void;
  cancel(exchange: Exchange): void;
  /** The client takes data again: a streamed answer goes on. */
  resumeStream(exchange: Exchange): void;
}

/** Bit of Mmtp in {@link Api.protocols}. */
export const PROTOCOL_MMTP_BIT = 1 << DownstreamProtocol.mmtp;

/** Recorder of the API's counters; core/telemetry implements it. */
export interface ApiRecorder {
  record(
    resultCode: number,
    reasonCode: string,
    totalUs: number,
    upstreamUs: number,
    bytesIn: number,
    bytesOut: number,
  ): void;
}

/** Compiled traffic limit. */
export interface LimitRule {
  /** `monitor` counts what `block` would refuse. */
  readonly mode: 'block' | 'monitor';
  /** Shared by all lanes and all snapshots that limit the API the same way. */
  readonly bucket: TokenBucket;
  /** What a limited client gets instead of plain 1002. */
  readonly answer: LimitAnswer | null;
}

export interface LimitAnswer {
  readonly resultCode: number;
  readonly tips: string;
  readonly body: Buffer;
}

/** Configured header changes. Names in lower case. */
export interface HeaderRules {
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** One API of one configuration snapshot. */
export interface Api {
  readonly operationType: string;
  readonly group: string;
  readonly isEnabled: boolean;
  /** The API that stands for every operation type not configured (`"*"`). */
  readonly isDefault: boolean;
  /** Stands for every operation type that there is no API for; answers 3000. */
  readonly isUnknown: boolean;
  readonly timeoutMs: number;
  readonly sessionPolicy: SessionPolicy;
  /** Session forms accepted. */
  readonly acceptsCompact: boolean;
  readonly acceptsLegacy: boolean;
  /** Bit set of `1 << DownstreamProtocol`. */
  readonly protocols: number;
  /** Bit set of `1 << session channel`. */
  readonly channels: number;
  readonly isIdempotent: boolean;
  readonly bodyRequired: boolean;
  readonly bodyIsJson: boolean;
  readonly bodyBytesMax: number;
  readonly statusMode: StatusMode;
  readonly language: 'en' | 'zh';
  /** Reachable as `/<any>/<operation type>` over HTTP. */
  readonly isPathRouted: boolean;
  readonly limit: LimitRule | null;
  readonly requestHeaders: HeaderRules;
  readonly responseHeaders: HeaderRules;
  /** Null when the API names no upstream that exists: answered 4003. */
  readonly target: CompiledTarget | null;
  readonly chain: CompiledChain;
  readonly recorder: ApiRecorder;
}
