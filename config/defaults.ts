// Fills in what nobody set. The result is a fresh value in the schema's order; the input is not
// touched. Values that do not fit the schema are copied as they are: finding them is not the
// business of this file.

import { mapValues, schemaRoot } from './settings.ts';
import type { SchemaNode } from './settings.ts';
import { child, dottedTokens, isMap, valueAt } from './value-path.ts';

/** A copy of `value` with defaults for every setting that is absent, without unknown keys. */
export function withDefaults(value: unknown): unknown {
  return fill(schemaRoot, value, value);
}

function fill(node: SchemaNode, value: unknown, root: unknown): unknown {
  if (node.properties && isMap(value)) return fillSection(node.properties, value, root);
  const values = mapValues(node);
  if (values && isMap(value)) {
    // fromEntries defines properties: a key named __proto__ stays an ordinary key.
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, fill(values, inner, root)]),
    );
  }
  const items = node.items;
  if (items && Array.isArray(value)) return value.map((item) => fill(items, item, root));
  return typeof value === 'object' ? structuredClone(value) : value;
}

function fillSection(
  properties: Readonly<Record<string, SchemaNode>>,
  value: Record<string, unknown>,
  root: unknown,
): Record<string, unknown> {
  const filled: Record<string, unknown> = {};
  for (const [key, node] of Object.entries(properties)) {
    const given = child(value, key) ?? defaultOf(node, root);
    if (given !== undefined) filled[key] = fill(node, given, root);
  }
  return filled;
}

function defaultOf(node: SchemaNode, root: unknown): unknown {
  if (node.defaultFrom === undefined) return node.default;
  const tokens = dottedTokens(node.defaultFrom);
  const given = valueAt(root, tokens);
  if (given !== undefined) return given;
  return tokens.reduce<SchemaNode | undefined>((at, token) => at?.properties?.[token], schemaRoot)
    ?.default;
}
