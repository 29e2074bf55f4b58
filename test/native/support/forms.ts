// The forms of the kernels that a suite runs over, and a seeded source of bytes. Without the addon
// its suites are skipped with the reason.

import { describe } from 'node:test';
import { PlainKernels } from '#native/codec-kernels.ts';
import type { CodecKernels } from '#native/codec-kernels.ts';
import { loadNative } from '#native/loader.ts';

const loaded = loadNative('auto');

/** Why suites of the addon are skipped; false when they are not. */
export const skipNative: string | false = loaded.native ? false : loaded.reason;

/** Kernels over the addon, or the other form again when there is none. */
export const nativeKernels: CodecKernels = loaded.kernels;

/** Declares `suite` for both forms. */
export function describeForms(name: string, suite: (kernels: CodecKernels) => void): void {
  describe(`${name}, without addon`, () => suite(new PlainKernels()));
  describe(`${name}, over the addon`, { skip: skipNative }, () => suite(nativeKernels));
}

/** Numbers 0..2^32-1 that depend on the seed only (xorshift32, seed not 0). */
export class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state >>> 0;
  }

  /** A number in 0..limit-1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next() >>> 11;
  }
}
