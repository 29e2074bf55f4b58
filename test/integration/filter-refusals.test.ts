// What clients, the access log and operators hear of a request that a filter of the user refuses:
// with a reason of its own, as the sample of docs/filters.md does, or with a result code alone.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { packageFile } from '#config/package-files.ts';
import { makeKeyDirectory, startGateway, type TestGateway } from './gateway.ts';
import { callBytes, callOnce, codeOf, headerOf, type WireAnswer } from './http-wire.ts';
import { startService, type Service } from './service.ts';
import { until } from './wait.ts';

/** Refuses with a code alone: before the service, behind it, and with a body of its own. */
const CODES = `
export const filters = [{
  name: 'codes',
  maturity: 'beta',
  phases: ['requestBody', 'responseBody'],
  create({ api }) {
    const refuse = ({ response }) => { response.resultCode = 1001; return 1; };
    if (api.group === 'early') return { requestBody: refuse };
    if (api.group === 'late') return { responseBody: refuse };
    if (api.group !== 'told') return null;
    return {
      requestBody(exchange) {
        const { response } = exchange;
        response.bodySource = Buffer.from('no entry');
        response.bodyLength = response.bodySource.length;
        return refuse(exchange);
      },
    };
  },
}];
`;

const GROUPS = ['payments', 'early', 'late', 'told'];

/** The sample of the documentation, about a client on this machine. */
function sampleOf(documentation: string): string {
  const [, sample] = /```ts\n(.*?)```/s.exec(documentation) ?? [];
  assert.ok(sample !== undefined, 'there is no sample');
  const contract = pathToFileURL(packageFile('core/pipeline/filter.ts')).href;
  const runs = sample
    .replace("'mesh-gateway/filter'", `'${contract}'`)
    .replace('203.0.113.7', '127.0.0.1');
  assert.ok(runs.includes(contract) && runs.includes('127.0.0.1'), 'the sample has changed');
  return runs;
}

let service: Service;
let gateway: TestGateway;
let directory: string;
let accessLog: string;

before(async () => {
  service = await startService();
  ({ directory } = makeKeyDirectory());
  accessLog = join(directory, 'access.log');
  const sample = join(directory, 'sample.ts');
  const codes = join(directory, 'codes.mjs');
  writeFileSync(sample, sampleOf(readFileSync(packageFile('docs/filters.md'), 'utf8')));
  writeFileSync(codes, CODES);
  gateway = await startGateway({
    filters: { modules: [sample, codes] },
    telemetry: { accessLog },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    groups: Object.fromEntries(GROUPS.map((group) => [group, {}])),
    apis: GROUPS.flatMap((group) => [
      { operationType: group, group },
      { operationType: `${group}.http`, group, statusMode: 'http' },
    ]),
  });
});

after(async () => {
  await gateway.stop();
  await service.stop();
  rmSync(directory, { recursive: true, force: true });
});

function call(operationType: string): Promise<WireAnswer> {
  return callOnce(gateway.httpPort, callBytes(operationType, '{}'));
}

describe('a request that a filter refuses', () => {
  for (const group of ['payments', 'early']) {
    test(`${group}: over HTTP it has status, texts and body of its code`, async () => {
      for (const [name, status] of [
        [group, 200],
        [`${group}.http`, 403],
      ] as const) {
        const answer = await call(name);
        assert.equal(answer.status, status);
        assert.equal(codeOf(answer), 1001);
        assert.equal(headerOf(answer, 'content-type'), 'application/json');
        assert.deepEqual(JSON.parse(answer.body.toString()), {
          resultStatus: 1001,
          memo: 'Access refused',
          tips: 'Access refused.',
        });
      }
    });
  }

  test('a body of the filter stays', async () => {
    const answer = await call('told.http');
    assert.deepEqual([answer.status, codeOf(answer)], [403, 1001]);
    assert.equal(answer.body.toString(), 'no entry');
  });

  test('behind the service the status follows the code as well', async () => {
    const answer = await call('late.http');
    assert.deepEqual([answer.status, codeOf(answer)], [403, 1001]);
    assert.equal((await call('late')).status, 200);
  });

  test('over Mmtp it has code and texts', async (t) => {
    const client = await connectMmtp({ port: gateway.mmtpPort });
    t.after(() => client.close());
    for (const group of ['payments', 'early']) {
      const { resultCode, memo, body } = await client.call(group, '{}');
      assert.deepEqual([resultCode, memo, body.length], [1001, 'Access refused', 0]);
    }
  });

  test('every one has its reason in the access log', async () => {
    for (const group of GROUPS) await call(group);
    const reasons = new Set<string>();
    await until(
      () => {
        for (const line of readFileSync(accessLog, 'utf8').split('\n').slice(0, -1)) {
          const { group, code, reason } = JSON.parse(line) as Record<string, string | number>;
          reasons.add(`${group} ${code} ${reason}`);
        }
        return reasons.size >= GROUPS.length;
      },
      () => [...reasons].join(),
    );
    assert.deepEqual([...reasons].toSorted(), [
      'early 1001 GW_FILTER_REFUSED',
      'late 1001 GW_FILTER_REFUSED',
      'payments 1001 DENY_LIST',
      'told 1001 GW_FILTER_REFUSED',
    ]);
  });
});
