// The flags and environment variables of `mgw sidecar` and its relatives. Nearly all come from the
// schema; the few that are no settings (--config ...) stand here.

import { defineFlags, parseFlags } from './flags.ts';
import type { FlagSpec } from './flags.ts';
import { parseHostPort } from './host-port.ts';
import { SettingsLayer } from './layers.ts';
import { suggestion } from './nearest.ts';
import type { Problem } from './problem.ts';
import { NAME_PATTERN } from './schema/kit.ts';
import { takesValue, valueFromText } from './setting-text.ts';
import { describeType, environmentName, listSettings } from './settings.ts';
import type { SchemaNode, Setting } from './settings.ts';
import { isMap, shownValue, valueAt } from './value-path.ts';

const SOURCE_FLAGS = defineFlags([
  {
    name: 'config',
    type: 'string',
    value: 'FILE',
    description: 'Configuration file, YAML or JSON.',
    heading: 'Configuration',
  },
  {
    name: 'profile',
    type: 'string',
    value: 'NAME',
    description: 'Named set of settings that come with the gateway; weaker than all others.',
    heading: 'Configuration',
  },
  {
    name: 'control',
    type: 'string',
    value: 'URL',
    description: 'Control plane to get the configuration from.',
    heading: 'Configuration',
    notYet: 'this version has no control-plane client yet; use --config FILE',
  },
  {
    name: 'upstream',
    type: 'list',
    value: 'NAME=PROTO://HOST:PORT',
    description:
      'Service behind the gateway; PROTO is http or bolt. The same name again adds a host.',
    heading: 'Configuration',
  },
]);

const FLAG_SETTINGS: ReadonlyMap<string, Setting> = new Map(
  listSettings().flatMap((setting) => {
    return setting.node.flag === undefined ? [] : [[setting.node.flag, setting] as const];
  }),
);

/** Every flag of a gateway process. */
export const configFlags: readonly FlagSpec[] = [
  ...SOURCE_FLAGS,
  ...[...FLAG_SETTINGS.values()].map(settingFlag),
];

/** Place in the configuration that a flag sets; undefined for `--config` and such. */
export function flagPath(name: string): string | undefined {
  return name === 'upstream' ? 'upstreams' : FLAG_SETTINGS.get(name)?.path;
}

function settingFlag({ node, path }: Setting): FlagSpec {
  const type = node.type === 'boolean' ? 'boolean' : node.type === 'array' ? 'list' : 'string';
  const section = path.split('.')[0]!;
  return {
    name: node.flag!,
    type,
    value: placeholder(node),
    description: node.description,
    heading: `${section[0]!.toUpperCase()}${section.slice(1)}`,
    ...(isShownDefault(node.default) ? { defaultText: String(node.default) } : {}),
  };
}

function isShownDefault(value: unknown): boolean {
  return value !== undefined && value !== '' && !Array.isArray(value);
}

function placeholder(node: SchemaNode): string {
  if (node.flagValue !== undefined) return node.flagValue;
  if (node.enum) return node.enum.join('|');
  if (node.flag?.endsWith('-ms')) return 'MS';
  return node.type === 'integer' ? 'N' : 'VALUE';
}

