// The Bolt load generator, a process of its own: what a proxy from Bolt to Bolt is loaded with.
//   node bench/load/bolt-load.ts --port 12200 --connections 16 --streams 16 --format protobuf
// Closed loop by default; `--rate N` makes it an open loop. Prints one JSON line with the result.

import { defineFlags } from '#config/flags.ts';
import { readOwnFlags, REQUEST_FLAGS } from '../peers/peer-flags.ts';
import { TaggedMessage } from '../peers/tagged-message.ts';
import { BoltLoadConnection } from './bolt-connection.ts';
import { BoltFrames } from './bolt-frames.ts';
import { LOOP_FLAGS, OPERATION_FLAG, WINDOW_FLAGS } from './load-flags.ts';
import { runGenerator } from './load-run.ts';

const FLAGS = defineFlags([...WINDOW_FLAGS, ...LOOP_FLAGS, ...REQUEST_FLAGS, OPERATION_FLAG]);

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const format = flags.format === 'protobuf' ? 'protobuf' : 'json';
  await runGenerator(flags, {
    frames: new BoltFrames({
      operationType: flags.operation,
      format,
      bodyBytes: flags['request-bytes'],
    }),
    expected: new TaggedMessage(format, flags['response-bytes']),
    connection: (shared, number) => new BoltLoadConnection(shared, number, flags.streams),
  });
}

await main();
