// Loading: which source wins, what the environment may say, profiles, and the start without files.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkConfig, loadConfig, snapshotFromText, snapshotFromValue } from '#config/load.ts';
import type { LoadInput, LoadResult } from '#config/load.ts';
import { formatProblem } from '#config/problem.ts';
import { CENTRAL_DEFAULTS, EMBEDDED_DEFAULTS } from '#config/role-defaults.ts';
import type { ConfigSnapshot, SnapshotResult } from '#config/snapshot.ts';

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'mgw-config-'));
  await mkdir(join(cwd, 'profiles'));
});
after(() => rm(cwd, { recursive: true }));

const UPSTREAM = ['--upstream', 'app=http://127.0.0.1:9000'];

function load(input: Partial<LoadInput>): Promise<LoadResult> {
  return loadConfig({ argv: [], env: {}, cwd, profilesDir: join(cwd, 'profiles'), ...input });
}

function snapshotOf(result: SnapshotResult): ConfigSnapshot {
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join('\n'));
  return result.snapshot;
}

function messagesOf(result: SnapshotResult): readonly string[] {
  return result.ok ? [] : result.problems.map(formatProblem);
}

test('an empty file is told when settings are missing, and only then', async () => {
  for (const [name, text] of Object.entries({ 'blank.yaml': '# none', 'null.json': 'null' })) {
    await writeFile(join(cwd, name), text);
    const [first, second] = messagesOf(await load({ argv: ['--config', name] }));
    assert.equal(first, `${name}: the file is empty`);
    assert.match(second!, /^upstreams: no upstream configured/);
    snapshotOf(await load({ argv: ['--config', name, ...UPSTREAM] }));
  }
});

describe('loadConfig without a file', () => {
  test('sends every operation type to the one HTTP upstream, sessions optional', async () => {
    const { config, apis } = snapshotOf(await load({ argv: UPSTREAM }));
    assert.deepEqual(Object.keys(config.upstreams), ['app']);
    assert.deepEqual(config.upstreams['app']?.hosts, ['127.0.0.1:9000']);
    assert.equal(apis.length, 1);
    const { operationType, upstream, session, enabled, timeoutMs } = apis[0]!;
    assert.deepEqual(
      { operationType, upstream, session, enabled, timeoutMs },
      { operationType: '*', upstream: 'app', session: 'optional', enabled: true, timeoutMs: 3000 },
    );
  });

  test('has the documented defaults', async () => {
    const { config } = snapshotOf(await load({ argv: UPSTREAM }));
    const { listeners, runtime } = config;
    assert.deepEqual(
      [listeners.httpPort, listeners.mmtpPort, listeners.adminPort, listeners.host],
      [8003, 8004, 8100, '127.0.0.1'],
    );
    assert.deepEqual([runtime.workers, runtime.drainMs], ['auto', 10_000]);
    assert.equal(listeners.frameBytesMax, 1_048_576);
  });

  test('says clearly that there is no upstream', async () => {
    assert.deepEqual(messagesOf(await load({})), [
      'upstreams: no upstream configured; give --upstream NAME=PROTO://HOST:PORT, or ' +
        '"upstreams" in a file with --config',
    ]);
  });

  test('does not guess among several upstreams, nor for Bolt', async () => {
    const two = await load({ argv: [...UPSTREAM, '--upstream=pay=http://127.0.0.1:9001'] });
    assert.match(messagesOf(two).join(), /^apis: no API configured, and there are several upstre/);
    const bolt = await load({ argv: ['--upstream', 'sofa=bolt://127.0.0.1:12200'] });
    assert.match(messagesOf(bolt).join(), /speaks Bolt, which needs service and method/);
  });

  test('adds a host when an upstream is named again', async () => {
    const argv = [...UPSTREAM, '--upstream=app=http://[::1]:9001/'];
    const { config } = snapshotOf(await load({ argv }));
    assert.deepEqual(config.upstreams['app']?.hosts, ['127.0.0.1:9000', '[::1]:9001']);
  });

  test('refuses upstream texts that are wrong', async () => {
    const wrong = {
      app: 'is not NAME=PROTO://HOST:PORT, as in app=http://127.0.0.1:9000',
      '1=http://h:1': 'name "1" is not allowed',
      '__proto__=http://h:1': 'name "__proto__" is not allowed',
      'a=htp://h:1': 'protocol "htp" is not known; did you mean "http"?',
      'a=http://h': '"h" is not HOST:PORT',
      'a=http://h:0': '"h:0" is not HOST:PORT',
      'a=http://h:65536': '"h:65536" is not HOST:PORT',
      'a=http://h:1/path': '"h:1/path" is not HOST:PORT',
    };
    for (const [text, message] of Object.entries(wrong)) {
      const found = messagesOf(await load({ argv: [`--upstream=${text}`] })).join('\n');
      assert.ok(found.startsWith('--upstream: ') && found.includes(message), found);
    }
    const mixed = await load({ argv: ['--upstream=a=http://h:1', '--upstream=a=bolt://h:2'] });
    assert.match(messagesOf(mixed).join(), /"a" is given as http and as bolt/);
  });

  test('reports --control as not there yet', async () => {
    const message = 'this version has no control-plane client yet; use --config FILE';
    const byFlag = await load({ argv: [...UPSTREAM, '--control', 'http://127.0.0.1:8500'] });
    assert.deepEqual(messagesOf(byFlag), [`--control: ${message}`]);
    const byEnv = await load({ argv: UPSTREAM, env: { MGW_CONTROL: 'http://127.0.0.1:8500' } });
    assert.deepEqual(messagesOf(byEnv), [`MGW_CONTROL: ${message}`]);
  });

  test('takes a configuration built into the caller', async () => {
    const value = { upstreams: { dev: { protocol: 'http', hosts: ['127.0.0.1:1'] } } };
    const builtIn = { name: 'built in', value };
    const { config, origins } = snapshotOf(await load({ builtIn, argv: ['--http-port', '0'] }));
    assert.equal(config.listeners.httpPort, 0);
    assert.equal(origins.get('upstreams.dev.protocol')?.where, 'built in');
  });
});

