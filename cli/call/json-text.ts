// JSON laid out for people or for one line, without taking values apart: numbers of 64 bits and
// duplicate keys stay what the service wrote. Invariant: the result parses to the same value.

import { plain } from './terminal.ts';
import type { Colour, Paint } from './terminal.ts';

/** LIMIT: deeper levels are not indented further, so that nesting cannot blow the text up. */
const INDENT_LEVELS_MAX = 40;

/** Characters that end a number or word. */
const ENDS_LITERAL = ',]} \t\r\n';

/**
 * Lays JSON out with two spaces a level.
 *
 * @returns null when `text` is not JSON
 */
export function prettyJson(text: string, paint: Paint = plain): string | null {
  return isJson(text) ? new Layout(text, paint, false).run() : null;
}

/** JSON without blanks and line feeds; null when `text` is not JSON. */
export function compactJson(text: string): string | null {
  return isJson(text) ? new Layout(text, plain, true).run() : null;
}

/** True for one JSON value (RFC 8259). */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Walks over a text that is known to be JSON. */
class Layout {
  readonly #text: string;
  readonly #paint: Paint;
  readonly #isCompact: boolean;
  readonly #parts: string[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string, paint: Paint, isCompact: boolean) {
    this.#text = text;
    this.#paint = paint;
    this.#isCompact = isCompact;
  }

  run(): string {
    const text = this.#text;
    this.#skipBlanks();
    while (this.#at < text.length) {
      this.#takeOne(text[this.#at]!);
      this.#skipBlanks();
    }
    return this.#parts.join('');
  }

  #takeOne(character: string): void {
    switch (character) {
      case '{':
      case '[':
        this.#open(character);
        return;
      case '}':
      case ']':
        this.#at++;
        this.#depth--;
        this.#newLine();
        this.#parts.push(character);
        return;
      case ',':
        this.#at++;
        this.#parts.push(',');
        this.#newLine();
        return;
      case ':':
        this.#at++;
        this.#parts.push(this.#isCompact ? ':' : ': ');
        return;
      case '"':
        this.#takeString();
        return;
      default:
        this.#takeLiteral();
    }
  }

  #open(bracket: '{' | '['): void {
    this.#at++;
    this.#skipBlanks();
    const closing = bracket === '{' ? '}' : ']';
    if (this.#text[this.#at] === closing) {
      this.#at++;
      this.#parts.push(bracket + closing);
      return;
    }
    this.#parts.push(bracket);
    this.#depth++;
    this.#newLine();
  }

  #takeString(): void {
    const text = this.#text;
    const start = this.#at++;
    while (text[this.#at] !== '"') this.#at += text[this.#at] === '\\' ? 2 : 1;
    this.#at++;
    const string = escapeControls(text.slice(start, this.#at));
    this.#skipBlanks();
    this.#parts.push(this.#paint(text[this.#at] === ':' ? 'blue' : 'green', string));
  }

  #takeLiteral(): void {
    const text = this.#text;
    const start = this.#at;
    while (this.#at < text.length && !ENDS_LITERAL.includes(text[this.#at]!)) this.#at++;
    const literal = text.slice(start, this.#at);
    this.#parts.push(this.#paint(literalColour(literal), literal));
  }

  #newLine(): void {
    if (this.#isCompact) return;
    this.#parts.push('\n', '  '.repeat(Math.min(this.#depth, INDENT_LEVELS_MAX)));
  }

  #skipBlanks(): void {
    const text = this.#text;
    let character = text[this.#at];
    while (character === ' ' || character === '\n' || character === '\r' || character === '\t') {
      character = text[++this.#at];
    }
  }
}

function literalColour(literal: string): Colour {
  if (literal === 'null') return 'dim';
  return literal === 'true' || literal === 'false' ? 'yellow' : 'cyan';
}

/** JSON lets DEL and the C1 controls stand in strings as they are; terminals obey some of them. */
function escapeControls(string: string): string {
  return string.replace(/[\u007f-\u009f]/g, (character) => {
    return `\\u00${character.charCodeAt(0).toString(16)}`;
  });
}
