// The native kernels for suites that measure them in this process or a child of it: they are there
// or a reason is told with which cases are skipped.

import type { CodecKernels } from '#native/codec-kernels.ts';
import { NativeMissingError, loadNative } from '#native/loader.ts';

/** The kernels over the addon, or why there are none. */
export function findNativeKernels(): CodecKernels | string {
  if (process.env['MGW_NATIVE'] === 'off') return 'MGW_NATIVE is off';
  try {
    return loadNative('on').kernels;
  } catch (error) {
    if (error instanceof NativeMissingError) return error.message;
    throw error;
  }
}
