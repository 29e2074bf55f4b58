// What a newcomer does: start the development system, call it by HTTP, Mmtp and the command line,
// end it with Ctrl-C. Everything runs in processes of its own, in a directory of its own.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '#test/integration/wait.ts';

const MGW = fileURLToPath(new URL('../../cli/mgw.js', import.meta.url));

interface Ready {
  readonly event: string;
  readonly ports: Readonly<Record<string, number>>;
}

let directory: string;
let dev: ChildProcess;
let ready: Ready;
let output = '';

async function mgw(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MGW, ...args], { cwd: directory });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

/** The generations: names of their ports in the ready line. */
const GENERATIONS = [
  { name: 'mesh', http: 'http', mmtp: 'mmtp', admin: 'admin' },
  {
    name: 'decentralized',
    http: 'embedded-http',
    mmtp: 'embedded-mmtp',
    admin: 'embedded-admin',
  },
  { name: 'central', http: 'central-http', mmtp: 'central-mmtp', admin: 'central-admin' },
] as const;

function post(
  operationType: string,
  body: string,
  headers: Record<string, string> = {},
  port = 'http',
) {
  return fetch(`http://127.0.0.1:${ready.ports[port]}/mgw.htm`, {
    method: 'POST',
    headers: { 'Operation-Type': operationType, 'Content-Type': 'application/json', ...headers },
    body,
  });
}

/** Flags that let every gateway take any free ports. */
const FREE = ['', 'embedded-', 'central-'].flatMap((prefix) =>
  ['http', 'mmtp', 'admin'].map((listener) => `--${prefix}${listener}-port=0`),
);

/** Starts a development system in `directory`; answers it with what it has printed. */
async function startDev(): Promise<{ child: ChildProcess; text: string; ready: Ready }> {
  const child = spawn(process.execPath, [MGW, 'dev', ...FREE], { cwd: directory });
  child.stderr.pipe(process.stderr);
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += `${line}\n`;
    if (!line.startsWith('{"event":"ready"')) continue;
    return { child, text, ready: JSON.parse(line) as Ready };
  }
  return assert.fail(`mgw dev did not become ready:\n${text}`);
}

/** The directory that a system says its files are in. */
function filesOf(text: string): string {
  return join(directory, /configurations +(\S+)\/\*\.json/.exec(text)![1]!);
}

function linesOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

