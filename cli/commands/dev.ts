// `mgw dev`, what `npm start` runs: sample services and the gateways of all kinds in front of them,
// each as its own process, on one machine with nothing else installed.

import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { defineFlags, parseFlags } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { formatProblem } from '#config/problem.ts';
import { ChildFailure, DevChild } from '../dev/child.ts';
import { centralConfig, meshConfig, type SamplePorts } from '../dev/dev-config.ts';
import { ExitCode, type CommandIo } from '../io.ts';
import { packageVersion } from '../package-version.ts';
import { DEV_KEY_FILE, ensureKeyFile } from './session-key-file.ts';

const FLAGS = defineFlags([
  {
    name: 'http-port',
    type: 'number',
    default: 8003,
    description: 'HTTP port of the mesh gateway (3); 0 takes any free one.',
  },
  {
    name: 'mmtp-port',
    type: 'number',
    default: 8004,
    description: 'Mmtp port of the mesh gateway (4); 0 takes any free one.',
  },
  {
    name: 'admin-port',
    type: 'number',
    default: 8100,
    description: 'Admin port of the mesh gateway; 0 takes any free one.',
  },
  {
    name: 'central-http-port',
    type: 'number',
    default: 8005,
    description: 'HTTP port of the central gateway; 0 takes any free one.',
  },
  {
    name: 'central-mmtp-port',
    type: 'number',
    default: 8006,
    description: 'Mmtp port of the central gateway; 0 takes any free one.',
  },
  {
    name: 'central-admin-port',
    type: 'number',
    default: 8101,
    description: 'Admin port of the central gateway; 0 takes any free one.',
  },
]);

type PortFlag = (typeof FLAGS)[number]['name'];

/** A gateway of the development system. Its files begin with `name`. */
interface DevGateway {
  readonly name: string;
  readonly command: string;
  /** Begins its flags here, and its ports in the ready line. */
  readonly prefix: '' | 'central-';
  readonly config: (samples: SamplePorts, keysFile: string) => object;
}

/** Every gateway, in the order in which they are shown. */
const GATEWAYS: readonly DevGateway[] = [
  { name: 'mesh', command: 'sidecar', prefix: '', config: meshConfig },
  { name: 'central', command: 'central', prefix: 'central-', config: centralConfig },
];

const COMMAND: CommandSpec<typeof FLAGS> = {
  name: 'dev',
  summary: 'Runs sample services and gateways in front of them. Ctrl-C ends everything.',
  usage: '[flags]',
  flags: FLAGS,
};

const DEV_DIR = '.mgw/dev';
const MGW = fileURLToPath(new URL('../mgw.js', import.meta.url));
const HTTP_SAMPLE = fileURLToPath(new URL('../dev/samples/http-service.ts', import.meta.url));
const SOFA_SAMPLE = fileURLToPath(new URL('../dev/samples/sofa-service.ts', import.meta.url));

/** Exit code of a sample whose library is not installed. */
const LIBRARY_MISSING = 3;

/** Runs until SIGINT or SIGTERM, or until a part fails. @returns exit code */
export async function runDev(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values, isHelp, problems } = parseFlags(argv, COMMAND);
  if (isHelp) {
    io.stdout.write(helpText(COMMAND));
    return ExitCode.ok;
  }
  if (problems.length > 0) {
    for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return ExitCode.usage;
  }
  const stopped = stopSignal();
  const children: DevChild[] = [];
  try {
    await startAll(values, children, io);
  } catch (error) {
    io.stderr.write(`Cannot start the development system: ${(error as Error).message}\n`);
    await stopAll(children);
    return ExitCode.failure;
  }
  const failed = await Promise.race([stopped, firstExit(children)]);
  if (failed !== null) io.stderr.write(`"${failed}" ended unexpectedly; stopping everything\n`);
  await stopAll(children);
  return failed === null ? ExitCode.ok : ExitCode.failure;
}

