// The few TypeBox types that the configuration schema is made of. These builders return the same
// schema objects as TypeBox's own (a test compares them), without loading its 300 modules: that
// takes 80 ms, a quarter of the time a sidecar has to start. Types are inferred by TypeBox.
// Invariant: a schema object is plain JSON Schema; TypeBox's marks on it are not enumerable.

import type {
  TArray,
  TBoolean,
  TEnum,
  TInteger,
  TLiteral,
  TNumber,
  TObject,
  TOptional,
  TProperties,
  TRecord,
  TSchema,
  TString,
  TUnion,
} from 'typebox';

/** When a changed value takes effect: in the running process, or only after a restart. */
export type Reload = 'live' | 'restart';

/** What every setting may say about itself. */
export interface SettingOptions {
  /** One sentence for people; it becomes help text and reference. */
  readonly description: string;
  /** Value when nobody sets it. A setting without one is absent then. */
  readonly default?: unknown;
  /** Path of another setting whose value is the default, instead of `default`. */
  readonly defaultFrom?: string;
  /** Name of the command-line flag without dashes; the environment name follows from it. */
  readonly flag?: string;
  /** Placeholder for the flag's value in help texts, such as `FILE`. */
  readonly flagValue?: string;
  /** `live` unless said otherwise. */
  readonly reload?: Reload;
  /** The value must not be shown. */
  readonly secret?: true;
}

interface RangeOptions extends SettingOptions {
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

interface TextOptions extends SettingOptions {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** What the pattern means, for error messages: `an HTTP header name`. */
  readonly form?: string;
}

interface ListOptions extends SettingOptions {
  readonly minItems?: number;
  readonly maxItems: number;
  readonly uniqueItems?: boolean;
}

/** LIMIT: no text in a configuration is longer; paths and templates fit easily. */
const TEXT_LENGTH_MAX = 4096;

/** Names of upstreams, groups and zones. */
export const NAME_PATTERN = '^[A-Za-z][A-Za-z0-9_-]{0,63}$';

/** An integer setting. */
export function integer(options: RangeOptions): TInteger {
  return make<TInteger>('Integer', { type: 'integer', ...options });
}

/** A setting that may have a fraction. */
export function number(options: RangeOptions): TNumber {
  return make<TNumber>('Number', { type: 'number', ...options });
}

/** A text setting of at most 4096 characters. */
export function text(options: TextOptions): TString {
  return make<TString>('String', { type: 'string', maxLength: TEXT_LENGTH_MAX, ...options });
}

/** A switch. */
export function flag(options: SettingOptions): TBoolean {
  return make<TBoolean>('Boolean', { type: 'boolean', ...options });
}

/** One of a closed set of words. */
export function oneOf<const Words extends string[]>(
  words: readonly [...Words],
  options: SettingOptions,
): TEnum<Words> {
  return make<TEnum<Words>>('Enum', { enum: words, ...options });
}

/** One of a closed set of integers. */
export function oneOfIntegers<const Values extends number[]>(
  values: readonly [...Values],
  options: SettingOptions,
): TEnum<Values> {
  return make<TEnum<Values>>('Enum', { enum: values, ...options });
}

/** A setting of type `schema` or the one word `word` (`auto`, `off`, `*`). */
export function orWord<const Word extends string, Type extends TSchema>(
  word: Word,
  schema: Type,
  options: SettingOptions,
): TUnion<[Type, TLiteral<Word>]> {
  const literal = make<TLiteral<Word>>('Literal', { type: 'string', const: word });
  return make<TUnion<[Type, TLiteral<Word>]>>('Union', { anyOf: [schema, literal], ...options });
}

/** A list. `maxItems` is required: every table has a limit. */
export function list<Type extends TSchema>(items: Type, options: ListOptions): TArray<Type> {
  return make<TArray<Type>>('Array', { type: 'array', items, ...options });
}

/** A map from names to values of one type. */
export function namedMap<Type extends TSchema>(
  values: Type,
  options: SettingOptions & { readonly maxProperties: number },
): TRecord<string, Type> {
  return make<TRecord<string, Type>>('Record', {
    type: 'object',
    patternProperties: { [NAME_PATTERN]: values },
    additionalProperties: false,
    ...options,
  });
}

/** Settings under one name; keys that are not named here are refused. */
export function section<Properties extends TProperties>(
  properties: Properties,
  options: SettingOptions,
): TObject<Properties> {
  const required = Object.keys(properties).filter((key) => !isOptional(properties[key]!));
  return make<TObject<Properties>>('Object', {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
    ...options,
  });
}

/** Marks a setting that has no default and may be absent. */
export function optional<Type extends TSchema>(schema: Type): TOptional<Type> {
  const marked = Object.create(
    Object.getPrototypeOf(schema),
    Object.getOwnPropertyDescriptors(schema),
  ) as TOptional<Type>;
  return Object.defineProperty(marked, '~optional', { value: true });
}

/** True when {@link optional} marked the schema. */
export function isOptional(schema: TSchema): boolean {
  return '~optional' in schema;
}

function make<Type extends TSchema>(kind: string, fields: object): Type {
  return Object.defineProperty({ ...fields }, '~kind', { value: kind }) as unknown as Type;
}
