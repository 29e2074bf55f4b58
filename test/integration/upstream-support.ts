// What tests of HTTP upstreams share: a gateway to given hosts, peers that end with their test.

import type { TestContext } from 'node:test';
import { startRawPeer, type RawPeer, type RawScript } from '#test/peers/raw.ts';
import { startGateway, type ConfigValue, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf } from './http-wire.ts';
import { echo, startService, type Answer, type Service } from './service.ts';

const APIS = [
  { operationType: 'call', timeoutMs: 1500 },
  { operationType: 'safe', timeoutMs: 1500, idempotent: true },
  { operationType: 'short', timeoutMs: 120 },
  { operationType: 'grouped', group: 'quick' },
];

/** A gateway in front of `hosts`; its books are checked at the end of the test. */
export async function gatewayTo(
  t: TestContext,
  hosts: readonly string[],
  upstream: ConfigValue = {},
  more: ConfigValue = {},
): Promise<TestGateway> {
  const gateway = await startGateway({
    upstreams: { app: { protocol: 'http', hosts, ...upstream } },
    groups: { quick: { upstream: 'app', timeoutMs: 150 } },
    apis: APIS,
    ...more,
  });
  t.after(async () => {
    await gateway.settled();
    await gateway.stop();
  });
  return gateway;
}

/** A scripted peer. */
export async function rawPeer(t: TestContext, script: RawScript): Promise<RawPeer> {
  const peer = await startRawPeer(script);
  t.after(() => peer.stop());
  return peer;
}

/** A service in this process. */
export async function service(t: TestContext, answer: Answer = echo): Promise<Service> {
  const started = await startService(answer);
  t.after(() => started.stop());
  return started;
}

/** Result code of one call. */
export async function codeFor(gateway: TestGateway, operationType = 'call'): Promise<number> {
  return codeOf(await callOnce(gateway.httpPort, callBytes(operationType, 'x')));
}
