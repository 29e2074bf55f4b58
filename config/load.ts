// Loads the configuration of a process from flags, environment, file and profile, in this order of
// strength, and replaces the file's part at run time. Relative file names in a configuration are
// relative to the working directory, whoever names them.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readEnvironment, readFlags } from './config-flags.ts';
import { parseConfigText } from './config-text.ts';
import type { Layer } from './layers.ts';
import type { Problem } from './problem.ts';
import { findProfile } from './profiles.ts';
import type { RoleDefaults } from './role-defaults.ts';
import { assembleSnapshot } from './snapshot.ts';
import type { ConfigSnapshot, SnapshotResult } from './snapshot.ts';

/** What a process is started with. */
export interface LoadInput {
  /** Arguments after the command's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory that relative file names start from. */
  readonly cwd: string;
  /** Configuration built into the caller; stands in place of a file when none is given. */
  readonly builtIn?: { readonly name: string; readonly value: unknown };
  /** What kind of process is started; absent or null: the defaults of the schema alone. */
  readonly role?: RoleDefaults | null;
  /** Directory of the profiles; the one that comes with the gateway when absent. */
  readonly profilesDir?: string;
}

/** The layers around the file, kept so that a new file meets the same flags. */
export interface ConfigBase {
  readonly role: Layer | undefined;
  readonly profile: Layer | undefined;
  readonly env: Layer;
  readonly flags: Layer;
  readonly warnings: readonly string[];
}

/** A snapshot with what is needed to replace it, or everything that is wrong. */
export type LoadResult =
  | { readonly ok: true; readonly snapshot: ConfigSnapshot; readonly base: ConfigBase }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Loads, merges and checks everything; all problems at once. */
export async function loadConfig(input: LoadInput): Promise<LoadResult> {
  const flags = readFlags(input.argv);
  const env = readEnvironment(input.env);
  const problems = [...flags.problems, ...env.problems];
  const configFile = flags.configFile ?? env.configFile;
  const profileName = flags.profile ?? env.profile ?? input.role?.profile;
  const profile =
    profileName === undefined ? undefined : await readProfile(profileName, input.profilesDir);
  const file =
    configFile === undefined
      ? builtInLayer(input.builtIn)
      : await readLayer('file', resolve(input.cwd, configFile), configFile);
  const unread = [profile, file].flatMap((read) =>
    read && 'problems' in read ? read.problems : [],
  );
  // Without its file a configuration would only show problems that are none.
  const isBlind = unread.length > 0 || (problems.length > 0 && file === undefined);
  if (isBlind) return { ok: false, problems: [...problems, ...unread] };
  const base: ConfigBase = {
    role: roleLayer(input.role),
    profile: layerOf(profile),
    env: env.layer,
    flags: flags.layer,
    warnings: env.warnings,
  };
  const result = await assemble(base, layerOf(file), problems);
  return result.ok ? { ...result, base } : result;
}

/**
 * Makes the next snapshot of a running process from a new value for the file's part; flags and
 * environment keep their say.
 *
 * @param where name of the value's source for messages
 */
export function snapshotFromValue(
  value: unknown,
  base: ConfigBase,
  where = 'PUT /config',
): Promise<SnapshotResult> {
  return assemble(base, valueLayer(value, where), []);
}

/** Like {@link snapshotFromValue}, from YAML or JSON text: problems have lines. */
export async function snapshotFromText(
  text: string,
  base: ConfigBase,
  fileName: string,
): Promise<SnapshotResult> {
  const parsed = await parseConfigText(text, fileName);
  if (!parsed.ok) return parsed;
  const { value, isEmpty, lineOf } = parsed;
  const layer = { ...valueLayer(value, fileName), isEmpty, lineOf };
  return assemble(base, layer, []);
}

/** Checks a configuration value by itself, as a file without flags and environment. */
export function checkConfig(value: unknown, where = ''): Promise<SnapshotResult> {
  return assembleSnapshot([valueLayer(value, where)], { problems: [], warnings: [] });
}

async function assemble(
  base: ConfigBase,
  file: Layer | undefined,
  problems: readonly Problem[],
): Promise<SnapshotResult> {
  const layers = [base.role, base.profile, file, base.env, base.flags].filter(
    (layer) => layer !== undefined,
  );
  const result = await assembleSnapshot(layers, { problems, warnings: base.warnings });
  if (result.ok || file?.isEmpty !== true) return result;
  // Allowed, but what is missing was most likely meant to be there.
  const note = { path: '', message: 'the file is empty', where: file.whereOf([]) };
  return { ok: false, problems: [note, ...result.problems] };
}

function valueLayer(value: unknown, where: string): Layer {
  return { origin: 'file', value, whereOf: () => where, lineOf: () => undefined };
}

function builtInLayer(builtIn: LoadInput['builtIn']): Layer | undefined {
  return builtIn && valueLayer(builtIn.value, builtIn.name);
}

function roleLayer(role: RoleDefaults | null | undefined): Layer | undefined {
  return role ? { ...valueLayer(role.settings, role.name), origin: 'default' } : undefined;
}

type LayerRead = Layer | { readonly problems: readonly Problem[] };

function layerOf(read: LayerRead | undefined): Layer | undefined {
  return read === undefined || 'problems' in read ? undefined : read;
}

async function readLayer(
  origin: 'file' | 'profile',
  file: string,
  shownName: string,
): Promise<LayerRead> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const path = origin === 'file' ? '--config' : '--profile';
    const message = `cannot read ${shownName} (${READ_ERRORS[reason] ?? reason}); check the name`;
    return { problems: [{ path, message, where: shownName }] };
  }
  const parsed = await parseConfigText(text, shownName);
  if (!parsed.ok) return parsed;
  const { value, isEmpty, lineOf } = parsed;
  return { origin, value, isEmpty, whereOf: () => shownName, lineOf };
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a directory',
};

async function readProfile(name: string, directory: string | undefined): Promise<LayerRead> {
  const found = await findProfile(name, directory);
  if ('message' in found) return { problems: [found] };
  return readLayer('profile', found.path, found.shownName);
}