/** Settings of one source, with the sources that it names. */
export interface FlagInput {
  readonly layer: SettingsLayer;
  readonly configFile?: string;
  readonly profile?: string;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** Reads the flags of a gateway process. */
export function readFlags(argv: readonly string[]): FlagInput {
  const { values, problems } = parseFlags(argv, { flags: configFlags });
  return readInput('flag', values, (name) => `--${name}`, problems);
}

/**
 * Reads the environment variables of a gateway process. Empty ones count as absent, lists are
 * separated by commas. Unknown `MGW_` names are warnings: other programs may use them.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): FlagInput {
  const values: Record<string, string | readonly string[]> = {};
  const problems: Problem[] = [];
  for (const flag of configFlags) {
    const text = env[environmentName(flag.name)];
    if (text === undefined || text === '') continue;
    if (flag.notYet !== undefined) {
      problems.push({ path: environmentName(flag.name), message: flag.notYet });
    } else values[flag.name] = flag.type === 'list' ? splitList(text) : text;
  }
  const input = readInput('env', values, environmentName, problems);
  return { ...input, warnings: unknownVariables(Object.keys(env)) };
}

function splitList(text: string): readonly string[] {
  return text.split(',').map((item) => item.trim());
}

function unknownVariables(names: readonly string[]): readonly string[] {
  const known = configFlags.map((flag) => environmentName(flag.name));
  const unknown = names.filter((name) => name.startsWith('MGW_') && !known.includes(name));
  return unknown.map((name) => {
    const help = suggestion(name, known);
    return `environment variable ${name} is not known and has no effect; ${help}`;
  });
}

type InputValue = string | number | boolean | readonly string[] | undefined;

function readInput(
  origin: 'flag' | 'env',
  values: Readonly<Record<string, InputValue>>,
  nameOf: (flag: string) => string,
  found: readonly Problem[],
): FlagInput {
  const layer = new SettingsLayer(origin);
  const problems = [...found];
  for (const [flag, setting] of FLAG_SETTINGS) {
    const given = values[flag];
    if (given === undefined) continue;
    const value = settingValue(setting.node, given);
    if (value === undefined) {
      const message = `${shownValue(given)} is not allowed; give ${describeType(setting.node)}`;
      problems.push({ path: nameOf(flag), message });
    } else layer.set(setting.tokens, value, nameOf(flag));
  }
  const upstreams = values['upstream'];
  if (Array.isArray(upstreams)) {
    for (const text of upstreams) addUpstream(layer, String(text), nameOf('upstream'), problems);
  }
  const { config, profile } = values;
  return {
    layer,
    problems,
    warnings: [],
    ...(typeof config === 'string' ? { configFile: config } : {}),
    ...(typeof profile === 'string' ? { profile } : {}),
  };
}

function settingValue(node: SchemaNode, given: NonNullable<InputValue>): unknown {
  if (typeof given === 'string') return valueFromText(node, given);
  return takesValue(node, given) ? given : undefined;
}

const UPSTREAM_TEXT = /^([^=]*)=([^:]*):\/\/(.*?)\/?$/;
const NAME = new RegExp(NAME_PATTERN, 'u');
const PROTOCOLS = ['http', 'bolt'];

/** Adds `NAME=PROTO://HOST:PORT`; the same name again adds a host. */
function addUpstream(
  layer: SettingsLayer,
  text: string,
  source: string,
  problems: Problem[],
): void {
  const report = (message: string) => problems.push({ path: source, message });
  const match = UPSTREAM_TEXT.exec(text);
  if (match === null) {
    report(`${shownValue(text)} is not NAME=PROTO://HOST:PORT, as in app=http://127.0.0.1:9000`);
    return;
  }
  const [, name = '', protocol = '', host = ''] = match;
  if (!NAME.test(name)) {
    report(
      `name ${shownValue(name)} is not allowed; give a letter, then letters, digits, "_", "-"`,
    );
  } else if (!PROTOCOLS.includes(protocol)) {
    report(`protocol ${shownValue(protocol)} is not known; ${suggestion(protocol, PROTOCOLS)}`);
  } else if (parseHostPort(host) === undefined) {
    report(`${shownValue(host)} is not HOST:PORT; the port is a number from 1 to 65535`);
  } else {
    const before = valueAt(layer.value, ['upstreams', name]);
    const hosts = isMap(before) && Array.isArray(before['hosts']) ? before['hosts'] : [];
    if (isMap(before) && before['protocol'] !== protocol) {
      report(`"${name}" is given as ${String(before['protocol'])} and as ${protocol}; choose one`);
      return;
    }
    layer.set(['upstreams', name, 'protocol'], protocol, source);
    layer.set(['upstreams', name, 'hosts'], [...hosts, host], source);
  }
}
