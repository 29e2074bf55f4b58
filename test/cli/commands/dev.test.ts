// `mgw dev` that cannot start: what it says and what it leaves. How it runs: test/e2e/dev.test.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { checkPorts } from '#cli/dev/port-check.ts';
import { PORT_FLAGS, wantedPorts } from '#cli/dev/gateway-parts.ts';

const HOST = '127.0.0.1';

describe('the ports of mgw dev', () => {
  for (const flag of PORT_FLAGS.map(({ name }) => name)) {
    test(`one that is in use is told with --${flag}, the flag that changes it`, async (t) => {
      const taken = createServer().listen(0, HOST);
      t.after(() => taken.close());
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      const free = Object.fromEntries(PORT_FLAGS.map(({ name }) => [name, 0]));
      const listener = flag.replace(/-port$/, '');
      await assert.rejects(checkPorts(HOST, wantedPorts({ ...free, [flag]: port })), {
        message:
          `Cannot bind listener "${listener}": port ${port} is in use; ` +
          `choose another with --${flag}`,
      });
    });
  }

  test('one that is wanted twice is told; others are given back', async () => {
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const twice = ['http', 'embedded-http'].map((name) => ({ name, port }));
    await assert.rejects(checkPorts(HOST, twice), /"embedded-http".* --embedded-http-port/);
    await checkPorts(HOST, [...twice.slice(1), { name: 'admin', port: 0 }]);
  });
});
