// From the flags of `mgw call` to a request that is ready to be sent: reads files and standard
// input, checks everything, finds all problems at once.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parseHostPort } from '#config/host-port.ts';
import type { HostPort } from '#config/host-port.ts';
import type { Problem } from '#config/problem.ts';
import { ContentType } from '#core/codec/message.ts';
import { OPERATION_TYPE_BYTES_MAX, SESSION_BYTES_MAX } from '#core/codec/mmtp/types.ts';
import { decodeCanonicalBase64Url } from '#core/codec/session/base64url.ts';
import { MMTP_ADDRESS_DEFAULT } from './call-spec.ts';
import type { CallFlags } from './call-spec.ts';
import { isJson } from './json-text.ts';
import type { CallRequest } from './target.ts';
import { reasonText } from './target.ts';

/** What to do. */
export interface CallPlan {
  readonly request: CallRequest;
  readonly address:
    | { readonly protocol: 'mmtp'; readonly hostPort: HostPort }
    | { readonly protocol: 'http'; readonly url: URL };
  /** 1: one call whose answer is shown; above: a load run. */
  readonly count: number;
  readonly connections: number;
  readonly streams: number;
  /** Things that are hardly meant. */
  readonly warnings: readonly string[];
}

/** A plan, or everything that is wrong. */
export type CallPlanResult =
  | { readonly ok: true; readonly plan: CallPlan }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Gives all of standard input; a command reads it once. */
export type ReadInput = () => Promise<Buffer>;

const CALL_PATH = '/mgw.htm';
const OPERATION_TYPE = /^[\x21-\x7e]+$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const BASE64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?$/;
/** Headers that say where a request ends: the client sets them itself. */
const FRAMING = ['connection', 'content-length', 'transfer-encoding', 'host'];

/**
 * Makes the plan.
 *
 * @param readInput called when `-` stands for a value
 */
export async function planCall(
  operationType: string,
  flags: CallFlags,
  readInput: ReadInput,
): Promise<CallPlanResult> {
  const problems: Problem[] = [];
  if (!OPERATION_TYPE.test(operationType) || operationType.length > OPERATION_TYPE_BYTES_MAX) {
    const rule = `1 to ${OPERATION_TYPE_BYTES_MAX} printable ASCII characters without blanks`;
    problems.push({ path: '<operationType>', message: `${shown(operationType)} is not ${rule}` });
  }
  checkTogether(flags, problems);
  const address = addressOf(flags, problems);
  const headers = headersOf(flags.header ?? [], problems);
  if (problems.length > 0) return { ok: false, problems };
  const body = await bodyOf(flags, readInput, problems);
  const session = await sessionOf(flags.session, readInput, problems);
  const contentType = ContentType[flags['content-type'] as keyof typeof ContentType];
  if (problems.length > 0 || address === null) return { ok: false, problems };
  const isWrongJson =
    contentType === ContentType.json && body.length > 0 && !isJson(body.toString());
  const warnings = isWrongJson ? ['the body is not JSON; it is sent as it is'] : [];
  const request: CallRequest = {
    operationType,
    body,
    contentType,
    session,
    headers,
    deviceId: flags.device,
    timeoutMs: flags['timeout-ms'],
  };
  const { count, connections, streams } = flags;
  return { ok: true, plan: { request, address, count, connections, streams, warnings } };
}

/** Flags that exclude or need each other. */
function checkTogether(flags: CallFlags, problems: Problem[]): void {
  const { count, connections, streams, data, session } = flags;
  const report = (path: string, message: string) => problems.push({ path, message });
  if (flags.mmtp !== undefined && flags.http !== undefined) {
    report('--http', 'excludes --mmtp; give one of them');
  }
  if (data !== undefined && flags['data-base64'] !== undefined) {
    report('--data-base64', 'excludes --data; give one of them');
  }
  if (data === '-' && session === '-') {
    report('--session', 'cannot be - too; standard input is the body already');
  }
  if (count === 1 && (connections > 1 || streams > 1)) {
    report('--count', 'is missing; -c and --streams make sense with -n COUNT');
  }
  if (flags.http !== undefined && streams > 1) {
    report('--streams', 'is for Mmtp; an HTTP connection has one call at a time, so give -c more');
  }
}

