// What a newcomer does: start the development system, call it by HTTP, Mmtp and the command line,
// end it with Ctrl-C. Everything runs in processes of its own, in a directory of its own.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MGW = fileURLToPath(new URL('../../cli/mgw.js', import.meta.url));

interface Ready {
  readonly event: string;
  readonly ports: {
    readonly http: number;
    readonly mmtp: number;
    readonly 'central-http': number;
    readonly 'central-mmtp': number;
  };
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

function post(operationType: string, body: string, headers: Record<string, string> = {}) {
  return fetch(`http://127.0.0.1:${ready.ports.http}/mgw.htm`, {
    method: 'POST',
    headers: { 'Operation-Type': operationType, 'Content-Type': 'application/json', ...headers },
    body,
  });
}

describe('mgw dev', () => {
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mgw-dev-'));
    const names = ['http', 'mmtp', 'admin', 'central-http', 'central-mmtp', 'central-admin'];
    const ports = names.map((name) => `--${name}-port=0`);
    dev = spawn(process.execPath, [MGW, 'dev', ...ports], { cwd: directory });
    dev.stderr!.pipe(process.stderr);
    for await (const line of createInterface({ input: dev.stdout! })) {
      output += `${line}\n`;
      if (!line.startsWith('{"event":"ready"')) continue;
      ready = JSON.parse(line) as Ready;
      break;
    }
    assert.ok(ready !== undefined, `mgw dev did not become ready:\n${output}`);
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
    const target = `127.0.0.1:${ready.ports.mmtp}`;
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
    const answer = await fetch(`http://127.0.0.1:${ready.ports['central-http']}/mgw.htm`, {
      method: 'POST',
      headers: { 'Operation-Type': 'demo.echo', 'Content-Type': 'application/json' },
      body: '[1]',
    });
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

  test('reaches the SOFARPC sample by Bolt with a protobuf body', async () => {
    const target = `127.0.0.1:${ready.ports.mmtp}`;
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

  test('writes a line per request to the access log, and ends cleanly at Ctrl-C', async () => {
    dev.kill('SIGINT');
    const [code] = (await once(dev, 'exit')) as [number | null];
    assert.equal(code, 0);
    const log = await readFile(join(directory, '.mgw/dev/mesh-access.log'), 'utf8');
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(lines.length >= 4);
    assert.ok(lines.every(({ generation }) => generation === 'mesh'));
    const central = await readFile(join(directory, '.mgw/dev/central-access.log'), 'utf8');
    const codes = central.trim().split('\n');
    assert.equal(codes.length, 2);
    for (const line of codes) assert.match(line, /"code":1000.*"generation":"central"/);
    await assert.rejects(post('demo.echo', '{}'), 'the port must be closed');
  });
});
