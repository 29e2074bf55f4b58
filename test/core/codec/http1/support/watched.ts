// A buffer that tells of every byte that is read from it: to prove that nothing outside a range is
// read, and that each byte is read a bounded number of times.

/** `bytes` behind a proxy; `onRead` gets the offset of each single byte read. */
export function watched(bytes: Buffer, onRead: (offset: number) => void): Buffer {
  return new Proxy(bytes, {
    get(target, key): unknown {
      // Words are read of the memory itself, by skipText alone; its own test sees to its bounds.
      if (key === 'buffer' || key === 'byteOffset' || key === 'length') return target[key];
      if (typeof key !== 'string' || !/^-?\d+$/.test(key)) {
        throw new Error(`The codec used ${String(key)} of the buffer, not single bytes`);
      }
      const offset = Number(key);
      onRead(offset);
      return target[offset];
    },
  });
}