function addressOf(flags: CallFlags, problems: Problem[]): CallPlan['address'] | null {
  if (flags.http === undefined) {
    const text = flags.mmtp ?? MMTP_ADDRESS_DEFAULT;
    const hostPort = parseHostPort(text);
    if (hostPort !== undefined) return { protocol: 'mmtp', hostPort };
    const message = `${shown(text)} is not HOST:PORT, as in ${MMTP_ADDRESS_DEFAULT}`;
    problems.push({ path: '--mmtp', message });
    return null;
  }
  const text = flags.http.includes('://') ? flags.http : `http://${flags.http}`;
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:' || url.hostname === '') {
    const message = `${shown(flags.http)} is no http URL, as in http://127.0.0.1:8003`;
    problems.push({ path: '--http', message });
    return null;
  }
  if (url.pathname === '/') url.pathname = CALL_PATH;
  return { protocol: 'http', url };
}

function headersOf(lines: readonly string[], problems: Problem[]): [string, string][] {
  const headers: [string, string][] = [];
  const names = new Set<string>();
  for (const line of lines) {
    const match = HEADER.exec(line);
    const [name = '', value = ''] = match?.slice(1) ?? [];
    const lower = name.toLowerCase();
    const report = (message: string) => problems.push({ path: '--header', message });
    if (match === null) report(`${shown(line)} is not 'NAME: VALUE'`);
    else if (!HEADER_VALUE.test(value)) {
      report(`the value of ${name} may have printable ASCII characters only`);
    } else if (FRAMING.includes(lower)) report(`${name} is set by mgw itself; leave it out`);
    else if (names.has(lower)) report(`${name} is given more than once; join the values`);
    names.add(lower);
    headers.push([name, value]);
  }
  return headers;
}

async function bodyOf(
  flags: CallFlags,
  readInput: ReadInput,
  problems: Problem[],
): Promise<Buffer> {
  const base64 = flags['data-base64'];
  if (base64 !== undefined) {
    if (BASE64.test(base64)) return Buffer.from(base64, 'base64');
    problems.push({ path: '--data-base64', message: `${shown(base64)} is not base64` });
    return Buffer.alloc(0);
  }
  const { data = '{}' } = flags;
  if (data === '-') return readInput();
  if (!data.startsWith('@')) return Buffer.from(data);
  try {
    return await readFile(data.slice(1));
  } catch (error) {
    problems.push({ path: '--data', message: `cannot read the file: ${reasonText(error)}` });
    return Buffer.alloc(0);
  }
}

async function sessionOf(
  given: string | undefined,
  readInput: ReadInput,
  problems: Problem[],
): Promise<Buffer | null> {
  if (given === undefined) return null;
  const report = (message: string) => problems.push({ path: '--session', message });
  let text = given;
  try {
    if (given === '-') text = (await readInput()).toString('latin1').trim();
    else if (existsSync(given)) text = (await readFile(given, 'latin1')).trim();
  } catch (error) {
    report(`cannot read the file: ${reasonText(error)}`);
    return null;
  }
  const source = Buffer.from(text);
  const target = Buffer.alloc(SESSION_BYTES_MAX);
  const bytes = decodeCanonicalBase64Url(source, 0, source.length, target, 0);
  if (bytes > 0) return target.subarray(0, bytes);
  const what = given === text ? `${shown(text)} is neither a file nor` : 'it holds no';
  report(`${what} base64url text of at most ${SESSION_BYTES_MAX} bytes`);
  return null;
}

/** LIMIT: longer values are cut in messages. */
const SHOWN_MAX = 40;

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX - 3)}...` : text);
}
