// The books of a simulation: every request that a client sends, what it may be answered, and what
// it was answered. Invariant checked at the end: one answer to each, its own.

import assert from 'node:assert/strict';
import { bodyOfUser, echoOf } from './sim-http-service.ts';
import type { SimRandom } from './sim-random.ts';

/** How a request ended. */
export type CallEnd = 'open' | 'answered' | 'abandoned' | 'broken';

/** One operation of the simulated gateway. */
export interface Operation {
  readonly name: string;
  readonly isUser: boolean;
  /** A service may see a body twice only if this is true. */
  readonly isIdempotent: boolean;
  /** Codes that an answer may have. */
  readonly codes: readonly number[];
}

const SERVED = [1000, 4001, 4002];

/** All operations; those of services that break may fail, and in no other way. */
export const OPERATIONS: readonly Operation[] = [
  { name: 'web.echo', isUser: false, isIdempotent: false, codes: SERVED },
  { name: 'web.safe', isUser: false, isIdempotent: true, codes: SERVED },
  { name: 'web.user', isUser: true, isIdempotent: false, codes: SERVED },
  { name: 'web.stranger', isUser: false, isIdempotent: false, codes: [2000] },
  { name: 'bolt.echo', isUser: false, isIdempotent: false, codes: SERVED },
  { name: 'dead.call', isUser: false, isIdempotent: false, codes: [4001, 4002] },
  { name: 'no.such.call', isUser: false, isIdempotent: false, codes: [3000] },
];

/** One request. */
export class SimCall {
  readonly name: string;
  readonly operation: Operation;
  readonly uid: bigint;
  readonly body: string;
  end: CallEnd = 'open';
  code = 0;

  constructor(id: number, random: SimRandom, bodyBytesMax: number) {
    this.name = `call ${id}`;
    this.operation = random.pick(OPERATIONS);
    this.uid = BigInt(10_000 + id * 7);
    const length = random.below(random.chance(0.1) ? bodyBytesMax : bodyBytesMax / 10);
    const text = `${id}:`.padEnd(length, `${id}.`);
    this.body = this.operation.isUser ? bodyOfUser(this.uid, text) : text;
  }

  /** The client got a whole answer. */
  answered(code: number, body: string): void {
    assert.equal(this.end, 'open', `${this.name} answered after it was ${this.end}`);
    const { codes, name } = this.operation;
    assert.ok(
      codes.includes(code),
      `${this.name} (${name}) answered ${code}: ${body.slice(0, 80)}`,
    );
    if (code === 1000 && body !== echoOf(this.body)) {
      assert.fail(`${this.name} got another answer: ${body.slice(0, 80)}`);
    }
    this.end = 'answered';
    this.code = code;
  }

  /** The client gave up, or its connection broke through no fault of the gateway. */
  abandoned(end: 'abandoned' | 'broken'): void {
    if (this.end === 'open') this.end = end;
  }
}

/** All calls of a run. */
export class SimCalls {
  readonly all: SimCall[] = [];
  /** Connections that the gateway closed with a request open and without a byte of an answer. */
  closedSilently = 0;
  readonly random: SimRandom;
  readonly #bodyBytesMax: number;

  constructor(random: SimRandom, bodyBytesMax: number) {
    this.random = random;
    this.#bodyBytesMax = bodyBytesMax;
  }

  create(): SimCall {
    const call = new SimCall(this.all.length + 1, this.random, this.#bodyBytesMax);
    this.all.push(call);
    return call;
  }

  count(end: CallEnd): number {
    return this.all.filter((call) => call.end === end).length;
  }
}
