// A digest of everything that the built form is made of, so that a build whose sources have not
// changed is not made again: not by the benchmarks that measure it, nor by tests.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Rooms whose files the programs and exports import. */
const ROOMS = ['cli', 'config', 'core', 'native', 'workers'];

/** How it is made; package.json names the versions of the tools. */
const RECIPE = ['package.json', 'tsconfig.json', 'tools/build.ts', 'tools/build'];

const CODE = /\.[jt]s$/;

/** Hexadecimal; the same for the same sources, wherever they lie. */
export async function sourceDigest(root: string): Promise<string> {
  const hash = createHash('sha256').update(process.versions.node);
  for (const place of [...ROOMS, ...RECIPE]) {
    for (const path of await filesOf(root, place)) {
      hash.update(`\n${path}\n`).update(await readFile(join(root, path)));
    }
  }
  return hash.digest('hex');
}

async function filesOf(root: string, place: string): Promise<readonly string[]> {
  if (place.includes('.')) return [place];
  const names = await readdir(join(root, place), { recursive: true });
  return names
    .filter((name) => CODE.test(name))
    .toSorted()
    .map((name) => `${place}/${name}`);
}
