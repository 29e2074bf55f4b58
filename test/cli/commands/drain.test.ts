// `mgw drain` against gateways that run as processes of their own, and against what is none.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runDrain } from '#cli/commands/drain.ts';
import { DrainApi } from '#cli/commands/drain-admin.ts';
import { WatchedProcess } from '#cli/commands/drain-process.ts';
import { AdminServer } from '#workers/admin/admin-server.ts';
import { FakeSource } from '#test/workers/admin/support.ts';
import { runCommand } from '../support.ts';
import type { Run } from '../support.ts';

const MGW = fileURLToPath(new URL('../../../cli/mgw.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mgw-drain-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const drain = (...argv: string[]): Promise<Run> => runCommand(runDrain, argv);

/** Starts a process; answers it with its first lines of output as they come. */
function start(command: string, argv: readonly string[]) {
  const child = spawn(command, argv, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function startSidecar() {
  const ports = ['--http-port=0', '--mmtp-port=0', '--admin-port=0'];
  const token = join(folder, 'token');
  const flags = ['--upstream=app=http://127.0.0.1:1', `--admin-token-file=${token}`];
  const { child, lines } = start(process.execPath, [MGW, 'sidecar', ...ports, ...flags]);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  for (;;) {
    const { value, done } = await lines.next();
    assert.ok(done !== true, 'the sidecar ended');
    if (!value.startsWith('{')) continue;
    const ready = JSON.parse(value) as { ports: { admin: number } };
    const admin = `http://127.0.0.1:${ready.ports.admin}`;
    // An answer shows that the process is past its start and listens to signals.
    assert.equal(await new DrainApi(new URL(admin), null).state(), 'replaced');
    return { pid: child.pid!, admin, token, exited };
  }
}

describe('mgw drain --pid', () => {
  test('waits until the gateway has ended cleanly', async () => {
    const { pid, exited } = await startSidecar();
    const { code, out, err } = await drain('--pid', String(pid));
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, new RegExp(`^process ${pid} is gone, after `));
    assert.deepEqual(await exited, [0, null]);
  });

  test('a process that is not there', async () => {
    const { child } = start(process.execPath, ['-e', '']);
    await once(child, 'exit');
    const { code, err } = await drain('--pid', String(child.pid));
    assert.deepEqual([code, err], [1, `There is no process ${child.pid}\n`]);
  });

  test('a process that is no gateway is left alone, unless forced', async () => {
    const { child, lines } = start(process.execPath, [
      '-e',
      'console.log(1);setInterval(()=>{},9)',
    ]);
    await lines.next();
    const pid = String(child.pid);
    const refused = await drain('--pid', pid);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /does not look like a gateway: its command line is ".*setInterval/);
    assert.equal(child.exitCode ?? child.signalCode, null);
    const forced = await drain('--pid', pid, '--force');
    assert.equal(forced.code, 0, forced.err);
  });

  test('gives up waiting after --timeout-ms and says so', async () => {
    const program = "process.on('SIGTERM',()=>{});console.log(1);setInterval(()=>{},1e6)";
    const { child, lines } = start(process.execPath, ['-e', program, '/usr/bin/mgw', 'sidecar']);
    await lines.next();
    const { code, err } = await drain('--pid', String(child.pid), '--timeout-ms', '60');
    assert.equal(code, 1);
    assert.match(err, /is still there after 60\.0 ms and goes on draining; --timeout-ms/);
  });

  test('a command of mgw that is no gateway does not look like one', async () => {
    const { child, lines } = start(process.execPath, [
      '-e',
      'console.log(1);setInterval(()=>{},9)',
      'mgw',
      'call',
    ]);
    await lines.next();
    assert.equal(new WatchedProcess(child.pid!).isGateway, false);
    assert.equal((await drain('--pid', String(child.pid))).code, 1);
  });

  test(
    'a process that ended and was not waited for counts as gone',
    {
      skip: process.platform !== 'linux' && 'needs /proc',
    },
    async () => {
      const { lines } = start('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30']);
      const pid = Number((await lines.next()).value);
      const zombie = new WatchedProcess(pid);
      while (zombie.reach() === 'reachable') await nextTurn();
      assert.equal(process.kill(pid, 0), true);
    },
  );
});

describe('mgw drain --admin', () => {
  test('waits until the gateway has ended cleanly', async () => {
    const { admin, token, exited } = await startSidecar();
    const without = await drain('--admin', admin);
    assert.equal(without.code, 1);
    assert.match(without.err, /give --token-file FILE/);
    const wrong = join(folder, 'wrong-token');
    writeFileSync(wrong, 'x\n');
    const bad = await drain('--admin', admin, '--token-file', wrong);
    assert.match(bad.err, /does not take this token/);
    const { code, out } = await drain('--admin', admin, '--token-file', token);
    assert.equal(code, 0);
    assert.match(out, /^the gateway at 127\.0\.0\.1:\d+ is gone, after /);
    assert.deepEqual(await exited, [0, null]);
  });

  /** An admin API that drains for as long as the test wants. */
  async function fakeAdmin(source: FakeSource) {
    const server = await AdminServer.listen({
      host: '127.0.0.1',
      port: 0,
      access: 'open',
      source,
      onError: () => {},
    });
    return { server, address: `127.0.0.1:${server.port}` };
  }

  class Draining extends FakeSource {
    override async drain(): Promise<void> {
      await super.drain();
      this.reasons = ['draining'];
    }

    override async lanes(): Promise<object> {
      return [{ openExchanges: 2, connections: { mmtp: 1, http: 0 } }];
    }
  }

  test('shows what is open on a terminal, and gives up in time', async () => {
    const { server, address } = await fakeAdmin(new Draining());
    const argv = ['--admin', address, '--timeout-ms', '250'];
    const { code, err } = await runCommand(runDrain, argv, true);
    await server.close();
    assert.equal(code, 1);
    assert.match(err, /the gateway at [\d.:]+ drains: 2 requests, 1 connection open, [\d.]+ ms/);
    assert.match(err, /is still there after 250\.0 ms/);
  });

  test('notices a new process on the same port', async () => {
    const { server, address } = await fakeAdmin(new FakeSource());
    const { code, out } = await drain('--admin', address);
    await server.close();
    assert.equal(code, 0);
    assert.match(out, /another one has taken its place/);
  });

  test('somebody else there', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, err } = await drain('--admin', `127.0.0.1:${port}`);
    server.close();
    assert.equal(code, 1);
    assert.match(err, /answers 404 to POST \/drain; is it an admin API\?/);
  });

  test('nobody there, no token file', async () => {
    const { server, address } = await fakeAdmin(new FakeSource());
    await server.close();
    const nobody = await drain('--admin', address);
    assert.equal(nobody.code, 1);
    assert.match(
      nobody.err,
      /^Cannot reach an admin API at 127\.0\.0\.1:\d+: connect ECONNREFUSED/,
    );
    const unread = await drain('--admin', address, '--token-file', '/no/such/token');
    assert.equal(unread.code, 1);
    assert.match(unread.err, /Cannot read the token: ENOENT/);
  });
});

describe('mgw drain usage', () => {
  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['neither', [], /--pid: is missing; give --pid PID or --admin URL/],
    ['both', ['--pid=1', '--admin=h:1'], /--admin: excludes --pid/],
    ['token without admin', ['--pid=1', '--token-file=x'], /--token-file: belongs to --admin/],
    ['force without pid', ['--admin=h:1', '--force'], /--force: belongs to --pid/],
    ['pid 0', ['--pid', '0'], /--pid: "0" is not allowed/],
    ['no URL', ['--admin', 'https://h'], /--admin: "https:\/\/h" is no http URL/],
    ['unknown flag', ['--pdi', '1'], /did you mean --pid\?/],
  ];
  for (const [name, argv, message] of wrong) {
    test(name, async () => {
      const { code, out, err } = await drain(...argv);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, message);
    });
  }

  test('--help', async () => {
    const { code, out } = await drain('--help');
    assert.equal(code, 0);
    assert.match(out, /--timeout-ms MS .*default 30000/);
  });
});
