// Checks a whole configuration value against the schema and words every violation for people.
// What the schema cannot say (names that must exist, duplicates) is checked by cross-check.ts.

import type { ErrorObject } from 'ajv';
import { nearest, suggestion } from './nearest.ts';
import { describeType, mapValues, schemaAt } from './settings.ts';
import type { SchemaNode } from './settings.ts';
import { pathText, shownValue, valueAt } from './value-path.ts';
import type { Tokens } from './value-path.ts';

/** A violation with its place as tokens, so that its line can be looked up. */
export interface Finding {
  readonly tokens: Tokens;
  readonly message: string;
}

/** All violations of the schema in `value`; it is not changed. */
export async function schemaFindings(value: unknown): Promise<readonly Finding[]> {
  // Loaded only when there is a file to check: a start with flags has no use for it.
  const { validate } = await import('./schema-validator.ts');
  if (validate(value)) return [];
  return wordErrors(validate.errors ?? [], value);
}

/** One finding a place: the branches of a choice fail together and are one violation. */
function wordErrors(errors: readonly ErrorObject[], root: unknown): readonly Finding[] {
  const findings = new Map<string, Finding>();
  const places = errors.map((error) => placeOf(error, root));
  for (const [index, error] of errors.entries()) {
    const tokens = places[index]!;
    const isChoice = schemaAt(tokens)?.anyOf !== undefined;
    if (isChoice && places.some((other) => isBelow(other, tokens))) continue;
    const key = pathText(tokens);
    if (!findings.has(key)) findings.set(key, { tokens, message: word(error, tokens, root) });
  }
  return [...findings.values()];
}

/** The place that the error is about: for unknown and missing keys the key itself. */
function placeOf(error: ErrorObject, root: unknown): Tokens {
  const tokens: (string | number)[] = [];
  for (const part of error.instancePath.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const parent = valueAt(root, tokens);
    tokens.push(Array.isArray(parent) ? Number(key) : key);
  }
  const params: Record<string, unknown> = error.params;
  const own = params['additionalProperty'] ?? params['missingProperty'];
  return typeof own === 'string' ? [...tokens, own] : tokens;
}

function isBelow(tokens: Tokens, above: Tokens): boolean {
  return tokens.length > above.length && above.every((token, index) => token === tokens[index]);
}

function word(error: ErrorObject, tokens: Tokens, root: unknown): string {
  const key = String(tokens.at(-1) ?? '');
  if (error.keyword === 'additionalProperties') {
    return wordUnknown(key, schemaAt(tokens.slice(0, -1)));
  }
  const node = schemaAt(tokens);
  const wanted = node === undefined ? 'a map of settings' : describeType(node);
  if (error.keyword === 'required') return `is missing; give ${wanted}`;
  const value = valueAt(root, tokens);
  if (error.keyword === 'maxProperties')
    return `has too many entries; at most ${node?.maxProperties}`;
  if (error.keyword === 'minItems' || error.keyword === 'maxItems') {
    return `has ${Array.isArray(value) ? value.length : 0} items; give ${wanted}`;
  }
  if (error.keyword === 'uniqueItems') return `has the same item twice; give ${wanted}`;
  const shown = node?.secret === true ? 'the value' : shownValue(value);
  return `${shown} is not allowed; give ${wanted}`;
}

function wordUnknown(key: string, parent: SchemaNode | undefined): string {
  if (parent?.properties) {
    return `unknown key; ${suggestion(key, Object.keys(parent.properties))}`;
  }
  const isMapOfNames = parent !== undefined && mapValues(parent) !== undefined;
  const rule = 'give a letter, then up to 63 letters, digits, "_" or "-"';
  return isMapOfNames ? `this name is not allowed; ${rule}` : 'unknown key; remove it';
}

/**
 * Tells which parts of a value can be relied on although others break the schema, so that the
 * checks between parts still run.
 */
export class Soundness {
  readonly #at = new Set<string>();
  readonly #around = new Set<string>();

  constructor(findings: readonly Finding[]) {
    for (const { tokens } of findings) {
      this.#add(tokens);
      const meant = meantKey(tokens);
      // What a misspelt key was meant to set is not known, and its default says nothing.
      if (meant !== undefined) this.#add([...tokens.slice(0, -1), meant]);
    }
  }

  #add(tokens: Tokens): void {
    this.#at.add(pathText(tokens));
    for (let length = 0; length <= tokens.length; length++) {
      this.#around.add(pathText(tokens.slice(0, length)));
    }
  }

  /** The map or list itself is one; its contents may be broken. */
  isContainer(tokens: Tokens): boolean {
    // PERF: thousands of APIs are asked about, hardly ever with anything wrong.
    if (this.#at.size === 0) return true;
    return [...tokens, ''].every((_, length) => !this.#at.has(pathText(tokens.slice(0, length))));
  }

  /** The value and everything in it fits the schema. */
  isSound(tokens: Tokens): boolean {
    return this.isContainer(tokens) && !this.#around.has(pathText(tokens));
  }
}

/** The known key that an unknown one stands for, if there is one like it. */
function meantKey(tokens: Tokens): string | undefined {
  const key = String(tokens.at(-1) ?? '');
  const known = schemaAt(tokens.slice(0, -1))?.properties;
  if (known === undefined || Object.hasOwn(known, key)) return undefined;
  return nearest(key, Object.keys(known));
}
