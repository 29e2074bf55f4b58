// The Mmtp load generator, a process of its own so that its CPU time is not the gateway's:
//   node bench/load/mmtp-load.ts --port 8004 --operation demo --connections 16 --streams 16
// Closed loop by default; `--rate N` makes it an open loop. Prints one JSON line with the result.

import { defineFlags } from '#config/flags.ts';
import { readOwnFlags, REQUEST_FLAGS } from '../peers/peer-flags.ts';
import { TaggedMessage } from '../peers/tagged-message.ts';
import { LOOP_FLAGS, OPERATION_FLAG, SESSION_FLAGS, WINDOW_FLAGS } from './load-flags.ts';
import { runGenerator } from './load-run.ts';
import { MmtpLoadConnection } from './mmtp-connection.ts';
import { RequestFrames } from './request-frames.ts';
import { createLegacySessions, createSessions } from './session-pool.ts';

const FLAGS = defineFlags([
  ...WINDOW_FLAGS,
  ...LOOP_FLAGS,
  ...SESSION_FLAGS,
  ...REQUEST_FLAGS,
  OPERATION_FLAG,
  {
    name: 'session-form',
    type: 'string',
    description: 'Form of the sessions.',
    choices: ['compact', 'legacy'],
    default: 'compact',
  },
]);

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const format = flags.format === 'protobuf' ? 'protobuf' : 'json';
  const keysFile = flags['session-keys'];
  const create = flags['session-form'] === 'legacy' ? createLegacySessions : createSessions;
  await runGenerator(flags, {
    frames: new RequestFrames({
      operationType: flags.operation,
      sessions: keysFile === undefined ? [] : create(keysFile, flags.sessions),
      format,
      bodyBytes: flags['request-bytes'],
    }),
    expected: new TaggedMessage(format, flags['response-bytes']),
    connection: (shared, number) => new MmtpLoadConnection(shared, number, flags.streams),
  });
}

await main();
