// The sources of a configuration, one layer each: profile, file, environment, flags. Merging them
// gives the value; asking them in turn tells where each part of it came from.
// Maps merge key by key, everything else is replaced as a whole.

import { child, isMap, valueAt } from './value-path.ts';
import type { Tokens } from './value-path.ts';

/** Kinds of sources, strongest first. */
export type Origin = 'flag' | 'env' | 'file' | 'profile' | 'default';

/** Where a value came from. */
export interface Source {
  readonly origin: Origin;
  /** Flag, variable or file; for defaults empty, or the command whose default it is. */
  readonly where: string;
  /** Line in the file, from 1. */
  readonly line?: number;
}

/** What one source says. */
export interface Layer {
  /** `default` for the settings by which one kind of process differs from the schema. */
  readonly origin: Origin;
  readonly value: unknown;
  /** The file says nothing at all. */
  readonly isEmpty?: boolean;
  /** Flag, variable or file that says something about `tokens`. */
  whereOf(tokens: Tokens): string;
  /** Line of `tokens` or of the nearest thing around it; undefined outside files. */
  lineOf(tokens: Tokens): number | undefined;
}

/** Merges layers, weakest first. Nothing of them is shared with the result but lists and texts. */
export function mergeLayers(layers: readonly Layer[]): unknown {
  return layers.map((layer) => layer.value).reduce(merge, {});
}

function merge(under: unknown, over: unknown): unknown {
  if (over === undefined) return under;
  if (!isMap(over)) return over;
  // A map over something else: keep the something else, so that the schema check reports it.
  if (under !== undefined && !isMap(under)) return under;
  const below = under ?? {};
  const keys = new Set([...Object.keys(below), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, merge(child(below, key), child(over, key))]),
  );
}

const DEFAULT_SOURCE: Source = { origin: 'default', where: '' };

/** The source of the value at `tokens`; `default` when no layer has it. */
export function sourceOf(layers: readonly Layer[], tokens: Tokens): Source {
  for (const layer of layers.toReversed()) {
    if (valueAt(layer.value, tokens) !== undefined) return sourceIn(layer, tokens);
    if (ownsListAround(layer.value, tokens)) return DEFAULT_SOURCE;
  }
  return DEFAULT_SOURCE;
}

/** A layer with a list has it alone: what is missing in the list is not in a weaker layer. */
function ownsListAround(value: unknown, tokens: Tokens): boolean {
  const index = tokens.findIndex((token) => typeof token === 'number');
  return index > 0 && Array.isArray(valueAt(value, tokens.slice(0, index)));
}

/** The source of the value at `tokens`, or of the nearest thing around it. */
export function nearestSource(layers: readonly Layer[], tokens: Tokens): Source {
  for (let length = tokens.length; length > 0; length--) {
    const around = tokens.slice(0, length);
    const layer = layers.findLast((candidate) => valueAt(candidate.value, around) !== undefined);
    if (layer) return sourceIn(layer, around);
  }
  return DEFAULT_SOURCE;
}

function sourceIn(layer: Layer, tokens: Tokens): Source {
  const { origin } = layer;
  const line = layer.lineOf(tokens);
  const where = layer.whereOf(tokens);
  return line === undefined ? { origin, where } : { origin, where, line };
}

/** A layer made of single settings: flags or environment variables. */
export class SettingsLayer implements Layer {
  readonly origin: 'flag' | 'env';
  readonly value: Record<string, unknown> = {};
  readonly #names: { readonly tokens: Tokens; readonly name: string }[] = [];

  constructor(origin: 'flag' | 'env') {
    this.origin = origin;
  }

  /** Sets the value at `tokens`, as `name` (a flag or variable) says. */
  set(tokens: Tokens, value: unknown, name: string): void {
    let at = this.value;
    for (const token of tokens.slice(0, -1)) {
      const inner = child(at, token);
      if (isMap(inner)) at = inner;
      else at = addMap(at, String(token));
    }
    at[String(tokens.at(-1))] = value;
    this.#names.push({ tokens, name });
  }

  whereOf(tokens: Tokens): string {
    const found = this.#names.find((entry) => {
      return entry.tokens.every((token, index) => {
        return index >= tokens.length || token === tokens[index];
      });
    });
    return found?.name ?? '';
  }

  lineOf(): undefined {
    return undefined;
  }
}

function addMap(parent: Record<string, unknown>, key: string): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  parent[key] = map;
  return map;
}
