// Where the files of this package are, and in which form its program runs: the TypeScript of a
// clone, or the JavaScript that `npm run build` makes of it in dist/. Invariant: nobody else asks
// which form it is; everybody names a file by its path in the repository.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folder of the built form, in that of package.json. */
export const BUILT_FOLDER = 'dist';

/** Type stripping runs this very file; a build makes `.js` of it, in some chunk. */
const isBuilt = import.meta.filename.endsWith('.js');

/** Folder of package.json. */
export const PACKAGE_ROOT = rootAbove(import.meta.dirname);

/** Path of a file that both forms share: `profiles`, `native/kernels.node`. */
export function packageFile(path: string): string {
  return join(PACKAGE_ROOT, path);
}

/**
 * Path of something that a process or a thread is started with, in the form that runs here.
 *
 * @param source its path in the repository: `workers/lanes/lane-task.ts`; entries of
 *   `tools/build/entries.ts` only, as nothing else has a file of its own in the built form
 */
export function programFile(source: string): string {
  if (!isBuilt) return packageFile(source);
  return packageFile(join(BUILT_FOLDER, builtName(source)));
}

/** Name in the built form of a file that is called `source` in the repository. */
export function builtName(source: string): string {
  return source.replace(/\.ts$/, '.js');
}

/** The built form lies deeper than its sources, chunks deeper than entries. */
function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error(`No package.json above ${import.meta.filename}`);
  return rootAbove(above);
}
