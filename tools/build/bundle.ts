// The JavaScript of the built form, by esbuild: one file an entry, and chunks of what entries
// share. What is imported lazily stays in chunks of its own, so that `mgw sidecar` loads only what
// it needs. Nothing is minified: stack traces name functions as the sources do.

import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, stop } from 'esbuild';
import { compiledValidator } from './compiled-validator.ts';
import { COPIES, EXPORTS, PROGRAMS } from './entries.ts';

/**
 * Writes the JavaScript of the sources in `root` to the folder `target`.
 *
 * @param target a folder that is empty or does not exist
 */
export async function bundle(root: string, target: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [...PROGRAMS, ...EXPORTS],
    outbase: root,
    outdir: target,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // The build runs under the Node that the package pins.
    target: `node${process.versions.node}`,
    packages: 'external',
    plugins: [compiledValidator],
    logLevel: 'silent',
  });
  // The compiler is a process of its own; a benchmark has no use for it any more.
  await stop();
  for (const path of COPIES) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await copyFile(join(root, path), join(target, path));
  }
}