describe('precedence', () => {
  test('is flag, environment, file, profile, default', async () => {
    await writeFile(
      join(cwd, 'profiles', 'small.yaml'),
      'runtime: {zone: profile, app: profile, drainMs: 1, language: zh}\nlimits: {timeoutMs: 1}\n',
    );
    await writeFile(
      join(cwd, 'gateway.yaml'),
      [
        'runtime:',
        '  zone: file',
        '  app: file',
        '  drainMs: 2',
        'upstreams:',
        '  app: {protocol: http, hosts: ["127.0.0.1:1"], waitMs: 7}',
      ].join('\n'),
    );
    const argv = ['--config', 'gateway.yaml', '--profile=small', '--zone', 'flag', ...UPSTREAM];
    const env = { MGW_ZONE: 'env', MGW_APP: 'env' };
    const { config, origins } = snapshotOf(await load({ argv, env }));
    const { zone, app, drainMs, language, workers } = config.runtime;
    assert.deepEqual([zone, app, drainMs, language, workers], ['flag', 'env', 2, 'zh', 'auto']);
    const source = (path: string) => {
      const entry = origins.get(path);
      return `${entry?.origin} ${entry?.where}`;
    };
    assert.deepEqual(
      ['zone', 'app', 'drainMs', 'language', 'workers'].map((key) => source(`runtime.${key}`)),
      [
        'flag --zone',
        'env MGW_APP',
        'file gateway.yaml:4',
        'profile profiles/small.yaml:1',
        'default ',
      ],
    );
    assert.equal(source('upstreams.app.hosts'), 'flag --upstream');
    assert.equal(source('upstreams.app.waitMs'), 'file gateway.yaml:6');
    assert.equal(source('upstreams.app.waitersMax'), 'default ');
    assert.equal(source('limits.timeoutMs'), 'profile profiles/small.yaml:2');
  });

  test('takes the defaults of a kind of process as the weakest, and says whose', async () => {
    await writeFile(
      join(cwd, 'profiles', 'roomy.yaml'),
      'listeners: {streamsMax: 9, mmtpPort: 22}\n',
    );
    const settings = { listeners: { httpPort: 1, mmtpPort: 2, adminPort: 3 } };
    const role = { name: 'mgw test', settings, profile: 'roomy' };
    const argv = [...UPSTREAM, '--admin-port=33'];
    const loaded = await load({ argv, role });
    const { config, origins } = snapshotOf(loaded);
    const { httpPort, mmtpPort, adminPort, streamsMax } = config.listeners;
    assert.deepEqual([httpPort, mmtpPort, adminPort, streamsMax], [1, 22, 33, 9]);
    const port = origins.get('listeners.httpPort');
    assert.deepEqual([port?.origin, port?.where], ['default', 'mgw test']);
    assert.equal(origins.get('listeners.mmtpPort')?.origin, 'profile');
    // Another profile takes the place of the role's.
    const small = snapshotOf(await load({ argv: [...argv, '--profile=small'], role }));
    assert.equal(small.config.listeners.streamsMax, 4096);
    assert.equal(small.config.listeners.mmtpPort, 2);
    // What comes while the process runs meets the same defaults.
    assert.ok(loaded.ok);
    const next = snapshotOf(await snapshotFromValue({ revision: 2 }, loaded.base));
    assert.deepEqual([next.config.listeners.httpPort, next.config.listeners.mmtpPort], [1, 22]);
  });

  for (const [gateway, { settings }] of [
    ['central', CENTRAL_DEFAULTS],
    ['embedded', EMBEDDED_DEFAULTS],
  ] as const) {
    test(`defaults of the ${gateway} gateway fit the schema`, async () => {
      const app = { protocol: 'http', hosts: ['127.0.0.1:9000'] };
      const value = { ...(settings as object), upstreams: { app } };
      assert.deepEqual(messagesOf(await checkConfig(value)), []);
    });
  }

  test('replaces a list as a whole', async () => {
    const list = '{"filters":{"modules":["a.js","b.js"]}}';
    await writeFile(join(cwd, 'list.json'), list);
    const fromFile = snapshotOf(await load({ argv: ['--config=list.json', ...UPSTREAM] }));
    assert.deepEqual(fromFile.config.filters.modules, ['a.js', 'b.js']);
    const argv = ['--config=list.json', ...UPSTREAM, '--filter', 'c,d.js'];
    const fromFlag = snapshotOf(await load({ argv }));
    assert.deepEqual(fromFlag.config.filters.modules, ['c,d.js']);
  });

  test('takes nothing for an item of a list from the list that it replaces', async () => {
    const profile = 'apis: [{operationType: p, enabled: true, timeoutMs: 5}]\n';
    await writeFile(join(cwd, 'profiles', 'apis.yaml'), profile);
    await writeFile(join(cwd, 'apis.yaml'), 'apis: [{operationType: f}]\n');
    const argv = ['--config=apis.yaml', '--profile=apis', ...UPSTREAM];
    const { config, origins } = snapshotOf(await load({ argv }));
    assert.equal(config.apis[0]?.timeoutMs, undefined);
    assert.equal(origins.get('apis[0].operationType')?.where, 'apis.yaml:1');
    assert.equal(origins.get('apis[0].enabled')?.origin, 'default');
  });

  test('lets an upstream inherit the number of connections', async () => {
    const argv = [...UPSTREAM, '--upstream-connections', '5'];
    const { config } = snapshotOf(await load({ argv }));
    assert.equal(config.upstreams['app']?.connections, 5);
    const plain = snapshotOf(await load({ argv: UPSTREAM }));
    assert.equal(plain.config.upstreams['app']?.connections, 2);
  });
});

