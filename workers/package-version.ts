// The version of this package, read once from package.json.

import { readFileSync } from 'node:fs';
import { packageFile } from '#config/package-files.ts';

/** Semantic version of mgw. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
