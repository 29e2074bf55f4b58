// What a user of the package has: the command, a gateway with a lane, `mgw dev`, the embedded
// gateway, filters of their own and types, all from the built form, in a project that is empty
// otherwise.

import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { connectMmtp } from '#cli/client/mmtp-client.ts';
import { builtName, packageFile } from '#config/package-files.ts';
import { EXPORTS, PROGRAMS } from '#tools/build/entries.ts';
import { startProcess } from '#test/integration/gateway.ts';
import { callBytes, callOnce, codeOf } from '#test/integration/http-wire.ts';
import { startService } from '#test/integration/service.ts';
import { installPackage, npmMissing, packageJson, type Project } from './installed-package.ts';

const run = promisify(execFile);

/** Refuses one API; in TypeScript, which Node runs in a project's own files. */
const FILTER = `
import { FilterStatus, PHASES, type FilterFactory } from 'mesh-gateway/filter';
export const filters: FilterFactory[] = [{
  name: 'deny', maturity: 'beta', phases: [PHASES[0]],
  create({ api }) {
    if (api.operationType !== 'denied') return null;
    return {
      requestHead(exchange) {
        exchange.response.resultCode = 1001;
        return FilterStatus.reply;
      },
    };
  },
}];
`;

const SERVICE = `
import {
  EmbeddedConfigError, startEmbeddedGateway, type EmbeddedCall,
} from 'mesh-gateway/embedded';
const gateway = await startEmbeddedGateway({
  config: {
    listeners: { httpPort: 0, mmtpPort: 'off' },
    filters: { modules: ['filter.ts'] },
    apis: [{ operationType: 'open' }, { operationType: 'denied' }],
  },
  handlers: { '*': (call: EmbeddedCall) => JSON.stringify({ name: call.operationType }) },
});
const url = \`http://127.0.0.1:\${gateway.ports.http}/mgw.htm\`;
const call = (name: string) =>
  fetch(url, { method: 'POST', headers: { 'Operation-Type': name }, body: '{}' });
const denied = (await call('denied')).headers.get('result-status');
const answers = [await (await call('open')).text(), denied];
await gateway.close();
const refused: unknown = await startEmbeddedGateway({ config: { nope: 1 }, handlers: {} }).catch(
  (error: unknown) => error,
);
console.log(JSON.stringify([...answers, refused instanceof EmbeddedConfigError]));
`;

const COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'esnext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
};

describe('the installed package', { skip: npmMissing() }, () => {
  let project: Project;

  before(async () => {
    project = await installPackage();
    writeFileSync(join(project.directory, 'filter.ts'), FILTER);
    writeFileSync(join(project.directory, 'service.ts'), SERVICE);
  });

  after(() => rmSync(project.directory, { recursive: true, force: true }));

  function node(...argv: string[]) {
    return run(process.execPath, argv, { cwd: project.directory });
  }

  test('has every program and export, and no TypeScript', () => {
    const { installed } = project;
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')),
      [],
    );
    for (const entry of [...PROGRAMS, ...EXPORTS]) {
      assert.ok(files.includes(`dist/${builtName(entry)}`), entry);
    }
    for (const target of Object.values(packageJson.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    )) {
      assert.ok(existsSync(join(installed, target)), target);
    }
  });

  test('npx mgw version', async () => {
    const options = { cwd: project.directory };
    const { stdout } = await run('npx', ['--offline', 'mgw', 'version', '--json'], options);
    const { mgw, native } = JSON.parse(stdout) as { mgw: string; native: boolean };
    assert.equal(mgw, packageJson.version);
    if (existsSync(packageFile('native/kernels.node'))) assert.equal(native, true);
  });

  test('the command of the built form, as a clone starts it', async () => {
    const { stdout } = await node(join(project.installed, 'dist/cli/mgw.js'), 'version');
    assert.match(stdout, new RegExp(`^mgw +${RegExp.escape(packageJson.version)}\n`));
  });

  test('serves both protocols on a lane, with a file, a profile and a filter', async () => {
    const service = await startService();
    const config = join(project.directory, 'mgw.yaml');
    const hosts = `[ "${service.host}" ]`;
    const apis = 'apis: [{ operationType: open }, { operationType: denied }]';
    writeFileSync(config, `upstreams: { app: { protocol: http, hosts: ${hosts} } }\n${apis}\n`);
    const flags = [`--config=${config}`, '--profile=throughput', '--log-level=warn'];
    const lane = ['--placement=pool', '--workers=1'];
    const filter = `--filter=${join(project.directory, 'filter.ts')}`;
    const program = join(project.installed, 'cli/mgw.js');
    const gateway = await startProcess('sidecar', [...flags, ...lane, filter], [], program);
    try {
      const answer = await callOnce(gateway.httpPort, callBytes('open', '{"n":1}'));
      assert.deepEqual([codeOf(answer), answer.body.toString()], [1000, '{"n":1}']);
      assert.equal(codeOf(await callOnce(gateway.httpPort, callBytes('denied'))), 1001);
      const client = await connectMmtp({ port: gateway.mmtpPort });
      const called = await client.call('open', Buffer.from('{"n":2}'));
      assert.deepEqual([called.resultCode, called.body.toString()], [1000, '{"n":2}']);
      await client.close();
      const lanes = (await (await gateway.admin('/lanes')).json()) as readonly LaneView[];
      // The acceptor's own, and one that came up at the first attempt.
      assert.deepEqual(
        lanes.map(({ isServing, starts }) => [isServing, starts]),
        [
          [true, 1],
          [true, 1],
        ],
      );
    } finally {
      assert.equal(await gateway.stop(), 0, gateway.errors);
      await service.stop();
    }
  });

  test('a service embeds a gateway, with a filter of its own', async () => {
    const { stdout } = await node('service.ts');
    assert.deepEqual(JSON.parse(stdout), ['{"name":"open"}', '1001', true]);
  });

  test('the types of the exports resolve without the sources', async () => {
    const files = ['service.ts', 'filter.ts'];
    const settings = JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files });
    writeFileSync(join(project.directory, 'tsconfig.json'), settings);
    const compiler = packageFile('node_modules/typescript/bin/tsc');
    await node(compiler, '-p', project.directory).catch(({ stdout }) => assert.fail(stdout));
  });

  test('mgw dev starts all parts and ends them', async () => {
    const ports = ['', 'embedded-', 'central-'].flatMap((prefix) =>
      ['http', 'mmtp', 'admin'].map((listener) => `--${prefix}${listener}-port=0`),
    );
    const argv = [join(project.installed, 'cli/mgw.js'), 'dev', ...ports];
    const dev = spawn(process.execPath, argv, { cwd: project.directory });
    try {
      const bound = await readyPorts(dev);
      for (const port of [bound['http']!, bound['embedded-http']!, bound['central-http']!]) {
        const answer = await callOnce(port, callBytes('demo.echo', '[1]'));
        assert.equal(answer.body.toString(), '{"echo":[1]}');
      }
      dev.kill('SIGINT');
      assert.deepEqual(await once(dev, 'exit'), [0, null]);
    } finally {
      dev.kill('SIGKILL');
    }
  });
});

interface LaneView {
  readonly isServing: boolean;
  readonly starts: number;
}

async function readyPorts(child: ChildProcess): Promise<Readonly<Record<string, number>>> {
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.startsWith('{"event":"ready"')) continue;
    return (JSON.parse(line) as { ports: Record<string, number> }).ports;
  }
  return assert.fail('mgw dev did not become ready');
}
