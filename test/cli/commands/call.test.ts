// `mgw call` against a real gateway in front of the sample service.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCall } from '#cli/commands/call.ts';
import { runSession } from '#cli/commands/session.ts';
import { runCommand, startGateway } from '../support.ts';
import type { Run, TestGateway } from '../support.ts';

const MGW = fileURLToPath(new URL('../../../cli/mgw.js', import.meta.url));

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway.stop());

async function issue(...flags: string[]): Promise<string> {
  const argv = ['issue', '--uid=208812345', '--keys', gateway.keysFile, ...flags];
  return (await runCommand(runSession, argv)).out.trim();
}

const call = (...argv: string[]): Promise<Run> => runCommand(runCall, argv);

const PROTOCOLS = ['mmtp', 'http'] as const;

describe('mgw call', () => {
  for (const protocol of PROTOCOLS) {
    const at = (): string[] => [`--${protocol}`, gateway[protocol]];

    test(`${protocol}: body to stdout, code and time to stderr`, async () => {
      const { code, out, err } = await call(
        'demo.echo',
        '-d',
        '{"n":12345678901234567890}',
        ...at(),
      );
      assert.equal(out, '{\n  "echo": {\n    "n": 12345678901234567890\n  }\n}\n');
      assert.match(err, /^1000 Success {2}[\d.]+ ms · 35 bytes · (Mmtp|HTTP) .*\n$/);
      assert.equal(code, 0);
    });

    test(`${protocol}: a session opens what needs one`, async () => {
      const argv = ['demo.account.get', '--session', await issue(), ...at()];
      const good = await call(...argv);
      assert.deepEqual(JSON.parse(good.out), { uid: '208812345', shard: '34' });
      assert.equal(good.code, 0);
    });

    test(`${protocol}: a session of a device is good on that device only`, async () => {
      const argv = ['demo.account.get', '--session', await issue('--device=d7'), ...at()];
      assert.equal((await call(...argv, '--device', 'd7')).code, 0);
      assert.match((await call(...argv, '--device', 'd8')).err, /^2000 /);
    });

    test(`${protocol}: without one the code is 2000 and the exit code 1`, async () => {
      const { code, err } = await call('demo.account.get', ...at());
      assert.equal(code, 1);
      assert.match(err, /^2000 Login timed out .*\n.*\n.*mgw session issue/);
    });

    test(`${protocol}: --json is one line with everything`, async () => {
      const { code, out } = await call('no.such.api', '--json', ...at());
      assert.equal(code, 1);
      assert.match(out, /^\{.*\}\n$/);
      const { operationType, resultCode, meaning } = JSON.parse(out) as Record<string, unknown>;
      assert.deepEqual(
        [operationType, resultCode, meaning],
        ['no.such.api', 3000, 'Operation type missing or not supported'],
      );
    });

    test(`${protocol}: -v shows request and headers`, async () => {
      const argv = ['demo.echo', '-v', '--header', 'X-Req: 1', '--device', 'd7', ...at()];
      const { code, err } = await call(...argv);
      assert.equal(code, 0);
      assert.match(err, /^> demo\.echo {2}body 2 bytes · device d7$/m);
      assert.match(err, /^> X-Req: 1$/m);
      if (protocol === 'http') assert.match(err, /^< Content-Type: application\/json/im);
      else assert.match(err, /^\* connected in .*\n\* the gateway takes 4,096 streams/m);
    });

    test(`${protocol}: a load run counts every call`, async () => {
      const streams = protocol === 'mmtp' ? ['--streams', '4'] : [];
      const argv = ['demo.echo', '-n', '300', '-c', '3', ...streams, ...at()];
      const { code, out } = await call(...argv);
      assert.equal(code, 0, out);
      assert.match(out, /answers +300 in /);
      assert.match(out, /latency +p50 .* p90 .* p99 .* p99\.9 .* max /);
      assert.match(out, /^ +300 {2}1000 Success$/m);
      const json = await call(...argv, '--json');
      const { answers, resultCodes } = JSON.parse(json.out) as Record<string, unknown>;
      assert.deepEqual([answers, resultCodes], [300, { 1000: 300 }]);
    });

    test(`${protocol}: a load run with another code fails`, async () => {
      const { code, out } = await call('demo.account.get', '-n', '20', ...at());
      assert.equal(code, 1);
      assert.match(out, /^ +20 {2}2000 Login timed out$/m);
    });

    test(`${protocol}: nobody there is said plainly, in a load run too`, async () => {
      for (const load of [[], ['-n', '50', '-c', '5']]) {
        const { code, out, err } = await call('demo.echo', `--${protocol}`, '127.0.0.1:1', ...load);
        assert.deepEqual([code, out], [1, '']);
        assert.match(err, /^Cannot connect to \w+ .*127\.0\.0\.1:1.*ECONNREFUSED/);
        assert.match(err, /`npm start` or `mgw sidecar` starts a gateway/);
      }
      const json = await call('demo.echo', `--${protocol}`, '127.0.0.1:1', '--json');
      const { error } = JSON.parse(json.out) as { error: Record<string, string> };
      assert.equal(error['code'], `${protocol.toUpperCase()}_CONNECT`);
    });
  }

  test('each protocol guesses when it meets the other one', async () => {
    const mmtpPort = await call('demo.echo', '--http', gateway.mmtp);
    assert.equal(mmtpPort.code, 1);
    assert.match(mmtpPort.err, /give --mmtp HOST:PORT/);
    const httpPort = await call('demo.echo', '--mmtp', gateway.http.slice('http://'.length));
    assert.equal(httpPort.code, 1);
    assert.match(httpPort.err, /give --http URL/);
  });

  test('HTTP that is no gateway has no result code', async () => {
    const { code, err } = await call('demo.echo', '--http', `${gateway.http}/nothing`);
    assert.equal(code, 1);
    assert.match(err, /HTTP 404/);
  });

  test('--timeout-ms goes to the gateway, which answers 4001', async () => {
    const argv = ['demo.slow', '-d', '{"ms":2000}', '--timeout-ms', '50', '--mmtp', gateway.mmtp];
    const { code, err } = await call(...argv);
    assert.equal(code, 1);
    assert.match(err, /^4001 /);
  });

  test('terminals get colours and a bar', async () => {
    const noColor = process.env['NO_COLOR'];
    const term = process.env['TERM'];
    delete process.env['NO_COLOR'];
    process.env['TERM'] = 'xterm';
    try {
      const at = ['--mmtp', gateway.mmtp];
      const one = await runCommand(runCall, ['demo.echo', ...at], true);
      assert.ok(one.out.includes('\x1b[34m"echo"\x1b[0m: {}'), one.out);
      assert.ok(one.err.startsWith('\x1b[32m1000 Success\x1b[0m'), one.err);
      const slow = ['demo.slow', '-d', '{"ms":150}', '-n', '2', ...at];
      const load = await runCommand(runCall, slow, true);
      const lines = load.err.split('\r\x1b[K');
      assert.match(lines[1]!, /^\[> +\] +0% {2}0\/2 /);
      assert.equal(lines.at(-1), '');
    } finally {
      if (noColor !== undefined) process.env['NO_COLOR'] = noColor;
      if (term === undefined) delete process.env['TERM'];
      else process.env['TERM'] = term;
    }
  });

  test('wrong usage is 2, names the nearest flag and all problems', async () => {
    const near = await call('demo.echo', '--sesion', 'x');
    assert.deepEqual([near.code, near.out], [2, '']);
    assert.match(near.err, /--sesion: unknown flag; did you mean --session\?/);
    const both = await call('demo.echo', '--mmtp', 'x', '--header', 'y');
    assert.equal(both.code, 2);
    assert.match(both.err, /^--mmtp: .*\n--header: .*\n`mgw call --help`/);
    assert.match((await call()).err, /<operationType>: is missing/);
  });

  test('--help shows every flag with examples', async () => {
    const { code, out } = await call('--help');
    assert.equal(code, 0);
    for (const flag of ['-d, --data', '-n, --count', '--streams', '--http', 'Examples:']) {
      assert.ok(out.includes(flag), flag);
    }
  });

  test('as a process it reads standard input, and ends by itself', async () => {
    const argv = [MGW, 'call', 'demo.echo', '-d', '-', '--mmtp', gateway.mmtp];
    const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.end('"piped"');
    const [code] = (await once(child, 'close')) as [number];
    assert.deepEqual([code, out], [0, '{\n  "echo": "piped"\n}\n']);
  });

  test('Ctrl-C ends a load run with the report of what was done', async () => {
    const argv = [MGW, 'call', 'demo.echo', '-n', '10000000', '--json', '--mmtp', gateway.mmtp];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    // The first line of progress shows that calls are under way.
    await once(child.stderr, 'data');
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 1);
    const { answers, unsent, failures } = JSON.parse(out) as Record<string, number>;
    assert.ok(answers! > 0);
    assert.deepEqual([answers! + unsent!, failures], [10_000_000, 0]);
  });
});
