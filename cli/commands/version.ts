// `mgw version`: what runs here, for people and for bug reports.

import { defineFlags } from '#config/flags.ts';
import type { CommandSpec } from '#config/help.ts';
import { loadNative } from '#native/loader.ts';
import { ExitCode } from '../io.ts';
import type { CommandIo } from '../io.ts';
import { packageVersion } from '#workers/package-version.ts';
import { readCommandLine } from './command-line.ts';

const versionSpec = {
  name: 'version',
  summary: 'Prints the versions of mgw, Node and the codecs in use.',
  usage: '[--json]',
  flags: defineFlags([
    { name: 'json', type: 'boolean', default: false, description: 'Print one line of JSON.' },
  ]),
  examples: ['mgw version', 'mgw version --json'],
} as const satisfies CommandSpec;

interface Versions {
  readonly mgw: string;
  readonly node: string;
  readonly v8: string;
  /** Operating system and processor: `linux-x64`. */
  readonly platform: string;
  /** Form of the kernels in use. */
  readonly kernels: string;
  /** The kernels come from the native addon. */
  readonly native: boolean;
  readonly zstd: string;
  readonly zlib: string;
  readonly openssl: string;
}

/**
 * Runs `mgw version`.
 *
 * @param argv what follows `version`
 * @returns the exit code
 */
export async function runVersion(argv: readonly string[], io: CommandIo): Promise<number> {
  const line = readCommandLine(argv, versionSpec, io);
  if (typeof line === 'number') return line;
  const { kernels, native, reason } = loadNative('auto');
  const versions = collectVersions(kernels.name, native);
  if (line.values.json) io.stdout.write(`${JSON.stringify(versions)}\n`);
  else {
    for (const [name, text] of rowsOf(versions, reason)) {
      io.stdout.write(`${name.padEnd(10)}${text}\n`);
    }
  }
  return ExitCode.ok;
}

function collectVersions(kernels: string, native: boolean): Versions {
  const { node, v8, zlib, openssl, zstd = 'none' } = process.versions;
  return {
    mgw: packageVersion(),
    node,
    v8,
    platform: `${process.platform}-${process.arch}`,
    kernels,
    native,
    zstd,
    zlib,
    openssl,
  };
}

function rowsOf(versions: Versions, reason: string): readonly (readonly [string, string])[] {
  const { kernels, native: _native, ...rest } = versions;
  return [...Object.entries(rest), ['kernels', `${kernels} (${reason})`]];
}
