// Percent-encoding of UTF-8 text for header values (RFC 3986 section 2.1). Memo and Tips carry
// Chinese text, and a header value is safe across proxies only as ASCII.

const IS_UNRESERVED = /^[A-Za-z0-9\-._~]*$/;

const ESCAPES = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (byte < 0x80 && IS_UNRESERVED.test(character)) return character;
  return '%' + byte.toString(16).toUpperCase().padStart(2, '0');
});

/**
 * The text with every byte of its UTF-8 form escaped but letters, digits and `-._~`, so that form
 * decoding (plus sign as space) gives it back as well. Never throws: lone surrogates become U+FFFD.
 */
export function percentEncodeUtf8(text: string): string {
  if (IS_UNRESERVED.test(text)) return text;
  const bytes = Buffer.from(text, 'utf8');
  let encoded = '';
  for (let i = 0; i < bytes.length; i++) encoded += ESCAPES[bytes[i]!]!;
  return encoded;
}
