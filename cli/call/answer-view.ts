// Shows one answer: the body on standard output, so that it can be piped on; what the gateway says
// about it on standard error. With --json everything is one line on standard output.

import { isUtf8 } from 'node:buffer';
import { RESULT_CODES, ResultCode } from '#core/base/result-codes.ts';
import { ContentType } from '#core/codec/message.ts';
import { compactJson, prettyJson } from './json-text.ts';
import type { CallConnection, CallRequest, CallResult } from './target.ts';
import { printable } from './terminal.ts';
import type { Paint } from './terminal.ts';
import { formatCount, formatMs } from './units.ts';

/** LIMIT: longer bodies of bytes are cut for people; --json has them whole. */
const DUMP_BYTES_MAX = 4096;
const DUMP_ROW_BYTES = 16;

/** What a caller can do about the codes that people meet first. */
const HINTS: Readonly<Record<number, string>> = {
  [ResultCode.loginTimedOut]:
    'The API wants a valid session: `mgw session issue --uid N` makes one, --session gives it.',
  [ResultCode.apiMissing]:
    'The gateway has no API of this name; its admin API lists them at /apis.',
  [ResultCode.requestEmpty]: 'The API wants a body: give -d.',
  [ResultCode.requestMalformed]: 'The API does not take this body; check -d and --content-type.',
  [ResultCode.backendTimedOut]: 'The service did not answer in time; the gateway sets the time.',
  [ResultCode.backendFailed]: 'The gateway runs, the service behind it failed or is not there.',
};

/** Meaning of a result code in a few words; '' for codes that the gateway does not know. */
export function meaningOf(code: number): string {
  return RESULT_CODES.find((entry) => entry.code === code)?.en.memo ?? '';
}

/** Lines about the answer without its body: code, time, texts, hint. */
export function statusLines(result: CallResult, label: string, paint: Paint): string[] {
  const { resultCode, httpStatus, memo, tips, ms, body } = result;
  const isGood = resultCode === ResultCode.success;
  const status = httpStatus === 0 || httpStatus === 200 ? [] : [`HTTP ${httpStatus}`];
  const facts = [...status, formatMs(ms), `${formatCount(body.length)} bytes`, label];
  const rest = paint('dim', facts.join(' · '));
  if (resultCode === 0) {
    return [`${paint('red', 'no result code')}  ${rest}`, 'Is that the HTTP port of a gateway?'];
  }
  const meaning = memo === '' ? meaningOf(resultCode) : memo;
  const head = `${resultCode} ${printable(meaning)}`.trimEnd();
  const lines = [`${paint(isGood ? 'green' : 'red', head)}  ${rest}`];
  if (tips !== '') lines.push(printable(tips));
  const hint = HINTS[resultCode];
  return hint === undefined ? lines : [...lines, paint('yellow', hint)];
}

/** Lines of -v: connection, request, headers of the answer. */
export function detailLines(
  request: CallRequest,
  connection: CallConnection,
  result: CallResult,
  label: string,
  paint: Paint,
): string[] {
  const { operationType, session, body, deviceId, headers } = request;
  const lines = [label, ...connection.details()].map((line) => paint('dim', `* ${line}`));
  const fields = [`body ${formatCount(body.length)} bytes`];
  if (session !== null) fields.push(`session ${formatCount(session.length)} bytes`);
  if (deviceId !== undefined) fields.push(`device ${deviceId}`);
  lines.push(`> ${operationType}  ${paint('dim', fields.join(' · '))}`);
  for (const [name, value] of headers) lines.push(`> ${paint('cyan', name)}: ${value}`);
  for (const [name, value] of result.headers) {
    lines.push(`< ${paint('cyan', printable(name))}: ${printable(value)}`);
  }
  return lines;
}

/** The body for people, with a line feed at its end; '' when there is none. */
export function bodyText(body: Buffer, paint: Paint): string {
  if (body.length === 0) return '';
  if (!isUtf8(body)) return hexDump(body);
  const text = body.toString();
  const pretty = prettyJson(text, paint);
  if (pretty !== null) return `${pretty}\n`;
  if (/[^\P{Cc}\t\r\n]/u.test(text)) return hexDump(body);
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** One line of JSON with everything; a body that is JSON stands in it as the service wrote it. */
export function resultJson(operationType: string, result: CallResult): string {
  const { resultCode, httpStatus, memo, tips, headers, contentType, body, ms } = result;
  const head = {
    operationType,
    resultCode,
    meaning: meaningOf(resultCode),
    memo,
    tips,
    ...(httpStatus === 0 ? {} : { httpStatus }),
    ms: Math.round(ms * 1000) / 1000,
    contentType: contentTypeName(contentType),
    headers,
  };
  return `${JSON.stringify(head).slice(0, -1)},${bodyMember(body)}}`;
}

function bodyMember(body: Buffer): string {
  if (body.length === 0) return '"body":null';
  if (!isUtf8(body)) return `"bodyBase64":"${body.toString('base64')}"`;
  const text = body.toString();
  const json = compactJson(text);
  return json === null ? `"bodyText":${JSON.stringify(text)}` : `"body":${json}`;
}

function contentTypeName(contentType: number): string {
  const entry = Object.entries(ContentType).find(([, value]) => value === contentType);
  return entry?.[0] ?? String(contentType);
}

/** Offset, bytes, and what of them is ASCII. */
function hexDump(bytes: Buffer): string {
  const lines: string[] = [];
  const end = Math.min(bytes.length, DUMP_BYTES_MAX);
  for (let at = 0; at < end; at += DUMP_ROW_BYTES) {
    const row = bytes.subarray(at, Math.min(at + DUMP_ROW_BYTES, end));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    const offset = at.toString(16).padStart(8, '0');
    lines.push(`${offset}  ${hex.padEnd(DUMP_ROW_BYTES * 3 - 1)}  ${ascii}\n`);
  }
  const rest = bytes.length - end;
  if (rest > 0) lines.push(`${formatCount(rest)} bytes more; --json has them all\n`);
  return lines.join('');
}
