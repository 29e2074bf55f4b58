// The session filter over real verifiers: who is let in, who is a stranger, who gets 2000. What
// makes a session valid is tested where sessions are decoded.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Errors } from '#core/base/errors.ts';
import { DownstreamProtocol } from '#core/codec/message.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import { KeyRing } from '#core/codec/session/keys.ts';
import { SessionStatus } from '#core/codec/session/types.ts';
import { Harness, KEY_1 } from '#test/core/codec/session/harness.ts';
import { mint, mintLegacy, NOW, SID } from '#test/core/codec/session/reference.ts';
import {
  exchangeOf,
  filterOf,
  setResponseHeaders,
  type ExchangeShape,
  type Pair,
} from '#test/core/pipeline/support/filter-bench.ts';
import type { ApiBase } from '#test/core/pipeline/support/make-api.ts';
import { SessionPolicy } from '../../api.ts';
import type { Exchange } from '../../exchange.ts';
import { FilterStatus } from '../../filter.ts';
import { createSessionFilterFactory } from './filter.ts';

const harness = new Harness();
const { compact, legacy, kernels, ring } = harness;
const issuer = new SessionIssuer(ring, kernels);
const factory = createSessionFilterFactory({ compact, legacy, issuer }, () => NOW);

const GOOD = mint();
const DAMAGED = Buffer.from(GOOD);
DAMAGED[20]! ^= 1;

function run(shape: ExchangeShape, overrides: Partial<ApiBase> = {}): Exchange {
  const filter = filterOf(factory, { sessionPolicy: SessionPolicy.required, ...overrides })!;
  const exchange = exchangeOf(shape);
  const status = filter.requestHead!(exchange);
  assert.equal(status, exchange.error === null ? FilterStatus.continue : FilterStatus.reply);
  return exchange;
}

