// The package as a user has it: built in a directory of its own, packed by npm, unpacked below the
// node_modules of an empty project. Its dependencies are links to those of this repository, so that
// nothing is downloaded. Node refuses TypeScript there: what runs is the built form.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BUILT_FOLDER, packageFile } from '#config/package-files.ts';
import { build } from '#tools/build.ts';

/** What package.json says that matters here. */
export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export const packageJson = JSON.parse(
  readFileSync(packageFile('package.json'), 'utf8'),
) as PackageJson;

/** Why the package cannot be made here; false: it can. */
export function npmMissing(): string | false {
  const isThere = (command: string): boolean => {
    return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
  };
  return isThere('npm') && isThere('tar') ? false : 'npm or tar is not installed';
}

/** A project that has the package installed. */
export interface Project {
  readonly directory: string;
  /** Folder of the installed package. */
  readonly installed: string;
}

/** Makes the project in a temporary directory, which the caller removes. */
export async function installPackage(): Promise<Project> {
  const directory = mkdtempSync(join(tmpdir(), 'mgw-package-'));
  const staged = join(directory, 'staged');
  mkdirSync(staged);
  await build(join(staged, BUILT_FOLDER));
  for (const path of [...packageJson.files, 'package.json', 'LICENSE']) {
    const isMade = path === BUILT_FOLDER || !existsSync(packageFile(path));
    if (!isMade) cpSync(packageFile(path), join(staged, path), { recursive: true });
  }
  const pack = ['pack', '--ignore-scripts', '--silent', '--offline'];
  const options = { cwd: staged, encoding: 'utf8' } as const;
  const tarball = execFileSync('npm', pack, options).trim();
  const modules = join(directory, 'node_modules');
  const installed = join(modules, packageJson.name);
  mkdirSync(installed, { recursive: true });
  // npm puts everything under `package/`.
  const unpack = ['-xzf', join(staged, tarball), '-C', installed, '--strip-components=1'];
  execFileSync('tar', unpack);
  const linked = [...Object.keys(packageJson.dependencies), '@types/node', 'undici-types'];
  for (const name of linked) link(packageFile(`node_modules/${name}`), join(modules, name));
  link(join(installed, 'cli/mgw.js'), join(modules, '.bin/mgw'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module", "private": true }\n');
  return { directory, installed };
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
