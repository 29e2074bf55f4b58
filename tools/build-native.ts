// `npm run build:native`: compiles the addon with cargo and puts it at native/kernels.node; fails
// loudly. With `--quiet`, which `prepare` uses: one line about the result, exit code 0 whatever it
// was. Invariant: the file is replaced in one step, so that nobody maps half an addon.

import { spawn } from 'node:child_process';
import { accessSync, constants, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as os, setPriority } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadAddon } from '#native/addon.ts';
import { ADDON_PATH } from '#native/loader.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NATIVE = join(ROOT, 'native');
const OUTPUT = join(NATIVE, 'target', 'addon');

/** LIMIT: time of a quiet build; a cold one takes about a minute on two cores. */
const QUIET_TIMEOUT_MS = 300_000;

/** LIMIT: text of the compiler that is kept to find its first error. */
const OUTPUT_CHARS_MAX = 1_000_000;

/** A quiet build gives up soon where there is no network. */
const IMPATIENT = {
  CARGO_NET_RETRY: '0',
  CARGO_HTTP_TIMEOUT: '10',
  CARGO_TERM_COLOR: 'never',
  CARGO_TERM_PROGRESS_WHEN: 'never',
};

/** How a build ended: null when the addon is there, otherwise why not. */
type Problem = string | null;

/** The program of @napi-rs/cli, or null when it is not installed. */
function findNapi(): string | null {
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve('@napi-rs/cli/package.json')), 'dist', 'cli.js');
  } catch {
    return null;
  }
}

function isOnPath(command: string): boolean {
  const names = process.platform === 'win32' ? [`${command}.exe`, `${command}.cmd`] : [command];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => names.some((name) => isExecutable(join(folder, name))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Compiles, checks that the result works here, and moves it to its place. */
async function build(isQuiet: boolean): Promise<Problem> {
  if (!isOnPath('cargo')) return 'cargo is not installed';
  const napi = findNapi();
  if (napi === null) return '@napi-rs/cli is not installed';
  const problem = await runNapi(napi, isQuiet);
  if (problem !== null) return problem;
  const built = join(OUTPUT, 'kernels.node');
  const result = loadAddon(built);
  if (!result.ok) return `the built addon cannot be used: ${result.reason}`;
  renameSync(built, ADDON_PATH);
  return null;
}

function runNapi(napi: string, isQuiet: boolean): Promise<Problem> {
  const args = [
    napi,
    'build',
    '--release',
    '--manifest-path=native/Cargo.toml',
    '--config-path=native/napi.json',
    '--target-dir=native/target',
    '--output-dir=native/target/addon',
    '--',
    '--locked',
  ];
  // A group of its own: at the time limit the compilers go as well.
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    detached: isQuiet && process.platform !== 'win32',
    env: isQuiet ? { ...process.env, ...IMPATIENT } : process.env,
    stdio: isQuiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
  });
  let text = '';
  const keep = (chunk: Buffer): void => {
    if (text.length < OUTPUT_CHARS_MAX) text += chunk.toString();
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return new Promise((resolve) => {
    const stop = (): void => killGroup(child.pid);
    const timer = isQuiet ? setTimeout(stop, QUIET_TIMEOUT_MS) : undefined;
    if (isQuiet) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(null);
      else if (signal !== null) resolve(`the build was stopped by ${signal}`);
      else resolve(firstError(text) ?? `the compiler failed with code ${code}`);
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGTERM');
  } catch {
    // It ended by itself in the meantime.
  }
}

/** The first line by which cargo or the compiler says what is wrong. */
function firstError(text: string): string | null {
  return /^error(?:\[\w+\])?: (.*)$/m.exec(text)?.[1] ?? null;
}

async function main(isQuiet: boolean): Promise<void> {
  if (isQuiet) setPriority(os.priority.PRIORITY_LOW);
  const startedMs = performance.now();
  const problem = await build(isQuiet);
  if (problem === null) {
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    process.stdout.write(`native addon: built in ${seconds} s\n`);
    return;
  }
  if (isQuiet) {
    process.stdout.write(`native addon: not built (${problem}); all works without it\n`);
    return;
  }
  process.stderr.write(`The native addon was not built: ${problem}\n`);
  process.exitCode = 1;
}

await main(process.argv.includes('--quiet'));
