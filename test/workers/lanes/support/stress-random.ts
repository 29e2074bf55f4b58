// Random whole numbers from a seed, the same on every thread and machine (mulberry32).

/** @returns a function that draws 0..max-1; 0 for max 0 */
export function seededRandom(seed: number): (max: number) => number {
  let state = seed | 0;
  return (max) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * max);
  };
}
