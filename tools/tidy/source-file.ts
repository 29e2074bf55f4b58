// The files that the tidiness rules look at, and how a broken rule is told. Invariant: every file
// of the project's own folders is seen exactly once; node_modules and what is built are not ours.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One text file. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** One broken rule. */
export interface Violation {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly rule: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** Folders of the architecture that hold code or text of ours. */
const TOP_FOLDERS: readonly string[] = [
  'access',
  'bench',
  'cli',
  'config',
  'control',
  'core',
  'docs',
  'native',
  'profiles',
  'test',
  'tools',
  'workers',
];

const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(['node_modules', 'target', 'dist', 'out']);

/** Makes a {@link SourceFile} of text that may not be on disk. */
export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, lines: text.split('\n') };
}

/**
 * Reads all files of the repository that end in one of `endings`.
 *
 * @param root folder of package.json
 */
export function readSources(root: string, endings: readonly string[]): readonly SourceFile[] {
  const paths = readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isFile()) return [entry.name];
    return TOP_FOLDERS.includes(entry.name) ? listFiles(root, entry.name) : [];
  });
  return paths
    .filter((path) => endings.some((ending) => path.endsWith(ending)))
    .toSorted()
    .map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')));
}

function listFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : listFiles(root, path);
    return [path];
  });
}

/** Number of the line that holds the character at `index`, 1-based. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = 0; i < index; i++) if (text.charCodeAt(i) === 10) line++;
  return line;
}