function contentsOf(folder: string, isMeant: (file: string) => boolean): Map<string, string> {
  const names = readdirSync(folder).filter(isMeant);
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe('mgw dev', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mgw-dev-'));
    ({ child: dev, text: output, ready } = await startDev());
  });

  after(async () => {
    if (dev.exitCode === null) dev.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  test('says what is where and what to try', () => {
    assert.match(output, /HTTP {2}http:\/\/127\.0\.0\.1:\d+\/mgw\.htm/);
    assert.match(output, /npx mgw call demo\.echo/);
  });

  test('echoes by HTTP', async () => {
    const answer = await post('demo.echo', '{"n":9007199254740993}');
    assert.equal(answer.headers.get('result-status'), '1000');
    assert.equal(await answer.text(), '{"echo":{"n":9007199254740993}}');
  });

  test('echoes by Mmtp through mgw call', async () => {
    const target = `127.0.0.1:${ready.ports['mmtp']}`;
    const { code, stdout, stderr } = await mgw(
      'call',
      'demo.echo',
      '-d',
      '{"hello":"world"}',
      '--mmtp',
      target,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"hello": ?"world"/);
  });

  test('the central gateway serves the same operations', async () => {
    const answer = await post('demo.echo', '[1]', {}, 'central-http');
    assert.equal(await answer.text(), '{"echo":[1]}');
    const target = `127.0.0.1:${ready.ports['central-mmtp']}`;
    const call = await mgw('call', 'demo.echo', '-d', '{"n":2}', '--mmtp', target);
    assert.equal(call.code, 0, call.stderr);
    assert.match(call.stdout, /"n": ?2/);
  });

  test('tells the uid of a session that mgw session issued, and 2000 without one', async () => {
    const issued = await mgw('session', 'issue', '--uid', '12345');
    assert.equal(issued.code, 0, issued.stderr);
    const session = issued.stdout.trim();
    const answer = await post('demo.account.get', '{}', { 'Mgw-Session': session });
    assert.deepEqual(await answer.json(), { uid: '12345', shard: '34' });
    const without = await post('demo.account.get', '{}');
    assert.equal(without.headers.get('result-status'), '2000');
  });

  for (const { name, http, mmtp, admin } of GENERATIONS) {
    test(`${name}: the same APIs over both protocols, and figures`, async () => {
      const echo = await post('demo.echo', '{"n":9007199254740993}', {}, http);
      assert.equal(await echo.text(), '{"echo":{"n":9007199254740993}}');
      const slow = await post('demo.slow', '{"ms":20}', {}, http);
      assert.deepEqual(await slow.json(), { ms: 20 });
      const issued = await mgw('session', 'issue', '--uid', '12345');
      const session = issued.stdout.trim();
      const target = `127.0.0.1:${ready.ports[mmtp]}`;
      const account = await mgw('call', 'demo.account.get', '--session', session, '--mmtp', target);
      assert.equal(account.code, 0, account.stderr);
      assert.match(account.stdout, /"uid": ?"12345"/);
      const health = await fetch(`http://127.0.0.1:${ready.ports[admin]}/readyz`);
      assert.equal(health.status, 200);
    });

    test(`${name}: a session of the old kind brings one of the new`, async () => {
      const old = (await mgw('session', 'legacy', '--uid', '777')).stdout.trim();
      assert.ok(old.length > 2000, 'a legacy session is fat');
      const first = await post('demo.account.get', '{}', { 'Mgw-Session': old }, http);
      assert.deepEqual(await first.json(), { uid: '777', shard: '77' });
      const [, session = ''] = /MGW_SESSION=([^;]+)/.exec(first.headers.get('set-cookie')!) ?? [];
      assert.ok(session.length > 0 && session.length < 200, session);
      const second = await post('demo.account.get', '{}', { 'Mgw-Session': session }, http);
      assert.deepEqual(await second.json(), { uid: '777', shard: '77' });
      assert.equal(second.headers.get('set-cookie'), null);
    });
  }

  test('reaches the SOFARPC sample by Bolt with a protobuf body', async () => {
    const target = `127.0.0.1:${ready.ports['mmtp']}`;
    const name = Buffer.from([0x0a, 0x01, 0x78]).toString('base64');
    const { code, stdout, stderr } = await mgw(
      'call',
      'demo.sofa.hello',
      '--data-base64',
      name,
      '--content-type',
      'protobuf',
      '--mmtp',
      target,
      '--json',
    );
    assert.equal(code, 0, stderr + stdout);
  });

  test('writes a line per request to the access log', async () => {
    for (const { name } of GENERATIONS) {
      const file = join(filesOf(output), `${name}-access.log`);
      await until(() => linesOf(file).length >= 4, `four lines of ${name}`);
      const lines = linesOf(file).map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.ok(
        lines.every(({ generation }) => generation === name),
        name,
      );
    }
  });

  test('a second system in the same directory leaves the first alone', async () => {
    const files = filesOf(output);
    const isKept = (file: string): boolean => !file.endsWith('.log');
    const before = contentsOf(files, isKept);
    assert.equal(before.size, 6, [...before.keys()].join());
    const { child, text } = await startDev();
    assert.notEqual(filesOf(text), files);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.deepEqual(readdirSync(join(directory, '.mgw/dev')), [basename(files)]);
    const flag = '--embedded-http-port=';
    const others = FREE.filter((one) => !one.startsWith(flag));
    const failed = await mgw('dev', `${flag}${ready.ports['http']}`, ...others);
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, /"embedded-http": port \d+ is in use; .* --embedded-http-port\n$/);
    assert.deepEqual(readdirSync(join(directory, '.mgw/dev')), [basename(files)]);
    assert.deepEqual(contentsOf(files, isKept), before);
  });

  test('ends cleanly at Ctrl-C and removes its files', async () => {
    dev.kill('SIGINT');
    const [code] = (await once(dev, 'exit')) as [number | null];
    assert.equal(code, 0);
    assert.deepEqual(readdirSync(join(directory, '.mgw/dev')), []);
    for (const { name, http } of GENERATIONS) {
      await assert.rejects(post('demo.echo', '{}', {}, http), `${name}: the port must be closed`);
    }
  });
});
