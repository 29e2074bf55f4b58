// What tests of lanes share: an echo service, a directory for modules, and gateways whose requests
// run on lanes in front of it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { startGateway, type ConfigValue, type TestGateway } from './gateway.ts';
import { echo, Service } from './service.ts';

/** Lasts from the first test of a file to its last. */
export class LaneBench {
  readonly service = new Service(echo);
  readonly directory = mkdtempSync(join(tmpdir(), 'mgw-lanes-'));
  readonly #operationTypes: readonly string[];

  /** @param operationTypes APIs that its gateways have */
  constructor(operationTypes: readonly string[]) {
    this.#operationTypes = operationTypes;
    before(() => this.service.listen());
    after(async () => {
      await this.service.stop();
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  config(runtime: ConfigValue, more: ConfigValue = {}): ConfigValue {
    const { host } = this.service;
    return {
      runtime: { placement: 'pool', ...runtime },
      upstreams: { app: { protocol: 'http', hosts: [host], connectionsMax: 200 } },
      apis: this.#operationTypes.map((operationType) => ({ operationType })),
      ...more,
    };
  }

  /** A gateway with {@link config} that ends with its test. */
  async gateway(
    t: TestContext,
    runtime: ConfigValue,
    more: ConfigValue = {},
  ): Promise<TestGateway> {
    const gateway = await startGateway(this.config(runtime, more));
    t.after(() => gateway.stop());
    return gateway;
  }
}