describe('environment', () => {
  test('has a variable for every kind of flag', async () => {
    const env = {
      MGW_HTTP_PORT: 'off',
      MGW_WORKERS: '0',
      MGW_ADMIN_OPEN: 'true',
      MGW_FILTER: 'a.js, b.js',
      MGW_UPSTREAM: 'app=http://127.0.0.1:1,app=http://127.0.0.1:2',
      MGW_LOG_LEVEL: '',
    };
    const { config } = snapshotOf(await load({ env }));
    assert.equal(config.listeners.httpPort, 'off');
    assert.equal(config.runtime.workers, 0);
    assert.equal(config.listeners.adminOpen, true);
    assert.deepEqual(config.filters.modules, ['a.js', 'b.js']);
    assert.deepEqual(config.upstreams['app']?.hosts, ['127.0.0.1:1', '127.0.0.1:2']);
    assert.equal(config.telemetry.logLevel, 'info');
  });

  test('is checked like flags', async () => {
    const env = { MGW_HTTP_PORT: '70000', MGW_ADMIN_OPEN: 'yes' };
    assert.deepEqual(messagesOf(await load({ argv: UPSTREAM, env })), [
      'MGW_HTTP_PORT: "70000" is not allowed; give an integer from 0 to 65535 or "off"',
      'MGW_ADMIN_OPEN: "yes" is not allowed; give true or false',
    ]);
  });

  test('warns about unknown names and leaves others alone', async () => {
    const env = { MGW_HTP_PORT: '1', HTTP_PORT: '2' };
    const { warnings } = snapshotOf(await load({ argv: UPSTREAM, env }));
    assert.deepEqual(warnings, [
      'environment variable MGW_HTP_PORT is not known and has no effect; ' +
        'did you mean "MGW_HTTP_PORT"?',
    ]);
  });
});

