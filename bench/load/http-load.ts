// The HTTP load generator: autocannon in a process of its own, with latency in µs (its own figures
// are whole milliseconds) and every answer compared byte for byte.
//   node bench/load/http-load.ts --port 8003 --operation demo --connections 16
// Closed loop. Prints one JSON line with the result.

import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { defineFlags, type FlagValues } from '#config/flags.ts';
import { encodeBase64Url } from '#core/codec/session/base64url.ts';
import { readOwnFlags, REQUEST_FLAGS } from '../peers/peer-flags.ts';
import { HOST } from '../peers/peer-network.ts';
import { TaggedMessage } from '../peers/tagged-message.ts';
import { announceResult } from '../rig/announce.ts';
import { OPERATION_FLAG, SESSION_FLAGS, WINDOW_FLAGS } from './load-flags.ts';
import { createSessions } from './session-pool.ts';
import { Tally } from './tally.ts';

const OK = 200;

/** Longer than any run: the window, not autocannon, says when it is over. Seconds. */
const DURATION_SECONDS = 3600;

/** LIMIT: autocannon clones all requests for each connection. */
const SESSIONS_MAX = 200;

const FLAGS = defineFlags([...WINDOW_FLAGS, ...SESSION_FLAGS, ...REQUEST_FLAGS, OPERATION_FLAG]);

/** Headers such as an app sends: ten in all with Host and Content-Length, which autocannon adds. */
function headersOf(operation: string): Record<string, string> {
  return {
    Accept: 'application/json',
    'Content-Type': 'application/json',
    'User-Agent': 'bench/1.0 (Linux; Android 14)',
    'Operation-Type': operation,
    AppId: 'bench',
    WorkspaceId: 'default',
    Version: '2',
  };
}

function requestsOf(flags: FlagValues<typeof FLAGS>): autocannon.Request[] {
  const headers = headersOf(flags.operation);
  const keysFile = flags['session-keys'];
  if (keysFile === undefined) return [{ headers }];
  const sessions = createSessions(keysFile, Math.min(flags.sessions, SESSIONS_MAX));
  return sessions.map((session) => ({
    headers: { ...headers, Cookie: `MGW_SESSION=${encodeBase64Url(session, 0, session.length)}` },
  }));
}

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const tally = new Tally(flags.watch);
  const expected = new TaggedMessage('json', flags['response-bytes']).bytes.toString('latin1');
  const options: autocannon.Options = {
    url: `http://${HOST}:${flags.port}/mgw.htm`,
    method: 'POST',
    connections: flags.connections,
    duration: DURATION_SECONDS,
    requests: requestsOf(flags),
    body: new TaggedMessage('json', flags['request-bytes']).bytes,
    // An answer is counted when it comes and found wrong afterwards: wrong ones fail the whole run.
    verifyBody: (body) => {
      const isRight = body === expected;
      if (!isRight) tally.complain('wrong body');
      return isRight;
    },
  };
  // Nothing waits for its end: the window decides when the run is over.
  const instance = autocannon(options, () => {});
  instance.on('response', (_client, status, _bytes, ms) => {
    const nowMs = performance.now();
    if (status === OK) tally.answered(nowMs - ms, nowMs);
    else tally.complain(`status ${status}`);
  });
  instance.on('reqError', (error: Error) => tally.complain(error.message));
  await delay(flags['warm-up-ms']);
  tally.start(performance.now());
  await delay(flags.seconds * 1000);
  tally.end(performance.now());
  announceResult(tally.result(0));
  process.exit(tally.wrong === 0 ? 0 : 1);
}

await main();