describe('session filter', () => {
  test('an API without sessions does not have it', () => {
    assert.equal(filterOf(factory, { sessionPolicy: SessionPolicy.none }), null);
  });

  test('a good session opens the view', () => {
    const exchange = run({ session: GOOD });
    assert.equal(exchange.hasSession, true);
    assert.equal(exchange.sessionStatus, SessionStatus.ok);
    assert.equal(exchange.session.isValid, true);
    assert.ok(exchange.session.uidLow > 0);
  });

  test('without a session: 2000 where it is required, a stranger where it is optional', () => {
    const required = run({});
    assert.equal(required.error, Errors.sessionMissing);
    assert.equal(required.response.resultCode, 2000);
    assert.equal(required.sessionStatus, -1);
    const optional = run({}, { sessionPolicy: SessionPolicy.optional });
    assert.equal(optional.hasSession, false);
  });

  test('a damaged session: the same', () => {
    const required = run({ session: DAMAGED });
    assert.equal(required.error, Errors.sessionInvalid);
    assert.equal(required.response.resultCode, 2000);
    assert.equal(required.hasSession, false);
    assert.notEqual(required.sessionStatus, SessionStatus.ok);
    const optional = run({ session: DAMAGED }, { sessionPolicy: SessionPolicy.optional });
    assert.equal(optional.hasSession, false);
    assert.notEqual(optional.sessionStatus, SessionStatus.ok);
  });

  test('a session of the other channel is none', () => {
    const exchange = run({ session: GOOD, channel: 2 });
    assert.equal(exchange.error, Errors.sessionInvalid);
    assert.equal(exchange.sessionStatus, SessionStatus.wrongChannel);
  });

  test('a session that was not decodable is not a missing one', () => {
    const filter = filterOf(factory, { sessionPolicy: SessionPolicy.required })!;
    const exchange = exchangeOf();
    exchange.request.sessionLength = -1;
    filter.requestHead!(exchange);
    assert.equal(exchange.error, Errors.sessionInvalid);
  });

  test('only the forms that the API takes are looked at', () => {
    const claims = JSON.stringify({
      userId: '12345',
      loginTime: NOW - 5,
      sessionId: 'a'.repeat(32),
    });
    const old = mintLegacy(claims);
    const refused = run({ session: old }, { acceptsLegacy: false });
    assert.equal(refused.sessionStatus, SessionStatus.badVersion);
    const noCompact = run({ session: GOOD }, { acceptsCompact: false, acceptsLegacy: true });
    assert.equal(noCompact.sessionStatus, SessionStatus.badVersion);
    const looked = run({ session: old }, { acceptsLegacy: true });
    assert.notEqual(looked.sessionStatus, SessionStatus.badVersion);
  });

  test('the device of the request counts, wherever its bytes are', () => {
    const bound = mint({ device: 'phone-1' });
    const right = run({ session: bound, device: 'phone-1' });
    assert.equal(right.sessionStatus, SessionStatus.ok);
    const wrong = run({ session: bound, device: 'phone-2' });
    assert.equal(wrong.sessionStatus, SessionStatus.wrongDevice);
    const filter = filterOf(factory, { sessionPolicy: SessionPolicy.required })!;
    const elsewhere = exchangeOf({ session: bound });
    elsewhere.request.deviceSource = Buffer.from('phone-1');
    elsewhere.request.deviceIdOffset = 0;
    elsewhere.request.deviceIdLength = 7;
    filter.requestHead!(elsewhere);
    assert.equal(elsewhere.sessionStatus, SessionStatus.ok);
  });

  test('a session in text is decoded; one that is not canonical is none', () => {
    const text = GOOD.toString('base64url');
    assert.equal(run({ sessionText: text }).sessionStatus, SessionStatus.ok);
    for (const wrong of [`${text}=`, text.slice(0, -1), `*${text}`, 'x']) {
      const exchange = run({ sessionText: wrong });
      assert.equal(exchange.error, Errors.sessionInvalid, wrong.slice(0, 5));
    }
  });

  test('a session whose request waits for its body is not changed by the next one', () => {
    const filter = filterOf(factory, { sessionPolicy: SessionPolicy.required })!;
    const [first, second] = [111n, 222n].map((uid) =>
      mint({ uid, sid: Buffer.alloc(16, Number(uid)) }),
    );
    const waiting = exchangeOf({ sessionText: first!.toString('base64url') });
    waiting.isBodyComplete = false;
    filter.requestHead!(waiting);
    const next = exchangeOf({ sessionText: second!.toString('base64url') });
    next.isBodyComplete = true;
    filter.requestHead!(next);
    const { request, session } = waiting;
    const { sessionSource, sessionOffset, sessionLength } = request;
    const bytes = sessionSource.subarray(sessionOffset, sessionOffset + sessionLength);
    assert.ok(first!.equals(bytes), 'the bytes are those of another user');
    const { source, sidOffset } = session;
    assert.equal(source.toString('hex', sidOffset, sidOffset + 16), '6f'.repeat(16));
    assert.deepEqual([session.uidLow, next.session.uidLow], [111, 222]);
  });
});

/** Claims of a legacy session that is good at NOW. */
function legacyClaims(change: object = {}): string {
  const sid = SID.toString('hex');
  return JSON.stringify({
    v: 0,
    uid: '18446744073709551615',
    sid,
    iat: NOW - 100,
    ttl: 3600,
    epoch: 9,
    level: 4,
    ...change,
  });
}

const BOTH: Partial<ApiBase> = { acceptsCompact: true, acceptsLegacy: true };

/** What the answer to a request gets from the filter. */
function addedTo(
  shape: ExchangeShape,
  overrides: Partial<ApiBase> = BOTH,
  serviceHeaders: readonly Pair[] = [],
): readonly string[] {
  const policy = { sessionPolicy: SessionPolicy.optional };
  const filter = filterOf(factory, { ...policy, ...overrides })!;
  const exchange = exchangeOf(shape);
  filter.requestHead!(exchange);
  setResponseHeaders(exchange, serviceHeaders);
  filter.responseHead?.(exchange);
  return exchange.response.added;
}

