// What the suite `compare` compares: two sides, each with flags of the sidecar, variables of its
// environment, a revision of the sources and the form that they run in, as the command line says.

import { defineFlags, type FlagValues } from '#config/flags.ts';
import { PROFILE_VARIABLE } from '../rig/gateway-config.ts';
import { GATEWAY_SOURCES, type GatewaySource } from '../rig/gateway-source.ts';
import { UsageError } from '../suite.ts';

export const COMPARE_FLAGS = defineFlags([
  sideFlag('a', 'FLAGS', 'compare: flags of the sidecar on side a; soak: of its gateway.'),
  sideFlag('b', 'FLAGS', 'compare: flags of the sidecar on side b.'),
  sideFlag('a-node', 'FLAGS', 'compare: flags of Node on side a, behind those of the launcher.'),
  sideFlag('b-node', 'FLAGS', 'compare: flags of Node on side b.'),
  sideFlag('a-rev', 'REV', 'compare: git revision of side a; without it the files as they are.'),
  sideFlag('b-rev', 'REV', 'compare: git revision of side b.'),
  { ...sideFlag('a-source', '', 'compare: code of side a.'), choices: GATEWAY_SOURCES },
  { ...sideFlag('b-source', '', 'compare: code of side b.'), choices: GATEWAY_SOURCES },
  { ...sideFlag('a-env', 'NAME=TEXT', 'compare: environment of side a.'), type: 'list' },
  { ...sideFlag('b-env', 'NAME=TEXT', 'compare: environment of side b.'), type: 'list' },
]);

function sideFlag<const Name extends string>(name: Name, value: string, description: string) {
  return { name, type: 'string', value, description, heading: 'Sides' } as const;
}

/** One side. */
export interface Side {
  readonly name: 'a' | 'b';
  /** Flags of the sidecar, as words. */
  readonly flags: readonly string[];
  /** Flags of Node besides the launcher's, as words. */
  readonly nodeFlags: readonly string[];
  /** Git revision; null: the files as they are. */
  readonly revision: string | null;
  /** Null: that of the whole run. */
  readonly source: GatewaySource | null;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Both sides. Without any flag they are the same: what differs then is noise.
 *
 * @throws UsageError for a variable without `=`
 */
export function readSides(values: FlagValues<typeof COMPARE_FLAGS>): readonly [Side, Side] {
  return [createSide('a', values), createSide('b', values)];
}

function createSide(name: 'a' | 'b', values: FlagValues<typeof COMPARE_FLAGS>): Side {
  const flags = wordsOf(values[name]);
  const nodeFlags = wordsOf(values[`${name}-node`]);
  const revision = values[`${name}-rev`] ?? null;
  const env = values[`${name}-env`] ?? [];
  const source = GATEWAY_SOURCES.find((known) => known === values[`${name}-source`]) ?? null;
  const pairs = env.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--${name}-env: "${text}" is no NAME=TEXT`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return { name, flags, nodeFlags, revision, source, env: Object.fromEntries(pairs) };
}

/** The words of a text, which may be absent. */
export function wordsOf(text = ''): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Flags whose value begins with a dash. */
const TIED: readonly string[] = ['--a', '--b', '--a-node', '--b-node'];

/** Whether a gateway of this side has a profile: of its own, or that of the whole run. */
export function hasProfile({ flags, env }: Side): boolean {
  if (flags.some((flag) => nameOf(flag) === '--profile')) return true;
  return { ...process.env, ...env }[PROFILE_VARIABLE] !== undefined;
}

/** Ties `--a` and its like to the word behind: it begins with a dash, as flags do. */
export function tieSideFlags(argv: readonly string[]): readonly string[] {
  const tied: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    const next = argv[i + 1];
    if (TIED.includes(word) && next !== undefined) {
      tied.push(`${word}=${next}`);
      i++;
    } else tied.push(word);
  }
  return tied;
}

/** `base` with the flags in `words` in place of those with the same name. */
export function mergeFlags(base: readonly string[], words: readonly string[]): readonly string[] {
  const names = new Set(words.filter((word) => word.startsWith('--')).map(nameOf));
  return [...base.filter((flag) => !names.has(nameOf(flag))), ...words];
}

function nameOf(flag: string): string {
  return flag.split('=', 1)[0]!;
}
