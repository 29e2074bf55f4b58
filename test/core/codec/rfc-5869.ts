// Cases 1, 2 and 3 of RFC 5869, Appendix A: HKDF with SHA-256.

const row = (from: number, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, i) => from + i));

/** Input of HKDF and the key it makes. */
interface HkdfCase {
  readonly secret: Buffer;
  readonly salt: Buffer;
  readonly info: Buffer;
  /** In hex. */
  readonly key: string;
}

export const RFC_5869: readonly HkdfCase[] = [
  {
    secret: Buffer.alloc(22, 0x0b),
    salt: row(0, 13),
    info: row(0xf0, 10),
    key: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    secret: row(0, 80),
    salt: row(0x60, 80),
    info: row(0xb0, 80),
    key:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c' +
      '59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71' +
      'cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    secret: Buffer.alloc(22, 0x0b),
    salt: Buffer.alloc(0),
    info: Buffer.alloc(0),
    key: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
];
