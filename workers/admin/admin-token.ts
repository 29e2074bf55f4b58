// The token that opens the admin API, as text and as a check of what a request carries. Where it
// is kept is left to admin-token-file.ts.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 bits: beyond guessing. */
const TOKEN_BYTES = 32;

const BEARER = 'bearer ';

/** One token, checked in constant time. */
export class AdminToken {
  readonly text: string;
  readonly #digest: Buffer;

  constructor(text: string) {
    this.text = text;
    this.#digest = digest(text);
  }

  /** A new random token, base64url. */
  static create(): AdminToken {
    return new AdminToken(randomBytes(TOKEN_BYTES).toString('base64url'));
  }

  /** Does the value of an `Authorization` header carry this token? */
  isCarriedBy(authorization: string | undefined): boolean {
    if (authorization === undefined) return false;
    if (authorization.slice(0, BEARER.length).toLowerCase() !== BEARER) return false;
    // Digests have one length, so the comparison tells nothing about the length of the token.
    return timingSafeEqual(digest(authorization.slice(BEARER.length).trim()), this.#digest);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
