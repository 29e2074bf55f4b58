// The sources of another revision in a directory of the run, ready to start a gateway from. `git
// archive` rather than a worktree: it leaves nothing in the repository, however the run ends.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ADDON_PATH } from '#native/loader.ts';
import { UsageError } from '../suite.ts';

const PROJECT = join(import.meta.dirname, '../..');

/** What the addon is built from. */
const ADDON_SOURCES = ['native/src', 'native/Cargo.toml', 'native/Cargo.lock', 'native/build.rs'];

/** What `npm run build` starts; revisions from before there was one run as TypeScript only. */
const BUILD_TOOL = 'tools/build.ts';

/** LIMIT: a build takes about a second. */
const BUILD_MS_MAX = 60_000;

/** LIMIT: the archive of a revision takes a second. */
const GIT_MS_MAX = 60_000;

const run = promisify(execFile);

/** Sources of a revision. */
export interface Checkout {
  /** Root of the project as it was. */
  readonly root: string;
  /** The addon that is built here belongs to these sources too, and is in place. */
  readonly hasAddon: boolean;
}

/**
 * Writes the sources of `revision` to `root`, with this checkout's packages.
 *
 * @param root a directory that does not exist
 * @throws UsageError when git does not know the revision
 */
export async function checkOut(revision: string, root: string): Promise<Checkout> {
  const options = { cwd: PROJECT, timeout: GIT_MS_MAX };
  const archive = `${root}.tar`;
  mkdirSync(root);
  try {
    // A revision is never an option, whatever it looks like.
    const commit = ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`];
    const { stdout } = await run('git', commit, options);
    await run('git', ['archive', '--format=tar', `--output=${archive}`, stdout.trim()], options);
  } catch (error) {
    throw new UsageError(`Cannot check out revision "${revision}": ${messageOf(error)}`);
  }
  await run('tar', ['-xf', archive, '-C', root], options);
  symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
  const hasAddon = existsSync(ADDON_PATH) && (await hasSameAddon(revision, options));
  if (hasAddon) symlinkSync(ADDON_PATH, join(root, 'native', 'kernels.node'));
  return { root, hasAddon };
}

/**
 * Makes the built form of a revision, by its own build.
 *
 * @param root what {@link checkOut} filled
 * @returns why there is none; null: it is there
 */
export async function buildCheckout(root: string): Promise<string | null> {
  if (!existsSync(join(root, BUILD_TOOL))) return 'it is older than the build';
  try {
    await run(process.execPath, [BUILD_TOOL], { cwd: root, timeout: BUILD_MS_MAX });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** `git diff --quiet` fails where there is a difference. */
async function hasSameAddon(revision: string, options: { readonly cwd: string }): Promise<boolean> {
  try {
    await run('git', ['diff', '--quiet', revision, '--', ...ADDON_SOURCES], options);
    return true;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stderr } = error as { readonly stderr?: string };
  return (stderr ?? error.message).trim();
}
