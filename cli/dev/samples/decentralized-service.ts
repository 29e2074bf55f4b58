// The sample service with its gateway inside: what the decentralized generation is. The same
// handlers as those of the sample HTTP service, called without a hop. A service of one's own
// imports `mesh-gateway/embedded`; in here that is the built form, maybe of older sources.

import {
  EmbeddedConfigError,
  startEmbeddedGateway,
  type EmbeddedGateway,
  type EmbeddedHandler,
} from '#workers/embedded.ts';
import { DEMO_HANDLERS } from './demo-handlers.ts';
import { announceReady, configFlag, endOnSignal, SampleExit } from './sample-process.ts';

const handlers = Object.fromEntries(
  Object.entries(DEMO_HANDLERS).map(([operationType, handler]): [string, EmbeddedHandler] => [
    operationType,
    (call) => handler({ body: call.text(), uid: call.uid, shard: call.shard }),
  ]),
);

async function start(): Promise<EmbeddedGateway> {
  try {
    return await startEmbeddedGateway({ config: configFlag(), handlers });
  } catch (error) {
    console.error((error as Error).message);
    const isUsage = error instanceof EmbeddedConfigError;
    return process.exit(isUsage ? SampleExit.usage : SampleExit.failure);
  }
}

const gateway = await start();
endOnSignal(() => gateway.close());
announceReady('decentralized', gateway.ports);
