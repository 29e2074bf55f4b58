// Finds the name that somebody probably meant.

/** The known name closest to `name` by edits, or undefined when none is close enough. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const allowed = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** LIMIT: more known names than this are not listed in a message. */
const LISTED_MAX = 16;

/**
 * The part of a message that helps with an unknown name: the nearest known one, or all of them.
 *
 * @param known names that would have been right
 * @param quote how a name is written in the message
 */
export function suggestion(
  name: string,
  known: readonly string[],
  quote: (name: string) => string = (text) => `"${text}"`,
): string {
  const near = nearest(name, known);
  if (near !== undefined) return `did you mean ${quote(near)}?`;
  if (known.length === 0) return 'there is none';
  if (known.length > LISTED_MAX) return `there are ${known.length}, none with a similar name`;
  return `known: ${known.map(quote).join(', ')}`;
}

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`: Levenshtein's
 * distance with the most frequent slip of typing counted once (optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? beforePrevious[j - 2]! + 1 : Infinity;
      current.push(Math.min(replace, swap, previous[j]! + 1, current[j - 1]! + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
