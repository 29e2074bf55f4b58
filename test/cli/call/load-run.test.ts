// The load run over a target that the test scripts: how many calls, how many at once, how it ends.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { LoadTally, runLoad } from '#cli/call/load-run.ts';
import { loadJson, loadReport, progressLine } from '#cli/call/load-view.ts';
import { CallFailure } from '#cli/call/target.ts';
import type { CallConnection, CallResult, CallTarget } from '#cli/call/target.ts';
import { plain } from '#cli/call/terminal.ts';

const RESULT: CallResult = {
  resultCode: 1000,
  httpStatus: 0,
  memo: '',
  tips: '',
  headers: [],
  contentType: 0,
  body: Buffer.alloc(0),
  ms: 1,
};

/** Answers what `answer` says to the n-th call, n from 1; remembers what was open at once. */
class Script implements CallTarget {
  readonly label = 'script';
  readonly openMax = new Map<number, number>();
  connections = 0;
  closed = 0;
  calls = 0;
  readonly #answer: (call: number) => Promise<CallResult>;

  constructor(answer: (call: number) => Promise<CallResult>) {
    this.#answer = answer;
  }

  async connect(): Promise<CallConnection> {
    const id = ++this.connections;
    let open = 0;
    return {
      details: () => [],
      close: async () => void this.closed++,
      call: async () => {
        open++;
        this.openMax.set(id, Math.max(open, this.openMax.get(id) ?? 0));
        try {
          return await this.#answer(++this.calls);
        } finally {
          open--;
        }
      },
    };
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

function failure(code: string): CallFailure {
  return new CallFailure(code, `${code} happened`, '', null);
}

async function run(
  answer: (call: number) => Promise<CallResult>,
  plan: { count: number; connections: number; streams: number },
  signal = never,
) {
  const tally = new LoadTally();
  const script = new Script(answer);
  await runLoad(script, plan, tally, signal);
  return { tally, script };
}

describe('runLoad', () => {
  test('makes exactly the calls asked for, with as many open as asked for', async () => {
    const size = fc.integer({ min: 1, max: 6 });
    const plans = fc.record({
      count: fc.integer({ min: 1, max: 60 }),
      connections: size,
      streams: size,
    });
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const answer = async () => {
          await nextTurn();
          return RESULT;
        };
        const { tally, script } = await run(answer, plan);
        assert.equal(script.calls, plan.count);
        assert.equal(tally.answers, plan.count);
        assert.ok(tally.isGood(plan.count));
        const connections = Math.min(plan.connections, plan.count);
        assert.equal(script.connections, connections);
        assert.equal(script.closed, connections);
        const open = [...script.openMax.values()];
        assert.ok(Math.max(...open) <= plan.streams);
        if (plan.count >= plan.connections * plan.streams) {
          assert.equal(Math.min(...open), plan.streams);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('counts codes and errors apart, and goes on', async () => {
    const { tally } = await run(
      async (call) => {
        if (call % 5 === 0) throw failure('MMTP_TIMEOUT');
        return { ...RESULT, resultCode: call % 2 === 0 ? 1002 : 1000 };
      },
      { count: 100, connections: 2, streams: 2 },
    );
    assert.deepEqual([tally.answers, tally.failures, tally.finished], [80, 20, 100]);
    assert.deepEqual([...tally.codes].sort(), [
      [1000, 40],
      [1002, 40],
    ]);
    assert.deepEqual([...tally.errors], [['MMTP_TIMEOUT happened', 20]]);
    assert.equal(tally.isGood(100), false);
  });

  test('a stream without a way to the gateway ends; the rest is not sent', async () => {
    const { tally, script } = await run(
      async () => {
        throw failure('HTTP_CONNECT');
      },
      { count: 100, connections: 3, streams: 1 },
    );
    assert.deepEqual([script.calls, tally.failures, script.closed], [3, 3, 3]);
    assert.equal(tally.firstFailure?.isUnreachable, true);
  });

  test('a signal stops sending; open calls still get their answers', async () => {
    const interrupt = new AbortController();
    const { tally, script } = await run(
      async (call) => {
        if (call === 4) interrupt.abort();
        await nextTurn();
        return RESULT;
      },
      { count: 1000, connections: 1, streams: 4 },
      interrupt.signal,
    );
    assert.deepEqual([script.calls, tally.answers, script.closed], [4, 4, 1]);
  });

  test('a connection that cannot be opened ends the run and closes the others', async () => {
    const script = new Script(async () => RESULT);
    const open = script.connect.bind(script);
    script.connect = async () => {
      if (script.connections === 2) throw failure('MMTP_CONNECT');
      return open();
    };
    const plan = { count: 9, connections: 3, streams: 1 };
    const running = runLoad(script, plan, new LoadTally(), never);
    await assert.rejects(running, { code: 'MMTP_CONNECT' });
    assert.deepEqual([script.calls, script.closed], [0, 2]);
  });

  test('a programming error is not taken for a failed call', async () => {
    const bug = async () => {
      throw new TypeError('bug');
    };
    await assert.rejects(run(bug, { count: 5, connections: 1, streams: 1 }), TypeError);
  });
});

describe('LoadTally', () => {
  test('percentiles are right to three digits and never above the maximum', () => {
    const tally = new LoadTally();
    for (let ms = 1; ms <= 1000; ms++) tally.addAnswer(1000, ms);
    for (const [percentile, us] of [
      [50, 500_000],
      [90, 900_000],
      [99.9, 999_000],
      [100, 1_000_000],
    ] as const) {
      const got = tally.percentileUs(percentile);
      assert.ok(Math.abs(got - us) <= us / 1000, `p${percentile} is ${got}`);
    }
    assert.equal(tally.maxUs, 1_000_000);
  });

  test('latencies of no time and of hours are counted', () => {
    const tally = new LoadTally();
    tally.addAnswer(1000, 0);
    tally.addAnswer(1000, 1e9);
    assert.deepEqual([tally.answers, tally.maxUs], [2, 3_600_000_000]);
  });

  test('kinds of errors are bounded', () => {
    const tally = new LoadTally();
    for (let i = 0; i < 100; i++) tally.addFailure(failure(`KIND_${i}`));
    assert.equal(tally.errors.size, 21);
    assert.equal(tally.errors.get('other errors'), 80);
    assert.equal(tally.failures, 100);
  });
});

describe('the report', () => {
  const plan = { count: 10, connections: 2, streams: 3 };

  async function finished(): Promise<LoadTally> {
    const { tally } = await run(
      async (call) => {
        if (call > 6) throw failure('MMTP_CONNECT');
        return { ...RESULT, resultCode: call === 1 ? 2000 : 1000 };
      },
      { ...plan, connections: 1, streams: 1 },
    );
    return tally;
  }

  test('has latencies, codes with meaning, errors and what was not sent', async () => {
    const text = loadReport('title', plan, await finished(), plain);
    assert.match(text, /^title\n {2}answers +6 in /);
    assert.match(text, /latency +p50 1\.00 ms {3}p90 .* p99 .* p99\.9 .* max 1\.00 ms/);
    assert.match(text, / 5 {2}1000 Success\n +1 {2}2000 Login timed out\n/);
    assert.match(text, / 1 {2}MMTP_CONNECT happened\n +3 {2}not sent\n$/);
  });

  test('has no latencies without answers', () => {
    const tally = new LoadTally();
    assert.doesNotMatch(loadReport('title', plan, tally, plain), /latency/);
    const json = JSON.parse(loadJson('a', 'b', plan, tally)) as Record<string, unknown>;
    assert.deepEqual([json['p50Us'], json['maxUs']], [null, null]);
  });

  test('as JSON has the same figures', async () => {
    const json = JSON.parse(loadJson('demo.echo', 'Mmtp x', plan, await finished())) as Record<
      string,
      unknown
    >;
    const { seconds, qps, ...rest } = json;
    assert.ok((seconds as number) > 0 && (qps as number) > 0);
    assert.deepEqual(rest, {
      operationType: 'demo.echo',
      target: 'Mmtp x',
      ...plan,
      answers: 6,
      failures: 1,
      unsent: 3,
      p50Us: 1000,
      p90Us: 1000,
      p99Us: 1000,
      p999Us: 1000,
      maxUs: 1000,
      resultCodes: { 1000: 5, 2000: 1 },
      errors: { 'MMTP_CONNECT happened': 1 },
    });
  });

  test('the progress line grows from nothing to all', () => {
    const tally = new LoadTally();
    tally.start();
    assert.match(progressLine(tally, 4, true), /^\[> {23}\] {4}0% {2}0\/4 /);
    tally.addAnswer(1000, 1);
    tally.addFailure(failure('X'));
    assert.match(progressLine(tally, 4, true), /^\[={12}> {11}\] {3}50% {2}2\/4 .* {2}1 failed$/);
    tally.addAnswer(1000, 1);
    tally.addAnswer(1000, 1);
    assert.match(progressLine(tally, 4, true), /^\[={24}\] {2}100% {2}4\/4 /);
    assert.match(progressLine(tally, 4, false), /^100% {2}4\/4 {2}[\d,]+ req\/s/);
  });
});
