// The gateway as a process: how it starts, refuses to start, and ends without losing what it
// accepted.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { MmtpClientError } from '#cli/client/mmtp-client-error.ts';
import { makeKeyDirectory, runSidecar, spawnSidecar, startSidecar } from './gateway.ts';
import { callBytes, codeOf, headerOf, openWire, type HttpWire } from './http-wire.ts';
import { openMmtp, requestBytes } from './mmtp-wire.ts';
import { echo, startService, type Service } from './service.ts';
import { until, within } from './wait.ts';

let service: Service;
let directory: string;

before(async () => {
  service = await startService();
  ({ directory } = makeKeyDirectory());
});

after(async () => {
  await service.stop();
  rmSync(directory, { recursive: true, force: true });
});

function upstream(): string {
  return `--upstream=app=http://${service.host}`;
}

describe('starting', () => {
  test('with nothing but an upstream everything goes to it', async () => {
    const sidecar = await startSidecar([upstream()]);
    const wire = await openWire(sidecar.httpPort);
    assert.equal((await wire.call(callBytes('any.thing', 'x'))).body.toString(), 'x');
    assert.equal(service.last.url, '/any.thing');
    await wire.close();
    assert.equal(await sidecar.stop('SIGINT'), 0);
  });

  test('wrong usage and wrong configuration exit with 2 and say what and where', async () => {
    const file = join(directory, 'bad.json');
    writeFileSync(file, '{\n"upstreams": {},\n"apis": [{"operationTyp": "x"}]\n}');
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--no-such-flag'], /--no-such-flag/],
      [['--http-prot=1'], /--http-port/],
      [['--http-port=70000', upstream()], /70000|--http-port/],
      [[`--config=${file}`], /operationTyp/],
      [['--config=/no/such/file'], /no such file/],
      [['--session-keys=/no/such/file', upstream()], /session keys/],
      [['--workers=65', upstream()], /--workers.*65/],
    ];
    for (const [args, says] of cases) {
      const { code, stderr } = await runSidecar(args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, says);
    }
  });

  test('a port in use exits with 1 and names listener and flag', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const free = { http: '--http-port=0', mmtp: '--mmtp-port=0', admin: '--admin-port=off' };
    for (const name of ['http', 'mmtp'] as const) {
      const args = { ...free, [name]: `--${name}-port=${port}` };
      const { code, stderr } = await runSidecar([...Object.values(args), upstream()]);
      assert.equal(code, 1, stderr);
      const problem = `Cannot bind listener "${name}": port ${port} is in use`;
      assert.equal(stderr.trim(), `${problem}; choose another with --${name}-port`);
    }
    const admin = await runSidecar([free.http, free.mmtp, `--admin-port=${port}`, upstream()]);
    assert.equal(admin.code, 1, admin.stderr);
    assert.match(admin.stderr, new RegExp(`admin.*${port}.*--admin-port`, 's'));
    taken.close();
  });

  test(
    'a start that hangs ends at once when it is told to',
    { skip: process.platform !== 'linux' && 'needs /proc' },
    async () => {
      const free = ['--http-port=0', '--mmtp-port=0', '--admin-port=0'];
      // Node looks for a directory there that it could make others in, and never finds one.
      const args = [...free, '--admin-token-file=/proc/no/such/token', upstream()];
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const child = spawnSidecar(args);
        const exited = once(child, 'exit');
        try {
          await until(() => listensToHangup(child.pid!), 'its signal handlers');
          child.kill(signal);
          assert.deepEqual(await within(exited, `exit after ${signal}`), [null, signal]);
        } finally {
          child.kill('SIGKILL');
        }
      }
    },
  );
});

/** Does a process catch SIGHUP? Node does not, a gateway does once it catches the others. */
function listensToHangup(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return (Number.parseInt(/SigCgt:\s*([\da-f]+)/.exec(status)![1]!.slice(-1), 16) & 1) === 1;
}

