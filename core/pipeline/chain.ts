// Compiles the filters of one API into flat arrays, one per phase, holding only the filters that
// implement the phase. Running a phase is a loop over such an array.

import { createFilter, type ListedFactory } from './create-filter.ts';
import type { Exchange } from './exchange.ts';
import type { Filter, FilterEnvironment, Phase } from './filter.ts';

/** One phase of one filter. */
export type PhaseHandler = (this: Filter, exchange: Exchange) => unknown;

/** One phase of one API. */
export interface PhaseChain {
  readonly phase: Phase;
  readonly filters: readonly Filter[];
  /** The phase's function of each filter: looked up here, not by name for every request. */
  readonly handlers: readonly PhaseHandler[];
  /** Name of each filter, for logs. */
  readonly names: readonly string[];
}

/** All phases of one API. */
export interface CompiledChain {
  readonly requestHead: PhaseChain;
  readonly requestBody: PhaseChain;
  readonly routed: PhaseChain;
  readonly responseHead: PhaseChain;
  readonly responseBody: PhaseChain;
  readonly complete: PhaseChain;
}

interface NamedFilter {
  readonly name: string;
  readonly filter: Filter;
}

/**
 * Compiles a chain.
 *
 * @param factories in the order in which request phases run
 * @throws FilterError when a factory makes no sound filter
 */
export function compileChain(
  factories: readonly ListedFactory[],
  api: FilterEnvironment['api'],
): CompiledChain {
  const filters: NamedFilter[] = [];
  factories.forEach((factory, stateIndex) => {
    const filter = createFilter(factory, { api, stateIndex });
    if (filter !== null) filters.push({ name: factory.name, filter });
  });
  const reversed = filters.toReversed();
  return {
    requestHead: phaseChain('requestHead', filters),
    requestBody: phaseChain('requestBody', filters),
    routed: phaseChain('routed', filters),
    responseHead: phaseChain('responseHead', reversed),
    responseBody: phaseChain('responseBody', reversed),
    complete: phaseChain('complete', reversed),
  };
}

function phaseChain(phase: Phase, filters: readonly NamedFilter[]): PhaseChain {
  const used = filters.filter(({ filter }) => filter[phase] !== undefined);
  return {
    phase,
    filters: used.map(({ filter }) => filter),
    handlers: used.map(({ filter }) => filter[phase] as PhaseHandler),
    names: used.map(({ name }) => name),
  };
}
