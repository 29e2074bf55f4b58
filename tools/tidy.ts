// `npm run check`: the rules that formatter, linter and compiler do not know. The import table, the
// seams for time and randomness, sizes of files and functions, head comments, links of documents.
// Prints one line per broken rule (`file:line rule: what is wrong; what to do`) and exits 1.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkLinks } from './tidy/doc-links.ts';
import { checkImports } from './tidy/import-rules.ts';
import { readSources, type Violation } from './tidy/source-file.ts';
import { checkSource } from './tidy/source-rules.ts';

/** Folder of package.json. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Every broken rule in the repository at `root`, by file and line. */
export function findViolations(root: string): readonly Violation[] {
  const code = readSources(root, ['.ts']);
  const documents = new Map(readSources(root, ['.md']).map((file) => [file.path, file]));
  const exists = (path: string): boolean => existsSync(join(root, path));
  return [
    ...code.flatMap((file) => [...checkImports(file), ...checkSource(file)]),
    ...[...documents.values()].flatMap((file) => checkLinks(file, exists, documents)),
  ];
}

/** One line for people and editors. */
export function formatViolation({ path, line, rule, message }: Violation): string {
  return `${path}:${line} ${rule}: ${message}`;
}

if (import.meta.main) {
  const violations = findViolations(ROOT);
  for (const violation of violations) process.stderr.write(`${formatViolation(violation)}\n`);
  if (violations.length > 0) process.exitCode = 1;
}
