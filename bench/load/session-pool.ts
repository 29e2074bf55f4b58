// Sessions for load generators, made before the first request: all distinct, compact ones all of
// one size, signed with the keys that the gateway has. Cold path.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { TypeScriptKernels } from '#core/codec/kernels.ts';
import { paddingAttributes } from '#core/codec/session/attributes.ts';
import { SessionIssuer } from '#core/codec/session/encode.ts';
import { formatKeyFile, KeyRing, parseKeyFile } from '#core/codec/session/keys.ts';
import { sampleLegacyClaims } from '#core/codec/session/legacy-sample.ts';
import { encodeLegacySession } from '#core/codec/session/legacy.ts';
import {
  SESSION_BYTES_MAX,
  SESSION_BYTES_MIN,
  SessionChannel,
  SID_BYTES,
} from '#core/codec/session/types.ts';

/** Sessions of a pool unless told otherwise: more than any cache of branch predictors remembers. */
export const POOL_SESSIONS = 2000;

/** Time to live of a benchmark's session. Seconds. */
const TTL_SECONDS = 3600;

/** Uids start here, so that they have as many digits as real ones. */
export const FIRST_UID = 2_088_000_000;

/** The text of a key file for one benchmark. */
export function newBenchKeys(): string {
  return formatKeyFile([{ kid: 1, state: 'signing', master: randomBytes(32), legacy: true }]);
}

/**
 * Makes sessions of SESSION_BYTES_MAX bytes with the keys of a file.
 *
 * @param ttl seconds that they live
 * @throws Error when the file is not a key file
 */
export function createSessions(keysFile: string, count: number, ttl = TTL_SECONDS): Buffer[] {
  const kernels = new TypeScriptKernels();
  const issuer = new SessionIssuer(readRing(keysFile, kernels), kernels);
  const attributes = paddingAttributes(SESSION_BYTES_MAX - SESSION_BYTES_MIN);
  const issuedAt = Math.floor(Date.now() / 1000);
  return Array.from({ length: count }, (_, index) =>
    issuer.issue({
      channel: SessionChannel.wireless,
      issuedAt,
      ttl,
      uidHigh: 0,
      uidLow: FIRST_UID + index,
      sid: randomBytes(SID_BYTES),
      attributes,
    }),
  );
}

/**
 * Makes legacy sessions as they have accumulated: 7 KB of JSON, no two alike, 2 to 3 KB each.
 *
 * @throws Error when the file is not a key file, or has no key for legacy sessions
 */
export function createLegacySessions(keysFile: string, count: number): Buffer[] {
  const kernels = new TypeScriptKernels();
  const { legacyKey } = readRing(keysFile, kernels);
  if (legacyKey === null) throw new Error(`${keysFile}: no key is marked legacy`);
  const iat = Math.floor(Date.now() / 1000);
  return Array.from({ length: count }, (_, index) => {
    const sid = randomBytes(SID_BYTES).toString('hex');
    const uid = String(FIRST_UID + index);
    const claims = { v: 0, uid, sid, iat, ttl: TTL_SECONDS, epoch: 0 } as const;
    return encodeLegacySession(sampleLegacyClaims(claims, index), legacyKey, kernels);
  });
}

function readRing(keysFile: string, kernels: TypeScriptKernels): KeyRing {
  const parsed = parseKeyFile(readFileSync(keysFile, 'utf8'));
  if (!parsed.ok) throw new Error(`${keysFile}: ${parsed.problems[0]?.message ?? 'no keys'}`);
  return new KeyRing(parsed.keys, kernels);
}
