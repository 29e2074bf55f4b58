// Reads the text of a configuration file, YAML or JSON, and remembers the line of everything in
// it. Says nothing about what the values mean: that is schema-check.ts and cross-check.ts.

import type * as Yaml from 'yaml';
import type { Document, LineCounter, Node, Pair } from 'yaml';
import type { Problem } from './problem.ts';
import type { Tokens } from './value-path.ts';

/** LIMIT: a configuration of 100,000 APIs has about this size. */
export const CONFIG_BYTES_MAX = 64 * 1024 * 1024;

/** LIMIT: YAML aliases may multiply a small text into a huge value. */
const ALIASES_MAX = 1000;

/** LIMIT: of a key that is shown in a message. */
const KEY_SHOWN_MAX = 64;

/** A configuration file taken apart, or what is wrong with its syntax. */
export type ConfigText =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** The text says nothing, which is no mistake by itself. */
      readonly isEmpty: boolean;
      /** Line, from 1, of the value or of the nearest thing around it. */
      lineOf(tokens: Tokens): number | undefined;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a configuration text. Names that end in `.json` are held to JSON, all others to YAML 1.2.
 *
 * @param fileName name for messages and for the choice of syntax
 */
export async function parseConfigText(text: string, fileName: string): Promise<ConfigText> {
  const yaml = await import('yaml');
  if (text.length > CONFIG_BYTES_MAX) {
    const message = `the file is larger than ${CONFIG_BYTES_MAX} bytes`;
    return refused(fileName, `${message}; split it or leave parts out`);
  }
  try {
    return readText(yaml, text, fileName);
  } catch (error) {
    if (error instanceof RangeError) return refused(fileName, TOO_DEEP);
    return refused(fileName, error instanceof Error ? error.message : String(error));
  }
}

/** Throws what the parser throws: too many aliases, and a stack that is used up. */
function readText(yaml: YamlModule, text: string, fileName: string): ConfigText {
  const isJson = fileName.endsWith('.json') && text.trim() !== '';
  const jsonError = isJson ? jsonSyntaxError(text) : undefined;
  if (jsonError) return refused(fileName, jsonError.message, jsonError.line);
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const errors = [...document.errors, ...document.warnings];
  if (errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) return refused(fileName, TOO_DEEP);
  if (errors.length > 0) {
    const problems = errors.map((error) => {
      const [at] = error.pos;
      const message = error.code === 'DUPLICATE_KEY' ? duplicateText(text, at) : error.message;
      return syntaxProblem(fileName, message, lines.linePos(at).line);
    });
    return { ok: false, problems };
  }
  const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
  const isEmpty = value === null || value === undefined;
  if (!isEmpty && (typeof value !== 'object' || Array.isArray(value))) {
    const kind = Array.isArray(value) ? 'a list' : 'a single value';
    const message = `the file is ${kind}; give a map of settings, such as "upstreams: ..."`;
    return refused(fileName, message);
  }
  const finder = new LineFinder(document, lines, yaml);
  const lineOf = (tokens: Tokens): number | undefined => finder.lineOf(tokens);
  return { ok: true, value: value ?? {}, isEmpty, lineOf };
}

function refused(fileName: string, message: string, line?: number): ConfigText {
  return { ok: false, problems: [syntaxProblem(fileName, message, line)] };
}

const TOO_DEEP = 'the file is nested too deeply; no setting needs more than a few levels';

/** What to do about the key at `text[at]`, which its map has already. */
function duplicateText(text: string, at: number): string {
  const found = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^:\n]+/y;
  found.lastIndex = at;
  const key = (found.exec(text)?.[0] ?? '').trim().replace(/^(["'])(.*)\1$/, '$2');
  const shown = key.length > KEY_SHOWN_MAX ? `${key.slice(0, KEY_SHOWN_MAX)}...` : key;
  return `the key "${shown}" is there twice; put both parts under one, or remove one`;
}

function syntaxProblem(where: string, message: string, line: number | undefined): Problem {
  return line === undefined ? { path: '', message, where } : { path: '', message, where, line };
}

function jsonSyntaxError(text: string): { message: string; line: number } | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const offset = /at position (\d+)/.exec(message)?.[1];
    const before = text.slice(0, offset === undefined ? text.length : Number(offset));
    const plain = message.replace(/ \(line \d+ column \d+\)$/, '');
    return { message: `not JSON: ${plain}`, line: before.split('\n').length };
  }
}

type YamlModule = typeof Yaml;

/** Walks the syntax tree along a path. */
class LineFinder {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #yaml: YamlModule;

  constructor(document: Document.Parsed, lines: LineCounter, yaml: YamlModule) {
    this.#document = document;
    this.#lines = lines;
    this.#yaml = yaml;
  }

  lineOf(tokens: Tokens): number | undefined {
    let node: unknown = this.#document.contents;
    let offset = this.#offsetOf(node);
    for (const token of tokens) {
      const found = this.#step(node, token);
      if (found === undefined) break;
      node = found.value;
      offset = this.#offsetOf(found.at) ?? offset;
    }
    return offset === undefined ? undefined : this.#lines.linePos(offset).line;
  }

  /** What `token` leads to, and the node whose position people expect: the key, or the item. */
  #step(node: unknown, token: string | number): { value: unknown; at: unknown } | undefined {
    const yaml = this.#yaml;
    const target = yaml.isAlias(node) ? node.resolve(this.#document) : node;
    if (yaml.isMap(target) && typeof token === 'string') {
      const pair: Pair | undefined = target.items.find((item) => {
        return yaml.isScalar(item.key) && String(item.key.value) === token;
      });
      return pair && { value: pair.value, at: pair.key };
    }
    if (yaml.isSeq(target) && typeof token === 'number' && token < target.items.length) {
      return { value: target.items[token], at: target.items[token] };
    }
    return undefined;
  }

  #offsetOf(node: unknown): number | undefined {
    return this.#yaml.isNode(node) ? (node as Node).range?.[0] : undefined;
  }
}
