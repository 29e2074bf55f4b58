// Session checks: the whole check of a compact session with and without the cache, the text form,
// and the legacy session that the compact one replaces.

import assert from 'node:assert/strict';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { paddingAttributes } from '#core/codec/session/attributes.ts';
import { decodeCanonicalBase64Url } from '#core/codec/session/base64url.ts';
import { SessionCache } from '#core/codec/session/cache.ts';
import { SessionVerifier } from '#core/codec/session/compact.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import { KeyRing, type SessionKey } from '#core/codec/session/keys.ts';
import { encodeLegacySession, LegacyVerifier } from '#core/codec/session/legacy.ts';
import { sampleLegacyClaims } from '#core/codec/session/legacy-sample.ts';
import { emptyRevocations } from '#core/codec/session/revocation.ts';
import {
  SESSION_BYTES_MAX,
  SESSION_BYTES_MIN,
  SessionChannel,
  SessionStatus,
  SessionView,
  SID_BYTES,
} from '#core/codec/session/types.ts';
import { checked, seededBytes, type CorpusCase, type Operation } from './corpus-case.ts';

const ISSUED_AT = 1_700_000_000;
const TTL_SECONDS = 3600;
const UID_LOW = 2_088_123_456;
const NO_DEVICE = Buffer.alloc(0);

const kernels = new TypeScriptKernels();

function keyRing(): KeyRing {
  const master = seededBytes(32, 'master');
  const key: SessionKey = { kid: 1, state: 'signing', master, legacy: true };
  return new KeyRing([key], kernels);
}

function compactSession(keys: KeyRing): Buffer {
  return new SessionIssuer(keys, kernels).issue({
    channel: SessionChannel.wireless,
    issuedAt: ISSUED_AT,
    ttl: TTL_SECONDS,
    uidHigh: 0,
    uidLow: UID_LOW,
    sid: seededBytes(SID_BYTES, 'sid'),
    attributes: paddingAttributes(SESSION_BYTES_MAX - SESSION_BYTES_MIN),
  });
}

/** A check of `session` that answers the uid's lower half, or less than 0 for a refusal. */
function checkOf(verifier: SessionVerifier | LegacyVerifier, session: Buffer): Operation {
  const view = new SessionView();
  return () => {
    const status = verifier.verify(
      session,
      0,
      session.length,
      SessionChannel.wireless,
      ISSUED_AT + 1,
      NO_DEVICE,
      0,
      0,
      view,
    );
    return status === SessionStatus.ok ? view.uidLow : -status;
  };
}

export const sessionCases: readonly CorpusCase[] = [
  {
    name: 'session cold',
    prepare() {
      const keys = keyRing();
      const session = compactSession(keys);
      const verifier = new SessionVerifier({ kernels, keys, revocations: emptyRevocations() });
      const damaged = Buffer.from(session);
      damaged[100]! ^= 1;
      assert.equal(checkOf(verifier, damaged)(), -SessionStatus.badMac);
      return checked(checkOf(verifier, session), UID_LOW);
    },
  },
  {
    name: 'session cached',
    prepare() {
      const keys = keyRing();
      const cache = new SessionCache(1024, keys);
      const revocations = emptyRevocations();
      const verifier = new SessionVerifier({ kernels, keys, revocations, cache });
      const operation = checked(checkOf(verifier, compactSession(keys)), UID_LOW);
      checked(operation, UID_LOW);
      assert.equal(cache.hits, 1);
      return operation;
    },
  },
  {
    name: 'session legacy',
    prepare() {
      const keys = keyRing();
      const sid = seededBytes(SID_BYTES, 'sid').toString('hex');
      const fixed = { v: 0, uid: String(UID_LOW), sid, iat: ISSUED_AT, ttl: TTL_SECONDS } as const;
      const claims = sampleLegacyClaims({ ...fixed, epoch: 0 }, 1);
      const session = encodeLegacySession(claims, keys.legacyKey!, kernels);
      const verifier = new LegacyVerifier({ kernels, keys, revocations: emptyRevocations() });
      return checked(checkOf(verifier, session), UID_LOW);
    },
  },
  {
    name: 'session base64url',
    prepare() {
      const bytes = seededBytes(SESSION_BYTES_MAX, 'session');
      const text = Buffer.from(bytes.toString('base64url'), 'latin1');
      const target = Buffer.alloc(SESSION_BYTES_MAX);
      const operation = () => decodeCanonicalBase64Url(text, 0, text.length, target, 0);
      checked(operation, SESSION_BYTES_MAX);
      assert.deepEqual(target, bytes);
      return operation;
    },
  },
];
