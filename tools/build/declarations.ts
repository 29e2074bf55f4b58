// The declarations of the built form: what the compiler makes of the exports, and of what their
// types mention. Invariant: they name each other by relative paths, because the package's own
// `#core/...` leads to sources, which an installed package does not have.

import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { EXPORTS } from './entries.ts';

const run = promisify(execFile);

/** LIMIT: the compiler takes about a second. */
const COMPILE_MS_MAX = 60_000;

/** Declarations of what the exports' sources use of Node beside its documented types. */
const AMBIENT = ['core/base/node-buffer.d.ts'];

/** `from '...'` and `import('...')`, with the name of another file of the package. */
const REFERENCE = /(\bfrom |\bimport\()(['"])([.#][^'"]+)\2/g;

/**
 * Writes the declarations of the exports in `root` to the folder `target`. Types are not checked,
 * that is what `npm run check` does: whoever measures may be half way through a change.
 *
 * @throws Error with what the compiler says when it cannot make them
 */
export async function declare(root: string, target: string): Promise<void> {
  const all = `${target}.all`;
  try {
    await compile(root, all);
    await copyReachable(all, target);
  } finally {
    await rm(all, { recursive: true, force: true });
  }
}

/** Declarations of everything that the exports import: ten times what their types mention. */
async function compile(root: string, target: string): Promise<void> {
  const settings = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: root,
      outDir: target,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: [...EXPORTS, ...AMBIENT].map((path) => join(root, path)),
    include: [],
  };
  await mkdir(target, { recursive: true });
  const project = join(target, 'tsconfig.json');
  await writeFile(project, JSON.stringify(settings));
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  try {
    const options = { cwd: root, timeout: COMPILE_MS_MAX };
    await run(process.execPath, [compiler, '-p', project], options);
  } catch (error) {
    const { stdout = '' } = error as { readonly stdout?: string };
    const reason = stdout === '' ? String(error) : stdout;
    throw new Error(`The declarations cannot be made:\n${reason}`, { cause: error });
  }
}

/** Follows the references from the exports on, and makes them relative. */
async function copyReachable(all: string, target: string): Promise<void> {
  const found = new Set(EXPORTS);
  for (const path of found) {
    const text = await readFile(join(all, declarationName(path)), 'utf8');
    const relative = text.replace(REFERENCE, (_, before: string, quote: string, name: string) => {
      const other = name.startsWith('#') ? name.slice(1) : posix.join(posix.dirname(path), name);
      found.add(other);
      return `${before}${quote}${relativeName(path, other)}${quote}`;
    });
    const file = join(target, declarationName(path));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, relative);
  }
}

function declarationName(path: string): string {
  return path.replace(/\.ts$/, '.d.ts');
}

/** How the declaration of `path` names that of `other`. */
function relativeName(path: string, other: string): string {
  const name = posix.relative(posix.dirname(path), other).replace(/\.ts$/, '.js');
  return name.startsWith('.') ? name : `./${name}`;
}
