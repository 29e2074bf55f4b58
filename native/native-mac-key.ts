// A session key that the addon knows. The bytes for the form without addon stay with it, so that
// code which gets it needs not care.

import { MacKey } from '#core/codec/kernels.ts';

/** A key that the addon has under a number, too. */
export class NativeMacKey extends MacKey {
  /** Number in the addon; valid as long as this object is reachable. */
  readonly index: number;

  constructor(plain: MacKey, index: number) {
    super(plain.pads, plain.keyObject);
    this.index = index;
  }
}
