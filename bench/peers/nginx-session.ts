// The check of a compact session in njs, nginx's own JavaScript: what a team would write that has
// nginx and wants sessions checked in it. The same checks in the same order as docs/session.md
// (nothing is revoked and no session is bound to a device in a benchmark); the key is laid into the
// script, because njs starts each request with a fresh copy of it.

import { readFileSync } from 'node:fs';
import { hkdfSync } from 'node:crypto';
import { parseKeyFile } from '#core/codec/session/keys.ts';
import { SessionChannel } from '#core/codec/session/types.ts';

const KEY_BYTES = 32;
const SALT = 'mgw-session-v1';

/** njs imports nothing but defaults. */
const EXPORT = 'export default { uid };\n';

/**
 * The text of the script.
 *
 * @throws Error when the file is no key file
 */
export function sessionScript(keysFile: string): string {
  const parsed = parseKeyFile(readFileSync(keysFile, 'utf8'));
  const key = parsed.ok ? parsed.keys[0] : undefined;
  if (key === undefined) throw new Error(`${keysFile} holds no key`);
  const channel = SessionChannel.wireless;
  const info = Buffer.from([channel]);
  const macKey = Buffer.from(hkdfSync('sha256', key.master, SALT, info, KEY_BYTES));
  return `import crypto from 'crypto';

// The uid of the session in the cookie; '' for every session that is not valid.
function uid(r) {
  const text = r.variables.cookie_MGW_SESSION;
  if (!text) return '';
  const bytes = Buffer.from(text, 'base64url');
  const end = bytes.length - 32;
  if (end < 52 || end > 618 || bytes.toString('base64url') !== text) return '';
  if (bytes[0] !== 1 || bytes[1] !== ${channel}) return '';
  if (bytes.readUInt16BE(2) !== ${key.kid} || 52 + bytes.readUInt16BE(50) !== end) return '';
  const key = Buffer.from('${macKey.toString('hex')}', 'hex');
  const mac = crypto.createHmac('sha256', key).update(bytes.slice(0, end)).digest();
  let difference = 0;
  for (let i = 0; i < 32; i++) difference |= mac[i] ^ bytes[end + i];
  if (difference !== 0) return '';
  const now = Math.floor(Date.now() / 1000);
  const issuedAt = bytes.readUInt32BE(4);
  if (issuedAt > now + 60 || issuedAt + bytes.readUInt32BE(8) + 60 < now) return '';
  return String(bytes.readUInt32BE(12) * 4294967296 + bytes.readUInt32BE(16));
}

${EXPORT}`;
}
