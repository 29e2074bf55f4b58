// HOT PATH. Checks of arguments that only a fault of ours can get wrong: they throw RangeError.

/** LIMIT: entries of one batch; a turn of the loop brings some hundreds of frames at most. */
const BATCH_ENTRIES_MAX = 65_536;

/** Throws RangeError unless `length` bytes at `offset` are inside of `bytes`. */
export function checkRange(bytes: Uint8Array, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= bytes.length) return;
  throw rangeError(bytes, offset, length);
}

/** What {@link checkRange} throws, for ranges that the addon refused. */
export function rangeError(bytes: Uint8Array, offset: number, length: number): RangeError {
  return new RangeError(
    `[${offset}, ${offset} + ${length}) is not inside of ${bytes.length} bytes, or overlaps`,
  );
}

/** Throws RangeError for a number of entries that no batch can have. */
export function checkEntriesMax(entriesMax: number): void {
  if (Number.isInteger(entriesMax) && entriesMax >= 1 && entriesMax <= BATCH_ENTRIES_MAX) return;
  throw new RangeError(`A batch has 1 to ${BATCH_ENTRIES_MAX} entries, not ${entriesMax}`);
}

/** Throws RangeError when a batch of `entriesMax` cannot take one more entry. */
export function checkRoom(count: number, entriesMax: number): void {
  if (count >= entriesMax) throw new RangeError(`The batch is full: ${entriesMax} entries`);
}
