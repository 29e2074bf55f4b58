// Chunked bodies that have begun and do not end count in the total of incomplete input, from the
// first byte that is gathered until the request is complete, refused or gone.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { InputBudget } from '#core/input-budget.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { codeOf, type HttpWire, openWire } from './http-wire.ts';
import { echo, startService, type Service } from './service.ts';
import { until, within } from './wait.ts';

const MIB = 1024 * 1024;
const TOTAL = 4 * MIB;
const BODY = 'x'.repeat(700_000);

const HEAD =
  'POST /mgw.htm HTTP/1.1\r\nHost: a\r\nOperation-Type: echo\r\nTransfer-Encoding: chunked\r\n\r\n';

/** What follows the data of the last chunk. */
const REST = '\r\n0\r\n\r\n';

let service: Service;
let gateway: TestGateway;
let budget: InputBudget;

/** A request without the end of its only chunk. */
function begun(body: string): string {
  return `${HEAD}${body.length.toString(16)}\r\n${body}`;
}

async function open(t: { after: (run: () => Promise<void>) => void }): Promise<HttpWire> {
  const wire = await openWire(gateway.httpPort);
  t.after(() => wire.close());
  return wire;
}

before(async () => {
  service = await startService(echo);
  gateway = await startGateway({
    listeners: { inputTotalBytesMax: TOTAL, bodyTimeoutMs: 2000 },
    upstreams: { app: { protocol: 'http', hosts: [service.host] } },
    apis: [{ operationType: 'echo' }],
  });
  budget = gateway.acceptor.lane.network.inputBudget;
});

after(async () => {
  await gateway.stop();
  await service.stop();
});

beforeEach(() => until(() => budget.keptBytes === 0, 'nothing is kept before a test'));

describe('chunked bodies that have begun', () => {
  test('are closed when the total is reached, the oldest first, dripping or not', async (t) => {
    const holders: HttpWire[] = [];
    for (let i = 0; i < 12; i++) {
      const holder = await open(t);
      const { keptBytes } = budget;
      const { slowSendersClosed } = gateway.counters.http;
      holder.write(begun(BODY).slice(0, -1000));
      holders.push(holder);
      await until(
        () =>
          budget.keptBytes >= keptBytes + BODY.length - 1000 ||
          gateway.counters.http.slowSendersClosed > slowSendersClosed,
        'the gateway has its bytes',
      );
      const first = holders[0]!;
      if (!first.hasEnded) first.write('x');
    }
    await within(holders[0]!.closed, 'the first is closed');
    await until(
      () => gateway.counters.http.slowSendersClosed >= 6,
      () => `${gateway.counters.http.slowSendersClosed} closed, ${budget.keptBytes} B kept`,
    );
    assert.ok(budget.keptBytes <= TOTAL, `${budget.keptBytes} bytes are kept`);
    const { slowSendersClosed } = gateway.counters.http;
    const ended = (): number[] => [...holders.keys()].filter((i) => holders[i]!.hasEnded);
    await until(() => ended().length === slowSendersClosed, 'the clients see it');
    assert.deepEqual(ended(), [...Array(slowSendersClosed).keys()]);
    const last = holders.at(-1)!;
    const answer = await last.call(begun(BODY).slice(-1000) + REST);
    assert.equal(answer.body.length, BODY.length);
  });

  test('count no more when they are complete', async (t) => {
    const wire = await open(t);
    for (let i = 0; i < 3; i++) {
      wire.write(begun(BODY));
      await until(() => budget.keptBytes >= BODY.length, 'the body counts');
      assert.equal((await wire.call(REST)).body.length, BODY.length);
      assert.equal(budget.keptBytes, 0);
    }
  });

  test('count no more when they are refused, broken or too late', async (t) => {
    for (const rest of ['no end of a chunk', '']) {
      const wire = await open(t);
      // The client's side stays open: the connection is there for a while after the answer.
      wire.socket.allowHalfOpen = true;
      wire.write(begun(BODY));
      await until(() => budget.keptBytes >= BODY.length, 'the body counts');
      assert.equal(codeOf(await wire.call(rest)), 3002);
      assert.equal(budget.keptBytes, 0);
    }
  });

  test('count no more when their client is gone', async (t) => {
    const wire = await open(t);
    wire.write(begun(BODY));
    await until(() => budget.keptBytes >= BODY.length, 'the body counts');
    await wire.close();
    await until(() => budget.keptBytes === 0, 'nothing counts');
  });

  test('count not at all when they come whole', async (t) => {
    const kept = t.mock.method(budget, 'kept');
    const wire = await open(t);
    for (let i = 0; i < 3; i++) {
      assert.equal((await wire.call(begun('small') + REST)).body.toString(), 'small');
    }
    assert.equal(kept.mock.callCount(), 0);
  });
});
