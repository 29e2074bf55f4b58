// `node bench/peers/build-mosn.ts`: builds MOSN, which the suite `mmtp` compares with, from its
// public source. Needs Go (1.18 or later) and a Go module proxy; nothing of it is committed. The
// main package is MOSN's own, without one filter; versions and checksums of modules are its own.

import { spawnSync, type StdioOptions } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { findProgram } from '../rig/cores.ts';
import { MOSN_PROGRAM, MOSN_VERSION } from './mosn.ts';

const MOSN_MODULE = 'mosn.io/mosn';
const MAIN_DIRECTORY = 'cmd/mosn/main';

/**
 * What is left out: the filter for Seata transactions, because two modules that it alone needs are
 * not at every module proxy. No request of a benchmark would meet it.
 */
const FILTER_LEFT_OUT = `${MOSN_MODULE}/pkg/filter/stream/seata`;
const MODULES_LEFT_OUT = /^(?:require)?\s*(?<module>vimagination\.zapto\.org\/\w+ \S+)/;

/** LIMIT: output of `go mod download`. Bytes. */
const OUTPUT_BYTES_MAX = 1024 * 1024;

/** What `go mod download -json` says about a module. */
export interface GoModule {
  /** Directory of its source. */
  readonly Dir: string;
  /** Checksums for a go.sum: of the source, and of its go.mod. */
  readonly Sum: string;
  readonly GoModSum: string;
}

/** Something that its reader can do something about. */
class BuildError extends Error {}

/**
 * The go.mod of a module of our own that is built exactly as MOSN would be: its requirements and
 * replacements, which Go obeys only in the module that it builds.
 *
 * @param text MOSN's go.mod
 * @throws Error when there is nothing to leave out: this program is not for that version
 */
export function ownGoMod(text: string): string {
  const excluded: string[] = [];
  const lines = text.split('\n').flatMap((line) => {
    const name = MODULES_LEFT_OUT.exec(line)?.groups?.['module'];
    if (name !== undefined) excluded.push(`exclude ${name}`);
    if (name !== undefined || line === `module ${MOSN_MODULE}`) return [];
    return [line];
  });
  if (excluded.length === 0) throw new Error(`go.mod of MOSN ${MOSN_VERSION} is another one`);
  const own = ['module bench/mosn', `require ${MOSN_MODULE} ${MOSN_VERSION}`, ...excluded];
  return [...own, ...lines].join('\n');
}

/** MOSN's checksums, and those of MOSN. @param text MOSN's go.sum */
export function ownGoSum(text: string, { Sum, GoModSum }: GoModule): string {
  const name = `${MOSN_MODULE} ${MOSN_VERSION}`;
  return `${text.trimEnd()}\n${name} ${Sum}\n${name}/go.mod ${GoModSum}\n`;
}

/** A file of the main package without the import of what is left out. */
export function ownMain(text: string): string {
  const lines = text.split('\n');
  return lines.filter((line) => line.trim() !== `_ "${FILTER_LEFT_OUT}"`).join('\n');
}

/** Runs Go in `directory`; stderr is the reader's, who sees what is downloaded. */
function runGo(go: string, directory: string, argv: readonly string[]): string {
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
  const { status, stdout, error } = spawnSync(go, argv, {
    cwd: directory,
    encoding: 'utf8',
    stdio,
    maxBuffer: OUTPUT_BYTES_MAX,
    // Nothing in MOSN needs C, and no workspace of the reader's has a part in it.
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' },
  });
  if (error !== undefined) throw new BuildError(`${go}: ${error.message}`);
  if (status !== 0) {
    const said = (parseJson(stdout) as { readonly Error?: string } | null)?.Error ?? '';
    throw new BuildError(`go ${argv.join(' ')} failed (${status}) ${said}`.trimEnd());
  }
  return stdout;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function download(go: string, directory: string): GoModule {
  try {
    const argv = ['mod', 'download', '-json', `${MOSN_MODULE}@${MOSN_VERSION}`];
    return parseJson(runGo(go, directory, argv)) as GoModule;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const advice = 'Go gets it from a module proxy: is there a network, and what is GOPROXY?';
    throw new BuildError(`Cannot download MOSN ${MOSN_VERSION}: ${error.message}. ${advice}`);
  }
}

/** Writes the module that is built into `directory`. */
function writeModule(directory: string, mosn: GoModule): void {
  const source = (...path: readonly string[]) => readFileSync(join(mosn.Dir, ...path), 'utf8');
  writeFileSync(join(directory, 'go.mod'), ownGoMod(source('go.mod')));
  writeFileSync(join(directory, 'go.sum'), ownGoSum(source('go.sum'), mosn));
  const names = readdirSync(join(mosn.Dir, MAIN_DIRECTORY));
  for (const name of names.filter((name) => name.endsWith('.go') && !name.endsWith('_test.go'))) {
    writeFileSync(join(directory, name), ownMain(source(MAIN_DIRECTORY, name)));
  }
}

/** Builds MOSN and answers a line that says what was done. */
function buildMosn(): string {
  const go = findProgram('go');
  if (go === null) throw new BuildError('Go is not on PATH; install Go 1.18 or later');
  const startMs = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'mgw-mosn-'));
  try {
    writeModule(directory, download(go, directory));
    mkdirSync(dirname(MOSN_PROGRAM), { recursive: true });
    const name = ['-ldflags', `-X main.Version=${MOSN_VERSION}`];
    runGo(go, directory, ['build', '-trimpath', ...name, '-o', MOSN_PROGRAM, '.']);
    const version = runGo(go, directory, ['env', 'GOVERSION']).trim();
    const seconds = Math.round((performance.now() - startMs) / 1000);
    const path = relative(process.cwd(), MOSN_PROGRAM);
    return `Built MOSN ${MOSN_VERSION} with ${version} in ${seconds} s: ${path}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  try {
    process.stdout.write(`${buildMosn()}\n`);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
