// Checks the imports of a file against the table. Invariant: every way to name another module
// (import, export from, dynamic import of a literal) is looked at.

import { posix } from 'node:path';
import { ROOMS, type Room } from './import-table.ts';
import { lineAt, type SourceFile, type Violation } from './source-file.ts';

/** One import of a file. */
export interface ImportStatement {
  readonly specifier: string;
  /** Only types are imported. */
  readonly isType: boolean;
  /** Names are passed on to importers of this file. */
  readonly isReexport: boolean;
  readonly line: number;
}

const STATEMENT = /^(import|export)\s+(type\s+)?([^'";=()]*?)\s*from\s*'([^']+)'/gm;
const SIDE_EFFECT = /^import\s+'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'/g;

/** All imports of `text`. */
export function importsOf(text: string): readonly ImportStatement[] {
  const statements: ImportStatement[] = [];
  for (const match of text.matchAll(STATEMENT)) {
    const [, keyword, typeWord, clause, specifier] = match;
    statements.push({
      specifier: specifier!,
      isType: typeWord !== undefined || hasOnlyTypes(clause!),
      isReexport: keyword === 'export',
      line: lineAt(text, match.index),
    });
  }
  for (const pattern of [SIDE_EFFECT, DYNAMIC]) {
    for (const match of text.matchAll(pattern)) {
      const line = lineAt(text, match.index);
      statements.push({ specifier: match[1]!, isType: false, isReexport: false, line });
    }
  }
  return statements;
}

/** `{ type A, type B }`. */
function hasOnlyTypes(clause: string): boolean {
  const braces = /^\{([^}]*)\}$/s.exec(clause.trim());
  if (braces === null) return false;
  const names = braces[1]!
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length > 0 && names.every((name) => name.startsWith('type '));
}

/**
 * The room of the longest prefix that fits, or null for files outside of the table. Tests may use
 * what tests may use, also those that lie beside the code.
 */
export function roomOf(path: string): Room | null {
  let best: Room | null = null;
  if (path.endsWith('.test.ts')) return ROOMS.find(({ prefix }) => prefix === 'test/')!;
  for (const room of ROOMS) {
    if (!path.startsWith(room.prefix)) continue;
    if (best === null || room.prefix.length > best.prefix.length) best = room;
  }
  return best;
}

/** Path of the imported file from the root, or null for packages and built-ins. */
export function resolveImport(from: string, specifier: string): string | null {
  if (specifier.startsWith('#')) return specifier.slice(1);
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier);
  return null;
}

/** Every import of `file` that the table does not allow. */
export function checkImports(file: SourceFile): readonly Violation[] {
  const room = roomOf(file.path);
  const violations: Violation[] = [];
  for (const statement of importsOf(file.text)) {
    const message =
      spellingProblem(file.path, statement) ??
      (room === null ? null : tableProblem(file.path, room, statement));
    if (message !== null) {
      violations.push({ path: file.path, line: statement.line, rule: 'imports', message });
    }
  }
  return violations;
}

function spellingProblem(path: string, statement: ImportStatement): string | null {
  const { specifier, isReexport } = statement;
  if (isReexport) {
    return `passes on names of "${specifier}"; let importers name the file that declares them`;
  }
  const target = resolveImport(path, specifier);
  if (target === null || !specifier.startsWith('.')) return null;
  if (topFolder(target) === topFolder(path)) return null;
  return `leaves its top folder by "${specifier}"; write "#${target}"`;
}

function tableProblem(path: string, room: Room, statement: ImportStatement): string | null {
  const { specifier, isType } = statement;
  const target = resolveImport(path, specifier);
  if (target === null) return builtinProblem(room, statement);
  if (isOwn(path, room, target)) return null;
  if (room.values.some((prefix) => target.startsWith(prefix))) return null;
  if (room.types.some((prefix) => target.startsWith(prefix))) {
    if (isType) return null;
    return `uses values of ${target}, of which ${room.prefix} may name types only; pass them in`;
  }
  return `${room.prefix} must not import ${target}; docs/architecture.md tells who may import whom`;
}

function builtinProblem(room: Room, { specifier, isType }: ImportStatement): string | null {
  if (!specifier.startsWith('node:') || isType) return null;
  const name = specifier.slice('node:'.length);
  if (!room.builtinsForbidden.includes(name)) return null;
  return `${room.prefix} must not use ${specifier}; take what it does as a parameter`;
}

const FILTERS = 'core/pipeline/filters/';

/** A filter's own files are those of its folder, not those of other filters. */
function isOwn(path: string, room: Room, target: string): boolean {
  if (room.prefix !== FILTERS) {
    return target.startsWith(room.prefix) && roomOf(target) === room;
  }
  return target.startsWith(path.slice(0, path.indexOf('/', FILTERS.length) + 1));
}

function topFolder(path: string): string {
  return path.slice(0, path.indexOf('/'));
}
