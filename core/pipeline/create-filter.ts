// Has a factory make the filter of one API, and refuses one that would not run as its author meant:
// a filter that is silently off may be the one that should keep somebody out. Cold path.

import { thrownText } from '#core/base/thrown-text.ts';
import {
  PHASES,
  type Filter,
  type FilterEnvironment,
  type FilterFactory,
  type Phase,
} from './filter.ts';

/** A factory as it is listed. */
export interface ListedFactory extends FilterFactory {
  /** The user's file that it comes from, as configured; absent for the gateway's own. */
  readonly module?: string;
}

/** A filter that is not as the contract wants it; the message says what to change. */
export class FilterError extends Error {}

/**
 * Creates the filter of one API.
 *
 * @returns null when the API does not need it
 * @throws FilterError when creating it throws, when it is no object, has a phase that its factory
 *   does not declare, has none of those that it declares, or has a name that is a phase but for its
 *   spelling
 */
export function createFilter(
  factory: ListedFactory,
  environment: FilterEnvironment,
): Filter | null {
  const created = create(factory, environment);
  if (created === null) return null;
  const wrong = wrongType(created) ?? wrongPhases(created as Filter, factory.phases);
  if (wrong !== null) throw new FilterError(`${titleOf(factory)} ${wrong}`);
  return created as Filter;
}

function create(factory: ListedFactory, environment: FilterEnvironment): unknown {
  try {
    return factory.create(environment);
  } catch (error) {
    const { operationType } = environment.api;
    const api = operationType === '' ? 'requests without an API' : `the API "${operationType}"`;
    const text = thrownText(error, import.meta.url);
    throw new FilterError(`${titleOf(factory)} cannot be created for ${api}: create threw ${text}`);
  }
}

function titleOf({ name, module }: ListedFactory): string {
  return module === undefined ? `Filter "${name}"` : `${module}: Filter "${name}"`;
}

function wrongType(created: unknown): string | null {
  if (created instanceof Promise) {
    // It is refused already: a rejection must not end the thread as well.
    created.catch(() => {});
    return 'is a promise: create must not be async; wait where the module is loaded';
  }
  if (typeof created === 'object') return null;
  const type = created === undefined ? 'undefined' : `a ${typeof created}`;
  return `is ${type}: create must return an object with its phases, or null for no filter`;
}

function wrongPhases(filter: Filter, declared: readonly Phase[]): string | null {
  for (const phase of PHASES) {
    if (filter[phase] === undefined) continue;
    if (typeof filter[phase] !== 'function') {
      return `has a phase ${phase} that is no function: make it one, or leave it out`;
    }
    if (!declared.includes(phase)) {
      return `implements the phase ${phase} and does not declare it: add it to its phases`;
    }
  }
  const misspelt = findMisspelt(filter, declared);
  if (misspelt !== null) {
    const [name, phase] = misspelt;
    return `has "${name}", which is no phase: rename it to ${phase}, or it never runs`;
  }
  if (declared.some((phase) => filter[phase] !== undefined)) return null;
  const phases = declared.length === 0 ? 'which are none' : declared.join(', ');
  return (
    `implements none of the phases that it declares (${phases}): ` +
    'create must return an object with a function for each, or null for no filter'
  );
}

/**
 * Finds a name that differs from a phase in case and signs only (`requesthead`), or a function
 * whose name has a phase in it that is declared and missing (`onRequestHead`).
 */
function findMisspelt(
  filter: Filter,
  declared: readonly Phase[],
): readonly [name: string, phase: Phase] | null {
  const missing = declared.filter((phase) => filter[phase] === undefined);
  for (const [name, value] of namesOf(filter)) {
    const letters = lettersOf(name);
    const phase =
      PHASES.find((known) => known !== name && lettersOf(known) === letters) ??
      missing.find((known) => typeof value === 'function' && letters.includes(lettersOf(known)));
    if (phase !== undefined) return [name, phase];
  }
  return null;
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, '');
}

/** Names of the filter and of its classes with their values; getters are not run. */
function namesOf(filter: Filter): readonly (readonly [name: string, value: unknown])[] {
  const names: (readonly [string, unknown])[] = [];
  let object: object | null = filter;
  while (object !== null && object !== Object.prototype) {
    const own = Object.entries(Object.getOwnPropertyDescriptors(object));
    for (const [name, { value }] of own) names.push([name, value]);
    object = Object.getPrototypeOf(object) as object | null;
  }
  return names;
}
