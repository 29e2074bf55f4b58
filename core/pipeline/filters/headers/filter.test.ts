// Header hygiene against a model that says in plain words what may cross, over random header lists.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { ContentType, DownstreamProtocol } from '#core/codec/message.ts';
import {
  exchangeOf,
  filterOf,
  pairsOf,
  setResponseHeaders,
  type Pair,
} from '#test/core/pipeline/support/filter-bench.ts';
import type { HeaderRules } from '../../api.ts';
import { headersFilterFactory } from './filter.ts';

const NO_RULES: HeaderRules = { add: [], remove: [] };

function cleanRequest(headers: readonly Pair[], rules: HeaderRules = NO_RULES): readonly Pair[] {
  const exchange = exchangeOf({ headers });
  filterOf(headersFilterFactory, { requestHeaders: rules })!.requestHead!(exchange);
  return pairsOf(exchange.request.headers, exchange.request.source);
}

function cleanResponse(
  headers: readonly Pair[],
  rules: HeaderRules = NO_RULES,
  protocol: number = DownstreamProtocol.http1,
  contentType: number = ContentType.json,
): { readonly kept: readonly Pair[]; readonly added: readonly string[] } {
  const exchange = exchangeOf({ protocol });
  setResponseHeaders(exchange, headers);
  exchange.response.contentType = contentType;
  filterOf(headersFilterFactory, { responseHeaders: rules })!.responseHead!(exchange);
  const { response } = exchange;
  return { kept: pairsOf(response.headers, response.headerSource), added: response.added };
}

const HOP_BY_HOP = [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
  'Content-Length',
];
const GATEWAY_OWN = ['Mgw-Session', 'Mgw-Trace', 'Mgw-Uid', 'Mgw-Shard', 'mgw_uid', 'MGW-ANY'];
const ANSWER_OWN = ['Result-Status', 'Memo', 'Tips'];
const REWRITTEN = [
  'Host',
  'Expect',
  'Operation-Type',
  'Traceparent',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Real-IP',
  'Forwarded',
];
const HARMLESS = ['Accept', 'X-Custom', 'Content-Type', 'Set-Cookie', 'Authorization', 'Codec'];

