// The decentralized generation as a benchmark runs it: a service with the gateway in its process.
//   node bench/peers/decentralized-service.ts --config FILE --session-keys FILE --work-turns 12000
// The configuration is a sidecar's but for the upstream, which is this process.

import { readFileSync } from 'node:fs';
import { defineFlags } from '#config/flags.ts';
import { packageFile } from '#config/package-files.ts';
import type * as Embedded from '#workers/embedded.ts';
import { announceReady } from '../rig/announce.ts';
import { OPERATION } from '../rig/gateway-config.ts';
import { chosenSource, gatewayFile } from '../rig/gateway-source.ts';
import { AccountHandler } from './account-handler.ts';
import { CalibratedWork } from './calibrated-work.ts';
import { readOwnFlags, SERVICE_FLAGS, serviceMessage, WORK_FLAG } from './peer-flags.ts';

const FLAGS = defineFlags([
  ...SERVICE_FLAGS,
  WORK_FLAG,
  { name: 'config', type: 'string', description: 'Configuration, JSON.', default: '' },
]);

/** The gateway in the form of this run, as sidecars are. */
async function loadEmbedded(): Promise<typeof Embedded> {
  const path = packageFile(gatewayFile('workers/embedded.ts', chosenSource()));
  return (await import(path)) as typeof Embedded;
}

async function main(): Promise<void> {
  const flags = readOwnFlags(FLAGS);
  const work = new CalibratedWork(flags['work-turns']);
  work.warmUp();
  const handler = new AccountHandler(serviceMessage(flags), work);
  const config = JSON.parse(readFileSync(flags.config, 'utf8')) as Record<string, unknown>;
  const { startEmbeddedGateway } = await loadEmbedded();
  const gateway = await startEmbeddedGateway({
    config,
    handlers: {
      [OPERATION](call) {
        const { view } = call;
        const answer = handler.answer(view, 0, view.length, call.uid);
        if (answer === null) throw new Error('A request without a user or without a tag');
        return answer;
      },
    },
  });
  // Ends by itself then, as a gateway does: a profiler writes what it found.
  process.once('SIGTERM', () => void gateway.close().then(() => process.exit(0)));
  announceReady('bench-decentralized', { mmtp: gateway.ports.mmtp! });
}

await main();
