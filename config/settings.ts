// The configuration schema as a table: which settings there are, what values they take, how they
// are named as flag and environment variable. Everything that is written for people reads this.

import type { TSchema } from 'typebox';
import { configSchema } from './schema.ts';
import { isOptional } from './schema/kit.ts';
import type { Reload } from './schema/kit.ts';
import type { Tokens } from './value-path.ts';

/** What the schema kit may put into a schema object; JSON Schema words and settings metadata. */
export interface SchemaNode {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly (string | number)[];
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly maxProperties?: number;
  readonly form?: string;
  readonly description: string;
  readonly default?: unknown;
  readonly defaultFrom?: string;
  readonly flag?: string;
  readonly flagValue?: string;
  readonly reload?: Reload;
  readonly secret?: true;
}

/** One setting: a schema node that holds no further settings. */
export interface Setting {
  /** Place with `<name>` for keys of maps and `[]` for list items: `upstreams.<name>.hosts`. */
  readonly path: string;
  /** Place as tokens; only for settings outside maps and lists, where a flag can reach. */
  readonly tokens: Tokens;
  readonly node: SchemaNode;
  readonly isRequired: boolean;
}

/** The schema's root as the other files of this folder read it. */
export const schemaRoot = asNode(configSchema);

/** A TypeBox schema as {@link SchemaNode}: the kit makes nothing that does not fit. */
function asNode(schema: TSchema): SchemaNode {
  return schema as SchemaNode;
}

/** The schema of the values of a map, or undefined when the node is no map. */
export function mapValues(node: SchemaNode): SchemaNode | undefined {
  return node.patternProperties && Object.values(node.patternProperties)[0];
}

/** All settings of a schema, in its order. */
export function listSettings(root: SchemaNode = schemaRoot): readonly Setting[] {
  const found: Setting[] = [];
  collect(root, { path: '', tokens: [], isRequired: false }, found);
  return found;
}

type Place = Omit<Setting, 'node'>;

function collect(node: SchemaNode, place: Place, found: Setting[]): void {
  const { path, tokens, isRequired } = place;
  const values = mapValues(node);
  if (node.properties) {
    for (const [key, inner] of Object.entries(node.properties)) {
      const innerPath = path === '' ? key : `${path}.${key}`;
      const innerRequired = node.required?.includes(key) === true && !hasDefault(inner);
      const innerPlace = { path: innerPath, tokens: [...tokens, key], isRequired: innerRequired };
      collect(inner, innerPlace, found);
    }
  } else if (values?.properties) {
    collect(values, { path: `${path}.<name>`, tokens: [...tokens, '<name>'], isRequired }, found);
  } else if (node.items?.properties) {
    collect(node.items, { path: `${path}[]`, tokens: [...tokens, '[]'], isRequired }, found);
  } else {
    found.push({ path, tokens, node, isRequired });
  }
}

/** True when the setting has a value though nobody sets it. */
export function hasDefault(node: SchemaNode): boolean {
  return node.default !== undefined || node.defaultFrom !== undefined;
}

/** True when a value may be absent: it is marked so or has a default. */
export function mayBeAbsent(node: SchemaNode): boolean {
  return hasDefault(node) || isOptional(node);
}

/** The schema of the value at `tokens`, or undefined where the schema knows none. */
export function schemaAt(tokens: Tokens): SchemaNode | undefined {
  let node: SchemaNode | undefined = schemaRoot;
  for (const token of tokens) {
    if (node === undefined) return undefined;
    node = step(node, token);
  }
  return node;
}

function step(node: SchemaNode, token: string | number): SchemaNode | undefined {
  if (node.anyOf) {
    return node.anyOf.map((branch) => step(branch, token)).find((inner) => inner !== undefined);
  }
  if (typeof token === 'number') return node.items;
  const properties = node.properties;
  if (properties && Object.hasOwn(properties, token)) return properties[token];
  return mapValues(node);
}

/** The environment variable of a flag: `http-port` is `MGW_HTTP_PORT`. */
export function environmentName(flag: string): string {
  return `MGW_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/** What values a schema takes, in words: `an integer from 0 to 65535 or "off"`. */
export function describeType(node: SchemaNode): string {
  if (node.anyOf) return node.anyOf.map(describeType).join(' or ');
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return joinOr(node.enum.map((value) => JSON.stringify(value)));
  switch (node.type) {
    case 'integer':
      return `an integer${describeRange(node)}`;
    case 'number':
      return `a number${describeRange(node)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return describeText(node);
    case 'array':
      return describeList(node);
    default:
      return describeMap(node);
  }
}

function describeMap(node: SchemaNode): string {
  const values = mapValues(node);
  if (values === undefined || values.properties) return 'a map of settings';
  return `a map of names, each with ${describeType(values)}`;
}

function describeText(node: SchemaNode): string {
  if (node.form !== undefined) return node.form;
  const least = node.minLength === undefined ? '' : 'non-empty ';
  return `${least}text of at most ${node.maxLength} characters`;
}

function describeRange(node: SchemaNode): string {
  const { minimum, exclusiveMinimum, maximum } = node;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}, at most ${maximum}`;
  if (maximum === Number.MAX_SAFE_INTEGER) return ` from ${minimum}`;
  return ` from ${minimum} to ${maximum}`;
}

function describeList(node: SchemaNode): string {
  const least = node.minItems === undefined ? 'at most' : `${node.minItems} to`;
  const different = node.uniqueItems === true ? ' different' : '';
  const item = node.items === undefined ? '' : `, each ${describeType(node.items)}`;
  return `a list of ${least} ${node.maxItems}${different} items${item}`;
}

function joinOr(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
