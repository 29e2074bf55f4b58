// `mgw dev`, what `npm start` runs: sample services and the gateways in front of them, each as its
// own process, on one machine with nothing else installed. Which gateways there are is a list of
// its own: cli/dev/gateway-parts.ts.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseFlags } from '#config/flags.ts';
import { helpText, type CommandSpec } from '#config/help.ts';
import { programFile } from '#config/package-files.ts';
import { formatProblem } from '#config/problem.ts';
import { packageVersion } from '#workers/package-version.ts';
import { ChildFailure, DevChild } from '../dev/child.ts';
import type { SamplePorts } from '../dev/dev-config.ts';
import {
  GATEWAY_PARTS,
  PORT_FLAGS,
  portsOf,
  readyName,
  wantedPorts,
  type GatewayPart,
  type PartFiles,
  type Ports,
} from '../dev/gateway-parts.ts';
import { checkPorts } from '../dev/port-check.ts';
import { ExitCode, type CommandIo } from '../io.ts';
import { DEV_KEY_FILE, ensureKeyFile } from './session-key-file.ts';

const COMMAND: CommandSpec = {
  name: 'dev',
  summary: 'Runs sample services and gateways in front of them. Ctrl-C ends everything.',
  usage: '[flags]',
  flags: PORT_FLAGS,
};

/** Each system has a directory of its own in here, so that several can run side by side. */
const DEV_DIR = '.mgw/dev';
/** Where gateways listen unless the environment says otherwise to them. */
const HOST = '127.0.0.1';
const HTTP_SAMPLE = programFile('cli/dev/samples/http-service.ts');
const SOFA_SAMPLE = programFile('cli/dev/samples/sofa-service.ts');

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
  let directory: string;
  try {
    directory = await makeDirectory();
  } catch (error) {
    return refuse(error, io);
  }
  try {
    return await runIn(directory, values, stopped, io);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A name that none had before: what a crash left is in nobody's way, and nobody's is taken. */
async function makeDirectory(): Promise<string> {
  await mkdir(DEV_DIR, { recursive: true });
  return mkdtemp(join(DEV_DIR, `${process.pid}-`));
}

async function runIn(
  directory: string,
  values: Readonly<Record<string, unknown>>,
  stopped: Promise<null>,
  io: CommandIo,
): Promise<number> {
  const children: DevChild[] = [];
  try {
    await startAll(directory, values, children, io);
  } catch (error) {
    const code = refuse(error, io);
    await stopAll(children);
    return code;
  }
  const failed = await Promise.race([stopped, firstExit(children)]);
  if (failed !== null) io.stderr.write(`"${failed}" ended unexpectedly; stopping everything\n`);
  await stopAll(children);
  return failed === null ? ExitCode.ok : ExitCode.failure;
}

function refuse(error: unknown, io: CommandIo): number {
  io.stderr.write(`Cannot start the development system: ${(error as Error).message}\n`);
  return ExitCode.failure;
}

/** A gateway that runs. */
interface RunningPart {
  readonly part: GatewayPart;
  readonly ports: Ports;
  readonly files: PartFiles;
}

async function startAll(
  directory: string,
  values: Readonly<Record<string, unknown>>,
  children: DevChild[],
  io: CommandIo,
): Promise<void> {
  await checkPorts(process.env['MGW_HOST'] ?? HOST, wantedPorts(values));
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
  const running: RunningPart[] = [];
  for (const part of GATEWAY_PARTS) {
    const files = filesOf(part, directory);
    const child = await startGateway(part, portsOf(part, values), files, samples);
    children.push(child);
    running.push({ part, ports: child.ready.ports as Ports, files });
  }
  io.stdout.write(overview(running, samples, directory));
  const ports = Object.fromEntries(
    running.flatMap((one) =>
      Object.entries(one.ports).map(([listener, port]) => [readyName(one.part, listener), port]),
    ),
  );
  const ready = { event: 'ready', role: 'dev', pid: process.pid, ports };
  io.stdout.write(`${JSON.stringify(ready)}\n`);
}

async function startGateway(
  part: GatewayPart,
  ports: Ports,
  files: PartFiles,
  samples: SamplePorts,
): Promise<DevChild> {
  const config = part.config(samples, resolve(DEV_KEY_FILE));
  const whole = { ...config, ...part.ownSettings(ports, files) };
  await writeFile(files.config, `${JSON.stringify(whole, null, 2)}\n`);
  return DevChild.start(part.name, part.command(ports, files));
}

function filesOf({ file }: GatewayPart, directory: string): PartFiles {
  return {
    config: join(directory, `${file}.json`),
    adminToken: join(directory, `${file}-admin.token`),
    accessLog: join(directory, `${file}-access.log`),
  };
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

function overview(
  running: readonly RunningPart[],
  samples: SamplePorts,
  directory: string,
): string {
  // What there is to try is tried at the mesh gateway, whose flags have no prefix.
  const { http, mmtp } = running.find(({ part }) => part.flagPrefix === '')!.ports;
  const target = mmtp === 8004 ? '' : ` --mmtp 127.0.0.1:${mmtp}`;
  const bolt = samples.bolt === undefined ? 'not running' : `127.0.0.1:${samples.bolt}`;
  return `
Mesh gateway ${packageVersion()} on Node ${process.versions.node}

${running.map(gatewayLines).join('')}\
  sample services     HTTP  127.0.0.1:${samples.http}
                      Bolt  ${bolt} (SOFARPC)
  configurations      ${directory}/*.json
  access logs         ${directory}/*-access.log

Try:
  npx mgw call demo.echo -d '{"hello":"world"}'${target}
  npx mgw call demo.account.get${target} --session "$(npx mgw session issue --uid 12345)"
  curl -d '{"ms":200}' -H 'Operation-Type: demo.slow' http://127.0.0.1:${http}/mgw.htm
  npx mgw call demo.echo -d '{"n":1}' -n 20000 -c 4 --streams 16${target}

Ctrl-C ends everything and removes these files.
`;
}

function gatewayLines({ part, ports, files }: RunningPart): string {
  const { http, mmtp, admin } = ports;
  return `\
  ${part.name.padEnd(20)}HTTP  http://127.0.0.1:${http}/mgw.htm
                      Mmtp  127.0.0.1:${mmtp}
                      admin http://127.0.0.1:${admin} (token in ${files.adminToken})
`;
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

/** Gateways first, so that they drain while their services still answer. */
async function stopAll(children: readonly DevChild[]): Promise<void> {
  for (const child of children.toReversed()) await child.stop();
}
