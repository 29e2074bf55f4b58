// A session as people read it, without any key: for the command line and the console. Invariant:
// says nothing about validity; whatever the bytes are, it answers rows and never throws.

import type { Kernels } from '../kernels.ts';
import { MAC_BYTES } from '../kernels.ts';
import { AttributeType, listAttributes } from './attributes.ts';
import { looksLegacy } from './legacy.ts';
import { DEFAULT_UID_SHARD, ShardOfUid } from './shard.ts';
import {
  ATTRIBUTES_OFFSET,
  SESSION_BYTES_MAX,
  SESSION_BYTES_MIN,
  SESSION_VERSION,
  SessionChannel,
  SessionView,
  SID_BYTES,
} from './types.ts';
import { uidText } from './uid.ts';

/** Name and value. */
export type DescribedField = readonly [name: string, value: string];

/** LIMIT: of a legacy session's JSON, bytes. */
const JSON_BYTES_MAX = 65_536;
const SHOWN_MAX = 60;
const shards = new ShardOfUid(DEFAULT_UID_SHARD);

/** The fields of a session whose signature nobody checked. */
export function describeSession(session: Buffer, kernels: Kernels): DescribedField[] {
  const length = session.length;
  if (looksLegacy(session, 0, length)) return describeLegacy(session, kernels);
  const size: DescribedField = ['size', `${length} bytes`];
  if (length < SESSION_BYTES_MIN || length > SESSION_BYTES_MAX) {
    const range = `${SESSION_BYTES_MIN}..${SESSION_BYTES_MAX}`;
    return [['form', `not a session: a compact one has ${range} bytes`], size];
  }
  if (session[0] !== SESSION_VERSION) {
    return [['form', `not a session: version ${session[0]}, known is ${SESSION_VERSION}`], size];
  }
  const view = new SessionView();
  view.fill(session, 0);
  const { kid, ttl, issuedAt, uidHigh, uidLow, sidOffset, deviceHashHigh, deviceHashLow } = view;
  const isBound = deviceHashHigh !== 0 || deviceHashLow !== 0;
  const hint = view.shardHint <= 99 ? `, hint ${twoDigits(view.shardHint)}` : '';
  return [
    ['form', 'compact, version 1'],
    size,
    ['channel', channelName(view.channel)],
    ['kid', String(kid)],
    ['issued at', timeText(issuedAt)],
    ['time to live', `${ttl} s`],
    ['expires at', timeText(issuedAt + ttl)],
    ['uid', uidText(uidHigh, uidLow)],
    ['shard', `${twoDigits(shards.ofUid(uidHigh, uidLow))} by uid${hint}`],
    ['sid', session.toString('hex', sidOffset, sidOffset + SID_BYTES)],
    ['epoch', String(view.epoch)],
    ['device hash', isBound ? session.toString('hex', 40, 48) : 'none: not bound to a device'],
    ['login level', String(view.loginLevel)],
    ...describeAttributes(session, view.attributesLength),
    ['mac', session.toString('hex', length - MAC_BYTES)],
  ];
}

function describeAttributes(session: Buffer, declared: number): DescribedField[] {
  const room = session.length - ATTRIBUTES_OFFSET - MAC_BYTES;
  const list = declared === room ? listAttributes(session, ATTRIBUTES_OFFSET, room) : null;
  if (list === null) {
    return [['attributes', `broken: ${declared} bytes declared, room for ${room}`]];
  }
  if (list.length === 0) return [['attributes', 'none']];
  const names = new Map<number, string>(Object.entries(AttributeType).map(([k, v]) => [v, k]));
  return list.map(({ type, value }) => {
    const name = names.get(type);
    const label = name === undefined ? `attribute ${type}` : `attribute ${type} ${name}`;
    return [label, valueText(value)];
  });
}

function describeLegacy(session: Buffer, kernels: Kernels): DescribedField[] {
  const rows: DescribedField[] = [
    ['form', 'legacy: gzip of JSON'],
    ['size', `${session.length} bytes`],
  ];
  const gzipBytes = Math.max(0, session.length - MAC_BYTES);
  const json = kernels.gunzip(session, 0, gzipBytes, JSON_BYTES_MAX);
  if (json === null) return [...rows, ['payload', 'broken: does not inflate']];
  rows.push(['JSON', `${json.length} bytes`]);
  let value: unknown;
  try {
    value = JSON.parse(json.utf8Slice(0, json.length));
  } catch {
    return [...rows, ['payload', 'broken: no JSON']];
  }
  if (typeof value !== 'object' || value === null)
    return [...rows, ['payload', 'broken: no object']];
  for (const [name, field] of Object.entries(value)) {
    rows.push([printable(name), printable(JSON.stringify(field) ?? '')]);
  }
  return [...rows, ['mac', session.toString('hex', gzipBytes)]];
}

function channelName(channel: number): string {
  for (const [name, number] of Object.entries(SessionChannel)) {
    if (number === channel) return name;
  }
  return `${channel}: unknown`;
}

function timeText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')} (${seconds})`;
}

function twoDigits(shard: number): string {
  return String(shard).padStart(2, '0');
}

function valueText(value: Buffer): string {
  const text = value.utf8Slice(0, value.length);
  const isText = Buffer.from(text).equals(value) && printable(text) === text;
  if (isText) return JSON.stringify(text);
  const hex = value.toString('hex', 0, SHOWN_MAX / 2);
  return `${value.length} bytes ${hex}${value.length > SHOWN_MAX / 2 ? '...' : ''}`;
}

/** Text that cannot steer a terminal, cut to a line. */
function printable(text: string): string {
  const safe = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
  return safe.length > SHOWN_MAX ? `${safe.slice(0, SHOWN_MAX)}...` : safe;
}
