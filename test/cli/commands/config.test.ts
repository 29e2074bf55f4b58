// `mgw config` as its caller sees it: tables, JSON, problems with lines, exit codes.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runConfig } from '#cli/commands/config.ts';
import { runCommand } from '../support.ts';
import type { Run } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgw-config-'));
after(() => rmSync(folder, { recursive: true }));

const config = (...argv: string[]): Promise<Run> => runCommand(runConfig, argv);

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const GOOD = file(
  'good.yaml',
  `revision: 7
upstreams:
  app: { protocol: http, hosts: ["127.0.0.1:9000"] }
listeners:
  httpPort: 9003
apis:
  - operationType: demo.echo
    upstream: { name: app }
    session: none
    headers: { request: { add: { x-key: hidden } } }
`,
);

const BAD = file(
  'bad.yaml',
  `upstreams:
  app: { protocol: http, hosts: ["127.0.0.1:9000"] }
listeners:
  httpPrt: 1
apis:
  - operationType: demo.echo
    upstream: { name: nobody }
`,
);

describe('mgw config check', () => {
  test('a good file is one line with what is in it', async () => {
    const { code, out, err } = await config('check', GOOD);
    assert.deepEqual([code, err], [0, '']);
    const summary = /: ok, revision 7, 1 API, 1 upstream, hash [0-9a-f]{64}\n$/;
    assert.match(out, summary);
    assert.ok(out.startsWith(GOOD));
  });

  test('every problem has its path and line, and the exit code is 2', async () => {
    const { code, out, err } = await config('check', BAD);
    assert.deepEqual([code, out], [2, '']);
    const lines = err.trimEnd().split('\n');
    assert.equal(lines.length, 2, err);
    assert.ok(lines[0]!.startsWith(`${BAD}:4: listeners.httpPrt: `), err);
    assert.match(lines[0]!, /"httpPort"/);
    assert.ok(lines[1]!.startsWith(`${BAD}:7: apis[0].upstream.name: `), err);
  });

  test('--json is for programs', async () => {
    const good = JSON.parse((await config('check', GOOD, '--json')).out) as Record<string, unknown>;
    assert.deepEqual([good['ok'], good['revision']], [true, 7]);
    const bad = await config('check', BAD, '--json');
    const { ok, problems } = JSON.parse(bad.out) as { ok: boolean; problems: { line: number }[] };
    assert.deepEqual([bad.code, ok, problems.map(({ line }) => line)], [2, false, [4, 7]]);
  });

  test('the environment has no say, flags complete the file', async () => {
    const apis = file('apis.yaml', 'apis:\n  - operationType: demo.echo\n');
    process.env['MGW_UPSTREAM'] = 'app=http://127.0.0.1:9000';
    try {
      assert.equal((await config('check', apis)).code, 2);
    } finally {
      delete process.env['MGW_UPSTREAM'];
    }
    const argv = ['check', apis, '--upstream', 'app=http://127.0.0.1:9000'];
    const { code, err } = await config(...argv);
    assert.equal(code, 0, err);
  });

  test('warnings are told, and wrong nothing', async () => {
    const { code, out, err } = await config('check', file('empty.yaml', ''));
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /no upstream/);
  });

  test('a missing file, no file, two files', async () => {
    const missing = await config('check', '/no/such.yaml');
    assert.equal(missing.code, 2);
    assert.match(missing.err, /cannot read \/no\/such\.yaml/);
    assert.match((await config('check')).err, /FILE: is missing/);
    assert.match((await config('check', GOOD, BAD)).err, /unexpected argument/);
    assert.match((await config('check', GOOD, '--config', BAD)).err, /--config: stands for FILE/);
  });
});

describe('mgw config explain', () => {
  test('every value is told with its source', async () => {
    process.env['MGW_ZONE'] = 'gz00a';
    let run: Run;
    try {
      run = await config(
        'explain',
        GOOD,
        '--mmtp-port=0',
        '--log-level',
        'warn',
        '--no-admin-open',
      );
    } finally {
      delete process.env['MGW_ZONE'];
    }
    assert.deepEqual([run.code, run.err], [0, '']);
    const row = (path: string): string[] => {
      const line = run.out.split('\n').find((text) => text.startsWith(`${path} `));
      return line?.split(/ {2,}/) ?? [];
    };
    assert.deepEqual(row('path'), ['path', 'value', 'origin', 'where']);
    assert.deepEqual(row('listeners.httpPort').slice(1), ['9003', 'file', `${GOOD}:5`]);
    assert.deepEqual(row('listeners.mmtpPort').slice(1), ['0', 'flag', '--mmtp-port']);
    assert.deepEqual(row('listeners.adminOpen').slice(1), ['false', 'flag', '--admin-open']);
    assert.deepEqual(row('runtime.zone').slice(1), ['"gz00a"', 'env', 'MGW_ZONE']);
    assert.deepEqual(row('limits.timeoutMs').slice(1), ['3000', 'default']);
    assert.doesNotMatch(run.out, /hidden/);
  });

  test('--changed leaves defaults out, --config does what FILE does', async () => {
    const { out } = await config('explain', '--config', GOOD, '--changed');
    assert.match(out, /^revision +7 +file/m);
    assert.doesNotMatch(out, / default/);
    assert.equal((await config('explain', GOOD, '--changed')).out, out);
  });

  test('lists, repeated flags and upstreams by flag arrive', async () => {
    const argv = ['--upstream', 'app=http://127.0.0.1:1', '--upstream', 'app=http://127.0.0.1:2'];
    const { code, out } = await config('explain', ...argv, '--changed');
    assert.equal(code, 0);
    assert.match(out, /^upstreams\.app\.hosts +\["127\.0\.0\.1:1","127\.0\.0\.1:2"\] +flag/m);
  });

  test('--json has whole values, parsed', async () => {
    const { out } = await config('explain', GOOD, '--json');
    const rows = JSON.parse(out) as Record<string, unknown>[];
    const port = rows.find(({ path }) => path === 'listeners.httpPort');
    const { description, ...rest } = port!;
    assert.deepEqual(rest, {
      path: 'listeners.httpPort',
      value: 9003,
      origin: 'file',
      where: `${GOOD}:5`,
    });
    assert.match(description as string, /HTTP/);
    const key = rows.find(({ path }) => (path as string).endsWith('x-key'));
    assert.equal(key!['value'], '***');
  });

  test('problems of file and flags are told together', async () => {
    const { code, out, err } = await config('explain', BAD, '--http-port', 'x');
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /--http-port/);
    assert.match(err, /httpPrt/);
    assert.match((await config('explain', '--http-prt', '1')).err, /did you mean --http-port\?/);
  });
});

describe('mgw config', () => {
  test('schema prints JSON Schema', async () => {
    const { code, out } = await config('schema');
    assert.equal(code, 0);
    const { $schema, properties } = JSON.parse(out) as Record<string, object>;
    assert.match(String($schema), /json-schema\.org/);
    assert.ok('listeners' in properties!);
  });

  test('help is there for it and each of its commands', async () => {
    for (const argv of [
      ['--help'],
      ['help'],
      ['check', '--help'],
      ['explain', '-h'],
      ['schema', '-h'],
    ]) {
      const { code, out } = await config(...argv);
      assert.equal(code, 0, argv.join(' '));
      assert.match(out, /^mgw config/);
      assert.match(out, /Examples:/);
    }
  });

  test('no command and an unknown one are wrong usage', async () => {
    assert.equal((await config()).code, 2);
    const unknown = await config('chek');
    assert.equal(unknown.code, 2);
    assert.match(unknown.err, /"chek"; did you mean "check"\?/);
  });
});
