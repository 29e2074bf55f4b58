// `npm run build`: makes the JavaScript that an installed package runs, and the declarations of its
// exports, in dist/. With `--if-changed` nothing is done when the sources are those of the build
// that is there; with `--quiet`, which `prepare` uses, one line tells about the result and the exit
// code is 0 whatever it was. Invariant: dist/ is replaced as a whole, or stays as it is.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BUILT_FOLDER, PACKAGE_ROOT } from '#config/package-files.ts';
import { TYPES_FOLDER } from './build/entries.ts';
import { replaceFolder } from './build/replace-folder.ts';
import { sourceDigest } from './build/source-digest.ts';

/** File of the built form that tells which sources it was made of. */
const DIGEST_FILE = 'sources.sha256';

/** The built form of this repository. */
const PLACE = join(PACKAGE_ROOT, BUILT_FOLDER);

/**
 * Makes the built form of this repository's sources.
 *
 * @param place folder that it becomes; beside it there is another one while the build runs
 * @throws Error when the sources do not compile, or esbuild or typescript is not installed
 */
export async function build(place: string = PLACE): Promise<void> {
  await make(place, (made) => replaceFolder(made, place));
}

/** Makes the built form unless it is there already. @returns whether it was made */
export async function buildIfChanged(place: string = PLACE): Promise<boolean> {
  const digest = await sourceDigest(PACKAGE_ROOT);
  if ((await digestOf(place)) === digest) return false;
  await make(place, async (made) => {
    // Another process may have done the same meanwhile, and be starting programs in it.
    if ((await digestOf(place)) !== digest) await replaceFolder(made, place);
  });
  return true;
}

/** Digest of the sources that the build in `place` was made of; empty: there is none. */
async function digestOf(place: string): Promise<string> {
  return readFile(join(place, DIGEST_FILE), 'utf8').catch(() => '');
}

/** Makes the built form in a folder beside `place`, which `use` may move away. */
async function make(place: string, use: (made: string) => Promise<void>): Promise<void> {
  const [{ bundle }, { declare }] = await loadTools();
  const target = `${place}.new-${process.pid}`;
  try {
    await mkdir(target, { recursive: true });
    // Before the sources are read: who changes one meanwhile gets another build, not none.
    await writeFile(join(target, DIGEST_FILE), await sourceDigest(PACKAGE_ROOT));
    const types = join(target, TYPES_FOLDER);
    await Promise.all([bundle(PACKAGE_ROOT, target), declare(PACKAGE_ROOT, types)]);
    await use(target);
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

/** Loaded late: `npm ci --omit=dev` installs neither esbuild nor typescript. */
async function loadTools() {
  try {
    return await Promise.all([import('./build/bundle.ts'), import('./build/declarations.ts')]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('esbuild is not installed; npm ci without --omit=dev installs it', {
      cause: error,
    });
  }
}

async function main(isOnlyIfChanged: boolean, isQuiet: boolean): Promise<void> {
  const startedMs = performance.now();
  try {
    const isMade = isOnlyIfChanged ? await buildIfChanged() : (await build(), true);
    const ms = Math.round(performance.now() - startedMs);
    const names = await readdir(PLACE, { recursive: true });
    const count = names.filter((name) => name.endsWith('.js')).length;
    const result = isMade ? `${count} files of JavaScript in ${ms} ms` : 'unchanged';
    process.stdout.write(`${BUILT_FOLDER}/: ${result}\n`);
  } catch (error) {
    const [first = '', ...more] = (error as Error).message.split('\n');
    if (isQuiet) {
      process.stdout.write(`${BUILT_FOLDER}/: not built (${first}); a clone works without it\n`);
      return;
    }
    process.stderr.write(`${[`Cannot build ${BUILT_FOLDER}/: ${first}`, ...more].join('\n')}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      'if-changed': { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
    },
  });
  await main(values['if-changed'], values.quiet);
}