describe('files', () => {
  test('that are not there or cannot be read are problems', async () => {
    assert.deepEqual(messagesOf(await load({ argv: ['--config', 'none.yaml'] })), [
      'none.yaml: --config: cannot read none.yaml (there is no such file); check the name',
    ]);
    assert.match(messagesOf(await load({ argv: ['--config', '.'] })).join(), /it is a directory/);
  });

  test('of unknown profiles name the known ones', async () => {
    await writeFile(join(cwd, 'profiles', 'fast.json'), '{}');
    assert.deepEqual(messagesOf(await load({ argv: [...UPSTREAM, '--profile', 'fats'] })), [
      '--profile: there is no profile "fats"; did you mean "fast"?',
    ]);
    const outside = await load({ argv: [...UPSTREAM, '--profile', '../gateway'] });
    assert.match(messagesOf(outside).join(), /there is no profile "\.\.\/gateway"/);
  });

  test('and flags report their problems together', async () => {
    await writeFile(join(cwd, 'bad.yaml'), 'runtime:\n  zoen: a\n');
    const argv = ['--config', 'bad.yaml', '--htp-port=1', ...UPSTREAM];
    assert.deepEqual(messagesOf(await load({ argv })), [
      '--htp-port: unknown flag; did you mean --http-port?',
      'bad.yaml:2: runtime.zoen: unknown key; did you mean "zone"?',
    ]);
  });
});

describe('snapshotFromValue', () => {
  test('keeps the flags of the process', async () => {
    const loaded = await load({ argv: [...UPSTREAM, '--zone', 'flag'], env: { MGW_APP: 'env' } });
    assert.ok(loaded.ok);
    const value = { revision: 7, runtime: { zone: 'put', app: 'put', drainMs: 5 } };
    const { config, revision } = snapshotOf(await snapshotFromValue(value, loaded.base));
    const { zone, app, drainMs } = config.runtime;
    assert.deepEqual([zone, app, drainMs, revision], ['flag', 'env', 5, 7]);
    assert.deepEqual(Object.keys(config.upstreams), ['app']);
  });

  test('refuses values that are no map, whatever the flags', async () => {
    const loaded = await load({ argv: UPSTREAM });
    assert.ok(loaded.ok);
    for (const value of [null, 1, 'x', [], [{}]]) {
      const message = messagesOf(await snapshotFromValue(value, loaded.base)).join();
      assert.match(message, /is not allowed; give a map of settings/);
    }
  });

  test('names lines when it is given text', async () => {
    const loaded = await load({ argv: UPSTREAM });
    assert.ok(loaded.ok);
    const result = await snapshotFromText('{\n"revision": -1}', loaded.base, 'body.json');
    assert.deepEqual(messagesOf(result), [
      'body.json:2: revision: -1 is not allowed; give an integer from 0',
    ]);
  });
});