async function startAll(
  ports: Readonly<Record<PortFlag, number>>,
  children: DevChild[],
  io: CommandIo,
): Promise<void> {
  const isNew = ensureKeyFile(DEV_KEY_FILE);
  if (isNew) io.stdout.write(`made session keys for development in ${DEV_KEY_FILE}\n`);
  const [http, sofa] = await Promise.all([
    DevChild.start('sample HTTP service', [HTTP_SAMPLE, '--port', '0']),
    startSofa(io),
  ]);
  children.push(http, ...(sofa === null ? [] : [sofa]));
  const samples: SamplePorts = {
    http: http.ready.ports['http']!,
    ...(sofa === null ? {} : { bolt: sofa.ready.ports['bolt']! }),
  };
  await mkdir(DEV_DIR, { recursive: true });
  const started = new Map<DevGateway, DevChild>();
  for (const gateway of GATEWAYS) {
    const child = await startGateway(gateway, ports, samples);
    children.push(child);
    started.set(gateway, child);
  }
  io.stdout.write(overview(started, samples));
  const bound = [...started].flatMap(([{ prefix }, { ready }]) => {
    return Object.entries(ready.ports).map(([name, port]) => [`${prefix}${name}`, port]);
  });
  const ready = { event: 'ready', role: 'dev', pid: process.pid, ports: Object.fromEntries(bound) };
  io.stdout.write(`${JSON.stringify(ready)}\n`);
}

async function startGateway(
  { name, command, prefix, config }: DevGateway,
  ports: Readonly<Record<PortFlag, number>>,
  samples: SamplePorts,
): Promise<DevChild> {
  const file = `${DEV_DIR}/${name}.json`;
  const value = config(samples, resolve(DEV_KEY_FILE));
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
  return DevChild.start(`${name} gateway`, [
    MGW,
    command,
    `--config=${file}`,
    `--http-port=${ports[`${prefix}http-port`]}`,
    `--mmtp-port=${ports[`${prefix}mmtp-port`]}`,
    `--admin-port=${ports[`${prefix}admin-port`]}`,
    `--admin-token-file=${DEV_DIR}/${name}-admin.token`,
    `--access-log=${DEV_DIR}/${name}-access.log`,
  ]);
}

/** Null when the SOFARPC library, a development dependency, is not installed. */
async function startSofa(io: CommandIo): Promise<DevChild | null> {
  try {
    return await DevChild.start('sample SOFARPC service', [SOFA_SAMPLE, '--port', '0']);
  } catch (error) {
    if (!(error instanceof ChildFailure) || error.exitCode !== LIBRARY_MISSING) throw error;
    io.stdout.write(
      'without the SOFARPC sample: sofa-rpc-node is not installed (npm ci brings it)\n',
    );
    return null;
  }
}

function overview(started: ReadonlyMap<DevGateway, DevChild>, samples: SamplePorts): string {
  const { http, mmtp } = started.get(GATEWAYS[0]!)!.ready.ports;
  const isStandard = mmtp === 8004;
  const target = isStandard ? '' : ` --mmtp 127.0.0.1:${mmtp}`;
  const bolt = samples.bolt === undefined ? 'not running' : `127.0.0.1:${samples.bolt}`;
  const gateways = [...started].map(([gateway, { ready }]) => gatewayLines(gateway, ready.ports));
  return `
Mesh gateway ${packageVersion()} on Node ${process.versions.node}

${gateways.join('\n')}
  sample services     HTTP  127.0.0.1:${samples.http}
                      Bolt  ${bolt} (SOFARPC)
  configurations and access logs in ${DEV_DIR}

Try:
  npx mgw call demo.echo -d '{"hello":"world"}'${target}
  npx mgw call demo.account.get${target} --session "$(npx mgw session issue --uid 12345)"
  curl -d '{"ms":200}' -H 'Operation-Type: demo.slow' http://127.0.0.1:${http}/mgw.htm
  npx mgw call demo.echo -d '{"n":1}' -n 20000 -c 4 --streams 16${target}

Ctrl-C ends everything.
`;
}

function gatewayLines({ name }: DevGateway, ports: Readonly<Record<string, number>>): string {
  const { http, mmtp, admin } = ports;
  const token = `${DEV_DIR}/${name}-admin.token`;
  return `  ${`${name} gateway`.padEnd(20)}HTTP  http://127.0.0.1:${http}/mgw.htm
                      Mmtp  127.0.0.1:${mmtp}
                      admin http://127.0.0.1:${admin} (token in ${token})`;
}

/** Resolves with null at SIGINT or SIGTERM. */
function stopSignal(): Promise<null> {
  return new Promise((resolveStop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => resolveStop(null));
    }
  });
}

async function firstExit(children: readonly DevChild[]): Promise<string> {
  return Promise.race(
    children.map(async (child) => {
      await child.exited;
      return child.name;
    }),
  );
}

/** The gateway first, so that it drains while its services still answer. */
async function stopAll(children: readonly DevChild[]): Promise<void> {
  for (const child of children.toReversed()) await child.stop();
}
