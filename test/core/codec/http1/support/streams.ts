// Generators of byte streams: messages put together from good and bad parts, and damaged copies of
// messages. They are rich in what request smuggling is made of; most streams break in one place.

import * as fc from 'fast-check';

import type { Side } from './transcript.ts';

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'CONNECT',
  'PURGE',
  'get',
  'G\0T',
];
const TARGETS = [
  '/',
  '/a?b=c',
  '*',
  'http://a/b',
  'http:a',
  '/\x7f',
  '/a#b',
  '/a b',
  '',
  '//',
  'a',
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/1.1 ', 'http/1.1', ''];
const STATUS_PARTS = ['200 OK', '204 No', '304 x', '100 c', '101 s', '404', '999 ', '20 OK', 'x'];

const GOOD_LINES = [
  'Host: a',
  'X: y',
  'Accept: */*',
  'Connection: keep-alive',
  'Connection: close',
  'Cookie: a=b; c=d',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'X-Empty:',
];
const FRAMING_LINES = [
  'Content-Length: 3',
  'Content-Length: 0',
  'Content-Length:5 ',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tCHUNKED',
];
const BAD_LINES = [
  'Content-Length: 3, 3',
  'Content-Length: +3',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding:',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: chunked\x0b',
  'Host: b',
  ' folded',
  'X : y',
  ': y',
  'X',
  'X: \0',
  'X: a\rb',
  'X\xff: y',
];
const BODIES = [
  '',
  'abc',
  'hello',
  '0\r\n\r\n',
  '3\r\nabc\r\n0\r\n\r\n',
  '3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n',
  '3;x="a\\"b";z\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  '3;\r\nabc\r\n0\r\n\r\n',
  '3\nabc\r\n0\r\n\r\n',
  '3\r\nabcd\r\n0\r\n\r\n',
  'fffffffffffffffff\r\n',
];
const INTERESTING = '\0\x01\t\n\v\r !"#%,-/0159:;=?@AZ[\\]_`afz{|}~\x7f\x80\xff';

function pick(values: readonly string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...values);
}

/** The first value most of the time. */
function mostly(values: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(values[0]!) }, pick(values));
}

const lineEnd = fc.oneof(
  { weight: 60, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: pick(['\n', '\r', '\r\r\n', '\n\r', '\r\n ']) },
);

const line = fc.oneof(
  { weight: 8, arbitrary: pick(GOOD_LINES) },
  { weight: 3, arbitrary: pick(FRAMING_LINES) },
  { weight: 1, arbitrary: pick(BAD_LINES) },
);

function startLine(side: Side): fc.Arbitrary<string> {
  if (side === 'response') {
    return fc
      .tuple(mostly(VERSIONS), mostly(STATUS_PARTS))
      .map(([version, status]) => `${version} ${status}`);
  }
  return fc
    .tuple(mostly(METHODS), mostly(TARGETS), mostly(VERSIONS))
    .map(([method, target, version]) => `${method} ${target} ${version}`);
}

function message(side: Side): fc.Arbitrary<string> {
  const host = side === 'request' ? mostly(['Host: h\r\n', '']) : fc.constant('');
  const lines = fc.array(
    fc.tuple(line, lineEnd).map((parts) => parts.join('')),
    { maxLength: 6 },
  );
  return fc
    .tuple(startLine(side), lineEnd, host, lines, lineEnd, mostly(BODIES))
    .map(
      ([start, end, host, lines, last, body]) => start + end + host + lines.join('') + last + body,
    );
}

/** One to three messages, good and bad parts mixed. */
export function streams(side: Side): fc.Arbitrary<Buffer> {
  return fc
    .array(message(side), { minLength: 1, maxLength: 3 })
    .map((messages) => Buffer.from(messages.join(''), 'latin1'));
}

interface Damage {
  readonly kind: 'replace' | 'insert' | 'remove' | 'repeat' | 'cut';
  readonly at: number;
  readonly length: number;
  readonly byte: string;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('replace', 'insert', 'remove', 'repeat', 'cut'),
  at: fc.nat(10_000),
  length: fc.integer({ min: 1, max: 40 }),
  byte: fc.oneof(
    fc.constantFrom(...INTERESTING),
    fc.nat(255).map((code) => String.fromCharCode(code)),
  ),
});

function apply(text: string, { kind, at: place, length, byte }: Damage): string {
  const at = text.length === 0 ? 0 : place % text.length;
  const front = text.slice(0, at);
  if (kind === 'replace') return front + byte + text.slice(at + 1);
  if (kind === 'insert') return front + byte + text.slice(at);
  if (kind === 'remove') return front + text.slice(at + (length % 3) + 1);
  if (kind === 'repeat') return text.slice(0, at + length) + text.slice(at);
  return front;
}

/** Copies of `samples` with one to three places damaged. */
export function damaged(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(damage, { minLength: 1, maxLength: 3 }))
    .map(([sample, damages]) => {
      let text = sample.latin1Slice();
      for (const one of damages) text = apply(text, one);
      return Buffer.from(text, 'latin1');
    });
}