describe('exchange of legacy sessions', () => {
  const mmtp = DownstreamProtocol.mmtp;

  test('Mmtp gets the compact form with the same claims, and it is valid', () => {
    const session = mintLegacy(legacyClaims({ device: 'phone-1' }));
    const [name, text = '', ...rest] = addedTo({ session, device: 'phone-1', protocol: mmtp });
    assert.equal(name, 'Mgw-Session');
    assert.deepEqual(rest, []);
    const expected = mint({
      uid: 18446744073709551615n,
      sid: SID,
      iat: NOW - 100,
      ttl: 3600,
      epoch: 9,
      level: 4,
      device: 'phone-1',
    });
    assert.equal(text, expected.toString('base64url'));
    assert.equal(harness.check(Buffer.from(text, 'base64url'), { device: 'phone-1' }), 'ok');
    assert.equal(harness.check(Buffer.from(text, 'base64url')), 'wrongDevice');
  });

  test('HTTP gets a cookie that lives as long as the session', () => {
    const [name, value] = addedTo({ session: mintLegacy(legacyClaims()) });
    assert.equal(name, 'Set-Cookie');
    const pattern = /^MGW_SESSION=[\w-]+; Path=\/; Max-Age=3500; HttpOnly; SameSite=Lax$/;
    assert.match(value!, pattern);
  });

  test('it is signed for the channel that the legacy session came on', () => {
    const added = addedTo({ session: mintLegacy(legacyClaims()), protocol: mmtp, channel: 2 });
    const session = Buffer.from(added[1]!, 'base64url');
    assert.equal(harness.check(session, { channel: 2 }), 'ok');
    assert.equal(harness.check(session, { channel: 1 }), 'wrongChannel');
  });

  test('a compact session, no session and a bad legacy one get nothing', () => {
    assert.deepEqual(addedTo({ session: GOOD }), []);
    assert.deepEqual(addedTo({}), []);
    const revoked = mintLegacy(legacyClaims(), Buffer.alloc(32, 1));
    assert.deepEqual(addedTo({ session: revoked }), []);
  });

  test('a session that is valid by the skew alone is not renewed', () => {
    const session = mintLegacy(legacyClaims({ iat: NOW - 3610 }));
    assert.equal(harness.checkLegacy(session), 'ok');
    assert.deepEqual(addedTo({ session }), []);
  });

  test('APIs that take one form only, and keys that do not sign, have no such phase', () => {
    const phase = (overrides: Partial<ApiBase>, from = factory) =>
      filterOf(from, { sessionPolicy: SessionPolicy.optional, ...overrides })!.responseHead;
    assert.equal(phase({ acceptsCompact: true, acceptsLegacy: false }), undefined);
    assert.equal(phase({ acceptsCompact: false, acceptsLegacy: true }), undefined);
    const old = new KeyRing([{ ...KEY_1, state: 'verify-only' }], kernels);
    const mute = { compact, legacy, issuer: new SessionIssuer(old, kernels) };
    assert.equal(
      phase(
        BOTH,
        createSessionFilterFactory(mute, () => NOW),
      ),
      undefined,
    );
  });

  test('a service that sets the session cookie itself has the last word', () => {
    const session = mintLegacy(legacyClaims());
    assert.deepEqual(addedTo({ session }, BOTH, [['set-cookie', 'MGW_SESSION=; Max-Age=0']]), []);
    const others: Pair[] = [
      ['Set-Cookie', 'MGW_SESSIONS=1'],
      ['Set-Cookie', 'x'],
      ['X-Cookie', 'MGW_SESSION=1'],
    ];
    assert.equal(addedTo({ session }, BOTH, others).length, 2);
  });

  test('an answer that is given again gets it once', () => {
    const filter = filterOf(factory, { sessionPolicy: SessionPolicy.optional, ...BOTH })!;
    const exchange = exchangeOf({ session: mintLegacy(legacyClaims()), protocol: mmtp });
    filter.requestHead!(exchange);
    filter.responseHead!(exchange);
    filter.responseHead!(exchange);
    assert.equal(exchange.response.added.length, 2);
  });
});
