// Chooses the kernels of a thread: those over the addon when it is there and wanted, those over
// Node's own functions otherwise. Invariant: only `on` can fail; why the addon is not used is
// always told. Call it once per thread: kernels hold scratch memory, and the addon's state is the
// thread's.

import { packageFile } from '#config/package-files.ts';
import { loadAddon } from './addon.ts';
import { PlainKernels, type CodecKernels } from './codec-kernels.ts';
import { NativeKernels } from './native-kernels.ts';

/** The setting `--native`. */
export type NativeMode = 'auto' | 'on' | 'off';

/** What a thread computes with. */
export interface LoadedKernels {
  readonly kernels: CodecKernels;
  /** Whether the addon is in use. */
  readonly native: boolean;
  /** Gives free memory of the C library back to the system; null without the addon. */
  readonly trimHeap: (() => boolean) | null;
  /** One sentence: which form, and for `native: false` why. */
  readonly reason: string;
}

/** Where `npm run build:native` puts the addon. */
export const ADDON_PATH = packageFile('native/kernels.node');

/** `--native on` and the addon cannot be used. */
export class NativeMissingError extends Error {
  override readonly name = 'NativeMissingError';
}

/**
 * The kernels for `mode`.
 *
 * @param path file of the addon
 * @throws {NativeMissingError} for `on` without a usable addon; the message says what to do
 */
export function loadNative(mode: NativeMode, path: string = ADDON_PATH): LoadedKernels {
  if (mode === 'off') {
    return without('The native addon is switched off by --native off');
  }
  const result = loadAddon(path);
  if (result.ok) {
    const reason = 'The native addon is in use';
    const { addon } = result;
    const trimHeap = () => addon.trimHeap();
    return { kernels: new NativeKernels(addon), native: true, trimHeap, reason };
  }
  const problem = `The native addon cannot be used: ${result.reason}`;
  if (mode === 'auto') return without(problem);
  throw new NativeMissingError(
    `${problem}; run "npm run build:native" (needs cargo), or use --native auto`,
  );
}

function without(reason: string): LoadedKernels {
  return { kernels: new PlainKernels(), native: false, trimHeap: null, reason };
}
