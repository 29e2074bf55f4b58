// Places inside a configuration value and how they are written: `apis[2].upstream.path`.
// Invariant: only own properties are looked at, so names like `__proto__` are ordinary names.

/** Names and indexes from the root to a value. */
export type Tokens = readonly (string | number)[];

/** True for maps as JSON and YAML have them. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own property `key` of a map or item of a list; undefined when there is none. */
export function child(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined;
  if (isMap(value) && Object.hasOwn(value, key)) return value[key];
  return undefined;
}

/** The value at `tokens`, or undefined. */
export function valueAt(root: unknown, tokens: Tokens): unknown {
  let value = root;
  for (const token of tokens) value = child(value, token);
  return value;
}

const PLAIN_NAME = /^[A-Za-z0-9_*$-]+$/;

/** Writes a place as text; names with unusual characters are quoted. */
export function pathText(tokens: Tokens): string {
  let path = '';
  for (const token of tokens) {
    if (typeof token === 'number') path += `[${token}]`;
    else if (PLAIN_NAME.test(token)) path += path === '' ? token : `.${token}`;
    else path += `[${JSON.stringify(token)}]`;
  }
  return path;
}

/** The place of a key as dotted name, as the schema writes it: `limits.timeoutMs`. */
export function dottedTokens(dotted: string): Tokens {
  return dotted.split('.');
}

/** LIMIT: longer values are cut in messages. */
const SHOWN_MAX = 60;

/** A value for a message: JSON, cut to 60 characters. */
export function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX - 3)}...` : text;
}

/** Calls `visit` for every value that is not a map and not a list with maps in it. */
export function visitLeaves(
  value: unknown,
  visit: (tokens: Tokens, leaf: unknown) => void,
  tokens: Tokens = [],
): void {
  if (isMap(value) && Object.keys(value).length > 0) {
    for (const key of Object.keys(value)) visitLeaves(value[key], visit, [...tokens, key]);
  } else if (Array.isArray(value) && value.some(isMap)) {
    value.forEach((item, index) => visitLeaves(item, visit, [...tokens, index]));
  } else {
    visit(tokens, value);
  }
}
