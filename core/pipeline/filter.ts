// The filter contract. A filter is compiled once per API and snapshot and then shared by all
// requests of that API: it keeps no state of a request in itself.
//
//   client ──▶ requestHead ──▶ requestBody ──▶ routed ──▶ upstream
//   client ◀── responseBody ◀── responseHead ◀──────────────┘      complete: once, always, last
//
// Request phases run in the order of registration, response phases in reverse order.

import type { GatewayError } from '#core/base/errors.ts';
import type { Api } from './api.ts';
import type { Exchange } from './exchange.ts';

/** What a filter answers. */
export const FilterStatus = {
  /** Go on with the next filter. */
  continue: 0,
  /**
   * The filter has decided the answer: `exchange.response` is filled (see `Exchange.refuse`). With
   * a result code other than 1000 the answer is a failure, whether there is a reason or not.
   * In a request phase the upstream is not called; in a response phase the answer replaces it.
   */
  reply: 1,
  /**
   * The filter goes on later. It must call `exchange.resumer.resume(exchange, serial, status)`
   * once, with the serial it read before pausing. The deadline of the request runs on: when it
   * passes first, the client gets 4001 and the late call is ignored.
   */
  pause: 2,
} as const;
export type FilterStatus = (typeof FilterStatus)[keyof typeof FilterStatus];

/** Why a filter refuses requests, for `Exchange.refuse`; made once, with a code of its own. */
export type Reason = GatewayError;

/** One filter as compiled for one API. A phase that is absent costs nothing. */
export interface Filter {
  /** Metadata is there, the body may still be on its way. */
  requestHead?(exchange: Exchange): FilterStatus;
  /** The whole body is there. */
  requestBody?(exchange: Exchange): FilterStatus;
  /** The target is known; last chance before the request leaves. */
  routed?(exchange: Exchange): FilterStatus;
  /** Result code and headers of the answer are there. */
  responseHead?(exchange: Exchange): FilterStatus;
  /** The whole body of the answer is there. Declaring it turns streaming off for the API. */
  responseBody?(exchange: Exchange): FilterStatus;
  /** Runs exactly once for every request, however it ended. Must not pause. */
  complete?(exchange: Exchange): void;
}

/** What a factory gets to compile a filter for one API. */
export interface FilterEnvironment {
  readonly api: Omit<Api, 'chain'>;
  /** Index in `Exchange.filterState` that belongs to this filter in this chain. */
  readonly stateIndex: number;
}

/** Maturity of a filter. */
export type FilterMaturity = 'stable' | 'beta';

/** Names of the phases, in order. */
export const PHASES = [
  'requestHead',
  'requestBody',
  'routed',
  'responseHead',
  'responseBody',
  'complete',
] as const;
export type Phase = (typeof PHASES)[number];

/** A kind of filter. Registered by explicit list (`core/pipeline/registry.ts`). */
export interface FilterFactory {
  readonly name: string;
  readonly maturity: FilterMaturity;
  /**
   * Phases that filters of this kind use: one that `create` returns has no other, and at least one
   * of them.
   */
  readonly phases: readonly Phase[];
  /** Compiles the filter for one API; null when the API does not need it. */
  create(environment: FilterEnvironment): Filter | null;
}
