// Completes package-lock.json: every optional platform package that a locked package names has an
// entry. `npm install` leaves out what its registry does not carry at that moment, and `npm ci`
// then refuses the lock on every machine. `--check` changes nothing and exits 1 when something is
// missing.

import { readFile, writeFile } from 'node:fs/promises';

const LOCK = new URL('../package-lock.json', import.meta.url);

/** One entry of a lock file, as far as it matters here. */
export interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A lock file of version 3. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const SYSTEMS = 'aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32';

/** Operating system, processor and C library in the name of a platform package. */
const PLATFORM = new RegExp(`[-/](${SYSTEMS})-([a-z0-9]+)(?:-(\\w+))?$`);
const WASM = /-wasm32(?:-\w+)?$/;

/** Entries that `lock` lacks, by path. */
export function missingEntries(lock: LockFile): ReadonlyMap<string, object> {
  const missing = new Map<string, object>();
  for (const [path, { dev, license, optionalDependencies }] of Object.entries(lock.packages)) {
    if (path === '') continue;
    for (const [name, range] of Object.entries(optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      const isLocked = key in lock.packages || `${path}/${key}` in lock.packages;
      if (isLocked || !(PLATFORM.test(name) || WASM.test(name))) continue;
      missing.set(key, {
        version: range.replace(/^[\^~]/, ''),
        ...platformOf(name),
        ...(dev === true ? { dev } : {}),
        ...(license === undefined ? {} : { license }),
        optional: true,
      });
    }
  }
  return missing;
}

function platformOf(name: string): object {
  const [, system, processor, library] = PLATFORM.exec(name) ?? [];
  if (system === undefined) return { cpu: ['wasm32'] };
  const isGlibc = system === 'linux' && library?.startsWith('gnu') === true;
  const isMusl = system === 'linux' && library?.startsWith('musl') === true;
  return {
    cpu: [processor],
    ...(isGlibc ? { libc: ['glibc'] } : {}),
    ...(isMusl ? { libc: ['musl'] } : {}),
    os: [system],
  };
}

/** The lock file with everything in it, as npm writes it. */
function completed(lock: LockFile, missing: ReadonlyMap<string, object>): string {
  const { '': root, ...rest } = { ...lock.packages, ...Object.fromEntries(missing) };
  const sorted = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  const packages = Object.fromEntries([['', root], ...sorted]);
  return `${JSON.stringify({ ...lock, packages }, null, 2)}\n`;
}

if (import.meta.main) {
  const lock = JSON.parse(await readFile(LOCK, 'utf8')) as LockFile;
  const missing = missingEntries(lock);
  if (missing.size > 0 && process.argv.includes('--check')) {
    const names = [...missing.keys()].slice(0, 5).join(', ');
    process.stderr.write(
      `package-lock.json lacks ${missing.size} platform packages (${names} ...); ` +
        'npm ci would refuse it: run `node tools/complete-lock.ts`\n',
    );
    process.exitCode = 1;
  } else if (missing.size > 0) {
    await writeFile(LOCK, completed(lock, missing));
    process.stdout.write(`added ${missing.size} platform packages to package-lock.json\n`);
  }
}
