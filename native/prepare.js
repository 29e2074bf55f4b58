// npm's `prepare`: tries to build the addon after `npm ci` in a git checkout. Plain JavaScript,
// because it must get by with whatever Node runs npm. Invariant: it never fails the installation.

import { existsSync } from 'node:fs';

/** First version with stable type stripping. */
const NODE_MAJOR_MIN = 24;

const isRecent = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;
const isCheckout = existsSync(new URL('../.git', import.meta.url));

if (isRecent && isCheckout) {
  process.argv.push('--quiet');
  try {
    await import('../tools/build-native.ts');
  } catch (error) {
    process.stdout.write(`native addon: not built (${error.message}); all works without it\n`);
  }
  process.exitCode = 0;
}
