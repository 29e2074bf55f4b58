// npm's `prepare`, after `npm ci` in the sources: makes dist/, which is what a git dependency runs,
// and tries to build the addon. Plain JavaScript, because it must get by with whatever Node runs
// npm. Invariant: it never fails the installation; what is missing is told in one line.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** First version with stable type stripping. */
const NODE_MAJOR_MIN = 24;

const isRecent = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;
const isCheckout = existsSync(new URL('../.git', import.meta.url));

if (isRecent) {
  runQuietly('build.ts', '--if-changed');
  if (isCheckout) runQuietly('build-native.ts');
}

/** Runs a tool of this folder; with `--quiet` it says itself what went wrong. */
function runQuietly(tool, ...flags) {
  const path = fileURLToPath(new URL(tool, import.meta.url));
  spawnSync(process.execPath, [path, '--quiet', ...flags], { stdio: 'inherit' });
}
