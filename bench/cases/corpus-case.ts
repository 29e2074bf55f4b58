// One operation to time, with the check that comes first.

import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import type { CodecKernels } from '#native/codec-kernels.ts';

/** An operation; it answers a number that the timing loop adds up, so that no work is left out. */
export type Operation = () => number;

export interface CorpusCase {
  readonly name: string;
  /**
   * Makes the data and the operation.
   *
   * @throws AssertionError when the operation gives a wrong answer
   */
  readonly prepare: () => Operation;
  /**
   * Kernels only: the same operation over another form of them.
   *
   * @throws AssertionError when it answers anything else than the TypeScript form
   */
  readonly prepareOver?: (kernels: CodecKernels) => Operation;
}

/** The operation, after one run of it answered `expected`. */
export function checked(operation: Operation, expected: number): Operation {
  assert.equal(operation(), expected);
  return operation;
}

/** Bytes that look random and are the same in every run. */
export function seededBytes(length: number, seed: string): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) blocks.push(hashOf(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

function hashOf(text: string): Hash {
  return createHash('sha256').update(text);
}
