// The profiles that come with the gateway: named sets of settings, one file each in `profiles/`.
// A profile is a configuration file like any other, only weaker; each says in comments for whom it
// is and why each value differs from the default.

import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { suggestion } from './nearest.ts';
import { packageFile } from './package-files.ts';
import type { Problem } from './problem.ts';

/** Directory of the profiles that come with the gateway. */
export const PROFILES_DIR = packageFile('profiles');

const EXTENSIONS = ['.json', '.yaml', '.yml'];

/** A profile's file. */
export interface ProfileFile {
  readonly name: string;
  readonly path: string;
  /** How messages call it: `profiles/small.yaml`. */
  readonly shownName: string;
}

/** All profiles in `directory` by name. */
export async function listProfiles(directory = PROFILES_DIR): Promise<readonly ProfileFile[]> {
  const files = await readdir(directory).catch(() => []);
  return files
    .filter((file) => EXTENSIONS.includes(extname(file)))
    .toSorted()
    .map((file) => ({
      name: basename(file, extname(file)),
      path: join(directory, file),
      shownName: `profiles/${file}`,
    }));
}

/** The profile called `name`, or what is wrong with the name. */
export async function findProfile(
  name: string,
  directory = PROFILES_DIR,
): Promise<ProfileFile | Problem> {
  const files = await listProfiles(directory);
  const known = files.map((file) => file.name);
  const message = `there is no profile "${name}"; ${suggestion(name, known)}`;
  return files.find((file) => file.name === name) ?? { path: '--profile', message };
}
