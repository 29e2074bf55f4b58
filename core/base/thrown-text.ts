// What somebody else's code threw, in one line for people: the message, and the place in a file
// where the runtime tells it. Cold path.

import { inspect } from 'node:util';

/** A line of a stack that is in a file: `at create (file:///a/b.mjs:3:7)`. */
const FRAME = /^\s+at (?:async |.*\()?((?:file:\/\/)?\/[^()]+):(\d+):\d+\)?$/;

/** What the runtime puts before the stack of code that does not parse: `/a/b.ts:3`. */
const HEAD = /^((?:file:\/\/)?\/.+):(\d+)$/;

/**
 * Text of what was thrown.
 *
 * @param own URL of the file that called, as `import.meta.url` says: it is no place of the fault
 * @returns `message (/a/b.mjs:3)`, or the message alone
 */
export function thrownText(error: unknown, own: string): string {
  if (!(error instanceof Error)) return textOf(error);
  const place = placeOf(String(error.stack), own);
  return place === '' ? error.message : `${error.message} (${place})`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 0, breakLength: Infinity });
}

function placeOf(stack: string, own: string): string {
  const lines = stack.split('\n');
  const match = HEAD.exec(lines[0]!) ?? firstFrame(lines);
  if (match === null) return '';
  const [, file, line] = match;
  if (file === own) return '';
  return `${file!.replace(/^file:\/\//, '')}:${line}`;
}

function firstFrame(lines: readonly string[]): RegExpExecArray | null {
  for (const line of lines) {
    const match = FRAME.exec(line);
    if (match !== null) return match;
  }
  return null;
}
