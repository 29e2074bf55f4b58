// The gateways of the development system, as data: each generation is one entry, started in this
// order in front of the same sample services. A further one is a further entry; its flags, its
// place in the overview and its end follow from it.

import type { FlagSpec } from '#config/flags.ts';
import { programFile } from '#config/package-files.ts';
import { centralConfig, decentralizedConfig, meshConfig, type SamplePorts } from './dev-config.ts';
import type { WantedPort } from './port-check.ts';

/** Listeners of a gateway. */
export const LISTENERS = ['http', 'mmtp', 'admin'] as const;
export type Ports = Readonly<Record<(typeof LISTENERS)[number], number>>;

const LISTENER_NAMES = { http: 'HTTP', mmtp: 'Mmtp', admin: 'Admin' } as const;

/** One gateway. */
export interface GatewayPart {
  /** For people, and of its files in the directory of the development system. */
  readonly name: string;
  readonly file: string;
  /** In front of `http-port` and so on; empty for the mesh gateway, which the flags are about. */
  readonly flagPrefix: string;
  /** Ports unless told otherwise. */
  readonly ports: Ports;
  config(samples: SamplePorts, keysFile: string): object;
  /** Settings that are the process's, added to `config`. */
  ownSettings(ports: Ports, files: PartFiles): object;
  /** Program and arguments for `node`. */
  command(ports: Ports, files: PartFiles): readonly string[];
}

/** Where a gateway reads and writes. */
export interface PartFiles {
  readonly config: string;
  readonly adminToken: string;
  readonly accessLog: string;
}

const MGW = programFile('cli/mgw.js');
const DECENTRALIZED = programFile('cli/dev/samples/decentralized-service.ts');

/** In a service's process: no flags, everything is in its configuration. */
const decentralized: GatewayPart = {
  name: 'decentralized',
  file: 'decentralized',
  flagPrefix: 'embedded-',
  ports: { http: 8001, mmtp: 8002, admin: 8102 },
  config: decentralizedConfig,
  ownSettings: ({ http, mmtp, admin }, { adminToken, accessLog }) => ({
    listeners: { httpPort: http, mmtpPort: mmtp, adminPort: admin, adminTokenFile: adminToken },
    telemetry: { accessLog },
  }),
  command: (_ports, { config }) => [DECENTRALIZED, `--config=${config}`],
};

const mesh: GatewayPart = {
  name: 'mesh gateway',
  file: 'mesh',
  flagPrefix: '',
  ports: { http: 8003, mmtp: 8004, admin: 8100 },
  config: meshConfig,
  ownSettings: () => ({}),
  command: (ports, files) => [MGW, 'sidecar', ...processFlags(ports, files)],
};

const central: GatewayPart = {
  name: 'central gateway',
  file: 'central',
  flagPrefix: 'central-',
  ports: { http: 8005, mmtp: 8006, admin: 8101 },
  config: centralConfig,
  ownSettings: () => ({}),
  command: (ports, files) => [MGW, 'central', ...processFlags(ports, files)],
};

/** Flags, because they are stronger than what the environment says to every gateway. */
function processFlags({ http, mmtp, admin }: Ports, files: PartFiles): readonly string[] {
  return [
    `--config=${files.config}`,
    `--http-port=${http}`,
    `--mmtp-port=${mmtp}`,
    `--admin-port=${admin}`,
    `--admin-token-file=${files.adminToken}`,
    `--access-log=${files.accessLog}`,
  ];
}

/** In the order of the generations, which is that of starting. */
export const GATEWAY_PARTS: readonly GatewayPart[] = [decentralized, mesh, central];

const MESH_FIRST = [mesh, ...GATEWAY_PARTS.filter((part) => part !== mesh)];

/** The flags that choose the ports of all gateways; those without a prefix first. */
export const PORT_FLAGS: readonly FlagSpec[] = MESH_FIRST.flatMap((part) =>
  LISTENERS.map((listener) => ({
    name: flagName(part, listener),
    type: 'number',
    isInteger: true,
    minimum: 0,
    maximum: 65_535,
    default: part.ports[listener],
    description: `${LISTENER_NAMES[listener]} port, ${part.name}; 0 takes any free one.`,
  })),
);

function flagName({ flagPrefix }: GatewayPart, listener: (typeof LISTENERS)[number]): string {
  return `${flagPrefix}${listener}-port`;
}

/** The ports of `part` that a command line asks for. */
export function portsOf(part: GatewayPart, values: Readonly<Record<string, unknown>>): Ports {
  const [http = 0, mmtp = 0, admin = 0] = LISTENERS.map((listener) =>
    Number(values[flagName(part, listener)]),
  );
  return { http, mmtp, admin };
}

/** The ports of all gateways that a command line asks for, by the names that their flags have. */
export function wantedPorts(values: Readonly<Record<string, unknown>>): readonly WantedPort[] {
  return GATEWAY_PARTS.flatMap((part) => {
    const ports = portsOf(part, values);
    return LISTENERS.map((listener) => ({
      name: readyName(part, listener),
      port: ports[listener],
    }));
  });
}

/** Name of a bound port in the ready line: `http` of the mesh gateway, `embedded-http`. */
export function readyName({ flagPrefix }: GatewayPart, listener: string): string {
  return `${flagPrefix}${listener}`;
}