describe('ending', () => {
  test('an idle gateway ends at once', async () => {
    const sidecar = await startSidecar([upstream()]);
    const idle = await openMmtp(sidecar.mmtpPort);
    const startedMs = performance.now();
    assert.equal(await sidecar.stop('SIGTERM'), 0);
    assert.ok(performance.now() - startedMs < 2500, 'it took long');
    assert.equal((await idle.goaway()).resultCode, 1000);
    await idle.close();
  });

  test('under load by HTTP keep-alive no accepted request is lost', async () => {
    const sidecar = await startSidecar([upstream()]);
    service.answer = (seen, response) => void setTimeout(() => response.end(seen.body), 5);
    let answers = 0;
    let closes = 0;
    const load = async (wire: HttpWire, name: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const answer = await wire.call(callBytes('echo', `${name}-${i}`));
        assert.equal(codeOf(answer), 1000);
        assert.equal(answer.body.toString(), `${name}-${i}`);
        answers++;
        if (headerOf(answer, 'connection') !== 'close') continue;
        closes++;
        await wire.ended();
        await wire.close();
        return;
      }
    };
    const wires = await Promise.all(Array.from({ length: 30 }, () => openWire(sidecar.httpPort)));
    const loads = wires.map(load);
    await until(() => answers > 300, 'the load runs');
    const code = sidecar.stop('SIGTERM');
    await Promise.all(loads);
    assert.equal(closes, 30);
    assert.equal(await code, 0);
    service.answer = echo;
  });

  test('under load by Mmtp every call is answered or known not to have run', async () => {
    const sidecar = await startSidecar([upstream()]);
    const seen: string[] = [];
    service.answer = (request, response) => {
      seen.push(request.body);
      setTimeout(() => response.end(request.body), 5);
    };
    const client = await connectMmtp({ port: sidecar.mmtpPort });
    let answers = 0;
    const refused: string[] = [];
    const load = async (name: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const body = `${name}-${i}`;
        try {
          const answer = await client.call('echo', body);
          assert.equal(answer.resultCode, 1000);
          assert.equal(answer.body.toString(), body);
          answers++;
        } catch (error) {
          assert.ok(error instanceof MmtpClientError, String(error));
          assert.equal(error.code, 'MMTP_GOING_AWAY', error.message);
          refused.push(body);
          return;
        }
      }
    };
    const loads = Array.from({ length: 50 }, (_, i) => load(i));
    await until(() => answers > 500, 'the load runs');
    assert.equal(await sidecar.stop('SIGTERM'), 0);
    await Promise.all(loads);
    assert.equal(refused.length, 50);
    // What the client was told to send elsewhere was not sent on here.
    assert.deepEqual(
      refused.filter((body) => seen.includes(body)),
      [],
    );
    service.answer = echo;
  });

  test('answers that are slow, large, half read or half asked are finished', async () => {
    const sidecar = await startSidecar([upstream()]);
    const large = Buffer.alloc(8 << 20, 'z');
    service.answer = (seen, response) => {
      if (seen.body === 'large') response.end(large);
      else setTimeout(() => response.end(seen.body), seen.body === 'slow' ? 700 : 0);
    };
    const slow = await openWire(sidecar.httpPort);
    const half = await openWire(sidecar.httpPort);
    const reader = await openWire(sidecar.httpPort);
    const mmtp = await openMmtp(sidecar.mmtpPort);
    slow.write(callBytes('echo', 'slow'));
    mmtp.write(requestBytes(1, 'echo', 'slow'));
    half.write(callBytes('echo', 'uploaded').slice(0, -4));
    reader.socket.pause();
    reader.write(callBytes('echo', 'large'));
    await until(() => service.seen.filter(({ body }) => body === 'slow').length === 2, 'all there');
    await until(() => service.last !== undefined, 'the service is asked');
    const code = sidecar.stop('SIGTERM');
    await mmtp.goaway();
    half.write('aded');
    reader.socket.resume();
    assert.equal((await half.answer()).body.toString(), 'uploaded');
    assert.equal((await reader.answer()).body.length, large.length);
    assert.equal((await slow.answer()).body.toString(), 'slow');
    assert.equal((await mmtp.response()).body.toString(), 'slow');
    assert.equal(await code, 0);
    for (const each of [slow, half, reader, mmtp]) await each.close();
    service.answer = echo;
  });

  test('what never ends is cut off after the drain time', async () => {
    const sidecar = await startSidecar([upstream(), '--drain-ms=300', '--timeout-ms=60000']);
    service.answer = () => {};
    const wire = await openWire(sidecar.httpPort);
    const { length } = service.seen;
    wire.write(callBytes('echo', 'never'));
    await until(() => service.seen.length > length, 'the request');
    const startedMs = performance.now();
    assert.equal(await sidecar.stop('SIGTERM'), 0);
    const ms = performance.now() - startedMs;
    assert.ok(ms >= 290 && ms < 3000, `${ms}`);
    await wire.ended();
    await wire.close();
    service.answer = echo;
  });

  test('POST /drain does the same', async () => {
    const sidecar = await startSidecar([upstream()]);
    const exited = once(sidecar.child, 'exit');
    const answer = await sidecar.admin('/drain', { method: 'POST' });
    assert.equal(answer.status, 202);
    assert.equal((await exited)[0], 0);
  });
});