describe('headers filter: requests', () => {
  for (const name of [...HOP_BY_HOP, ...GATEWAY_OWN, ...ANSWER_OWN, ...REWRITTEN]) {
    test(`${name} does not cross, in any case`, () => {
      for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
        assert.deepEqual(
          cleanRequest([
            ['A', '1'],
            [spelled, 'x'],
            ['B', '2'],
          ]),
          [
            ['A', '1'],
            ['B', '2'],
          ],
        );
      }
    });
  }

  test('what Connection lists does not cross', () => {
    const headers: Pair[] = [
      ['X-Hop', '1'],
      ['Connection', 'close, X-Hop ,x-two'],
      ['x-hop', '2'],
      ['X-Two', '3'],
      ['X-Three', '4'],
    ];
    assert.deepEqual(cleanRequest(headers), [['X-Three', '4']]);
  });

  test('a list that looks like close or keep-alive by its length is read all the same', () => {
    const close: Pair[] = [
      ['Connection', 'Codec'],
      ['Codec', '1'],
    ];
    assert.deepEqual(cleanRequest(close), []);
    const keepAlive: Pair[] = [
      ['Connection', 'Kind-x-two'],
      ['Kind-X-Two', '1'],
    ];
    assert.deepEqual(cleanRequest(keepAlive), []);
  });

  test('nothing crosses because it is far back in the list', () => {
    const names = Array.from({ length: 100 }, (_, index) => `X-Hop-${index}`);
    const headers = names.map((name): Pair => [name, '1']);
    assert.deepEqual(cleanRequest([['Connection', names.join(',')], ...headers]), []);
  });

  test('the session cookie stays here, other cookies cross', () => {
    assert.deepEqual(cleanRequest([['Cookie', 'a=1; MGW_SESSION=secret; b=2']]), [
      ['Cookie', 'a=1; b=2'],
    ]);
    assert.deepEqual(cleanRequest([['Cookie', 'MGW_SESSION=secret']]), []);
  });

  test('rules of the API remove, and what they add replaces', () => {
    const rules: HeaderRules = { add: [['X-New', 'v']], remove: ['x-old'] };
    const headers: Pair[] = [
      ['X-Old', '1'],
      ['x-new', 'forged'],
      ['X-Kept', '2'],
    ];
    assert.deepEqual(cleanRequest(headers, rules), [['X-Kept', '2']]);
  });

  test('property: what crosses is what the model lets through, in order', () => {
    const dropped = new Set(
      [...HOP_BY_HOP, ...ANSWER_OWN, ...REWRITTEN].map((name) => name.toLowerCase()),
    );
    const name = fc.constantFrom(...HOP_BY_HOP, ...GATEWAY_OWN, ...REWRITTEN, ...HARMLESS);
    const cased = fc
      .tuple(name, fc.constantFrom('lower', 'upper', 'same'))
      .map(([text, how]) =>
        how === 'lower' ? text.toLowerCase() : how === 'upper' ? text.toUpperCase() : text,
      );
    const token = fc.oneof(name, fc.constantFrom('close', 'keep-alive', '', ' '));
    const header = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(cased, fc.constantFrom('', 'x', 'a, b')) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom('Connection', 'connection'), fc.array(token, { maxLength: 5 }))
          .map(([key, tokens]): [string, string] => [key, tokens.join(', ').trim()]),
      },
    );
    fc.assert(
      fc.property(fc.array(header, { maxLength: 30, size: 'max' }), (headers) => {
        const listed = new Set(
          headers
            .filter(([key]) => key.toLowerCase() === 'connection')
            .flatMap(([, value]) => value.split(','))
            .map((text) => text.trim().toLowerCase()),
        );
        const expected = headers.filter(([key]) => {
          const lower = key.toLowerCase();
          return !dropped.has(lower) && !/^mgw[-_]/.test(lower) && !listed.has(lower);
        });
        assert.deepEqual(cleanRequest(headers), expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('headers filter: answers', () => {
  test('a service cannot speak for the gateway', () => {
    const own = [...GATEWAY_OWN, ...ANSWER_OWN, 'Server-Timing', ...HOP_BY_HOP];
    const headers = own.map((name): Pair => [name, 'x']);
    const { kept } = cleanResponse([...headers, ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']]);
    assert.deepEqual(kept, [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]);
  });

  test('cookies of services are not searched for sessions', () => {
    const cookie: Pair = ['Cookie', 'MGW_SESSION=x'];
    assert.deepEqual(cleanResponse([cookie]).kept, [cookie]);
  });

  test('rules of the API remove and add', () => {
    const rules: HeaderRules = { add: [['X-Frame', 'deny']], remove: ['server'] };
    const { kept, added } = cleanResponse(
      [
        ['Server', 'x'],
        ['x-frame', 'allow'],
        ['Vary', '*'],
      ],
      rules,
    );
    assert.deepEqual(kept, [['Vary', '*']]);
    assert.deepEqual(added, ['X-Frame', 'deny']);
  });

  test('an answer without headers gets those that are added', () => {
    assert.deepEqual(cleanResponse([], { add: [['A', 'b']], remove: [] }).added, ['A', 'b']);
  });

  test('Mmtp leaves out what its fields or nobody needs', () => {
    const headers: Pair[] = [
      ['Date', 'x'],
      ['Server', 'x'],
      ['Content-Type', 'image/png'],
      ['ETag', '1'],
    ];
    const { mmtp } = DownstreamProtocol;
    assert.deepEqual(cleanResponse(headers, NO_RULES, mmtp, ContentType.bytes).kept, [
      ['Content-Type', 'image/png'],
      ['ETag', '1'],
    ]);
    assert.deepEqual(cleanResponse(headers, NO_RULES, mmtp, ContentType.json).kept, [
      ['ETag', '1'],
    ]);
    assert.deepEqual(cleanResponse(headers).kept, headers);
  });
});
