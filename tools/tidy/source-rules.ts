// Rules about one file of code at a time: its head comment, its size, the size of its functions,
// and words that have no place in it. Measures are made for code that the formatter has laid out.

import { SEAM_PREFIXES } from './import-table.ts';
import type { SourceFile, Violation } from './source-file.ts';

/** LIMIT: lines of a file, lines of a function, columns of a line. */
export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;
export const LINE_COLUMNS_MAX = 100;

/** A word that must not appear, in which files, and what to do instead. */
interface WordRule {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly isFor: (path: string) => boolean;
  readonly message: string;
}

/** Notes of unfinished work; a class keeps this file from breaking its own rule. */
const NOTES = /\b(TOD[O]|FIXM[E]|XX[X])\b/;
const MACHINE_PATH = /(?<![\w.])\/(home|root|Users|work)\/\w/;

const AROUND_SEAMS = new RegExp(
  [
    'Date\\.now',
    'performance\\.now',
    'Math\\.random',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'net\\.connect',
    'createConnection',
  ]
    .map((name) => `\\b${name}\\b`)
    .join('|'),
);

const WORD_RULES: readonly WordRule[] = [
  {
    rule: 'seams',
    pattern: AROUND_SEAMS,
    isFor: (path) => !SEAM_PREFIXES.some((prefix) => path.startsWith(prefix)) && !isTest(path),
    message: 'goes around a seam; take Clock, Random or Network as a parameter',
  },
  {
    rule: 'socket-reset',
    pattern: /\bresetAndDestroy\b/,
    isFor: (path) => path !== 'test/peers/reset.ts' && !path.startsWith('tools/tidy/'),
    message: 'leaves a socket open that is shutting down; use resetSocket of test/peers/reset.ts',
  },
  {
    rule: 'notes',
    pattern: NOTES,
    isFor: () => true,
    message: 'leaves work behind; do it now or describe it in an issue',
  },
  {
    rule: 'machine-paths',
    pattern: MACHINE_PATH,
    isFor: () => true,
    message: 'names a path of one machine; use a relative path or os.tmpdir()',
  },
  {
    rule: 'default-export',
    pattern: /^export default\b/,
    isFor: (path) => !path.endsWith('.d.ts'),
    message: 'is a default export; export it under its name',
  },
  {
    rule: 'suppressions',
    pattern: /@ts-(ignore|expect-error|nocheck)|(ox|es)lint-disable/,
    isFor: (path) => !path.startsWith('tools/tidy/') && !path.startsWith('test/tools/'),
    message: 'silences a checker; make the code right instead',
  },
];

/** Everything that is wrong with `file` itself. */
export function checkSource(file: SourceFile): readonly Violation[] {
  const violations: Violation[] = [];
  const { path, lines } = file;
  const report = (line: number, rule: string, message: string): void => {
    violations.push({ path, line, rule, message });
  };
  if (path.endsWith('/index.ts')) {
    report(1, 'barrel', 'is a barrel file; name it after what it exports');
  }
  const first = lines[0]!.startsWith('#!') ? lines[1]! : lines[0]!;
  if (!/^(\/\/|\/\*)/.test(first)) {
    report(1, 'head-comment', 'has no head comment; open with what the file is and its invariant');
  }
  const lineCount = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (lineCount > FILE_LINES_MAX) {
    report(FILE_LINES_MAX, 'file-lines', `has ${lineCount} lines; split it, 400 is the most`);
  }
  lines.forEach((text, index) => {
    const columns = [...text].length;
    if (columns > LINE_COLUMNS_MAX) {
      report(index + 1, 'columns', `has ${columns} columns; break it, 100 is the most`);
    }
    for (const { rule, pattern, isFor, message } of WORD_RULES) {
      if (isFor(path) && pattern.test(text)) report(index + 1, rule, message);
    }
  });
  for (const { line, length, name } of functionsOf(lines)) {
    if (length <= FUNCTION_LINES_MAX) continue;
    // A function that declares tests is a list of them, like the callback of describe.
    if (isTest(path) && lines.slice(line, line + length).some((text) => TEST.test(text))) continue;
    report(line, 'function-lines', `${name} has ${length} lines; split it, 70 is the most`);
  }
  return violations;
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

/** One function found in formatted code. */
export interface FunctionSpan {
  readonly name: string;
  /** 1-based line of its first line. */
  readonly line: number;
  /** Lines, first and last included. */
  readonly length: number;
}

const CONTROL = /^\s*(\}\s*)?(if|else|for|while|do|switch|case|catch|try|finally|return|throw)\b/;
const FUNCTION_WORD = /\bfunction\b\s*([\w$]*)/;
const ARROW_END = /=>\s*\{$/;
const METHOD =
  /^\s*(?:(?:static|async|private|protected|public|get|set|override)\s+)*(#?[\w$]+)[<(]/;
const TEST = /^\s*test(\.\w+)?\(/;
const CONTAINER = /^\s*(describe|suite)(\.\w+)?\(/;

/**
 * Functions of formatted code: a block belongs to a function when the line that opens its
 * parameter list does. The end is the first line after with the same indentation and a brace.
 */
export function functionsOf(lines: readonly string[]): readonly FunctionSpan[] {
  const spans: FunctionSpan[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (!line.endsWith('{')) continue;
    const start = startOf(lines, index);
    const name = functionName(lines[start]!, line);
    if (name === null) continue;
    const indent = indentOf(line);
    let end = index + 1;
    while (end < lines.length && !isClosing(lines[end]!, indent)) end++;
    spans.push({ name, line: start + 1, length: end - start + 1 });
  }
  return spans;
}

/** A block opened by `): T {` starts where its parameter list does. */
function startOf(lines: readonly string[], index: number): number {
  const line = lines[index]!;
  if (!/^\s*\)/.test(line)) return index;
  const indent = indentOf(line);
  let at = index - 1;
  while (at > 0 && (indentOf(lines[at]!) > indent || lines[at]!.trim() === '')) at--;
  return at;
}

function functionName(first: string, opening: string): string | null {
  if (CONTAINER.test(first)) return null;
  const word = FUNCTION_WORD.exec(first);
  if (word !== null) return `function ${word[1] === '' ? '(anonymous)' : word[1]!}`;
  if (ARROW_END.test(opening)) return 'arrow function';
  if (CONTROL.test(first) || /^\s*(export\s+)?(abstract\s+)?(class|interface)\b/.test(first)) {
    return null;
  }
  const method = METHOD.exec(first);
  return method !== null && /\)(:[^=]*)?\s*\{$/.test(opening) ? `method ${method[1]!}` : null;
}

function isClosing(line: string, indent: number): boolean {
  return indentOf(line) === indent && /^\s*\}/.test(line);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
