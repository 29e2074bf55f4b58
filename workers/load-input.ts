// What a configuration snapshot names but does not contain: session keys, revocations in their
// compiled form, filter modules. Loaded before the snapshot is applied; a problem refuses it whole.

import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { thrownText } from '#core/base/thrown-text.ts';
import type { Kernels } from '#core/codec/kernels.ts';
import { KeyRing, parseKeyFile, type SessionKey } from '#core/codec/session/keys.ts';
import {
  buildRevocations,
  emptyRevocations,
  RevocationTable,
} from '#core/codec/session/revocation.ts';
import type { GatewayInput } from '#core/gateway.ts';
import type { LimitBook, LimitPlaces } from '#core/limit-places.ts';
import type { ListedFactory } from '#core/pipeline/create-filter.ts';
import { PHASES, type FilterFactory } from '#core/pipeline/filter.ts';
import type { Problem } from '#config/problem.ts';
import type { ResolvedApi } from '#config/resolve-api.ts';
import type { Frozen, GatewayConfig } from '#config/schema.ts';
import type { ConfigSnapshot } from '#config/snapshot.ts';

/**
 * All that a lane needs to know of one configuration: plain data, which other threads can be sent,
 * and shared memory.
 */
export interface LaneConfig {
  readonly config: GatewayConfig;
  readonly apis: readonly Frozen<ResolvedApi>[];
  readonly keys: readonly SessionKey[];
  readonly revocations: SharedArrayBuffer;
  readonly limits: LimitPlaces;
  /** Directory that the names of filter modules start from. */
  readonly cwd: string;
}

/** What a snapshot names, loaded, or everything that is wrong. */
export type LoadedInput<T> =
  | { readonly ok: true; readonly input: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Loads keys and revocations of `snapshot`, once for all lanes.
 *
 * @param cwd directory that relative file names start from
 * @param book assigns the places of limits; the caller tells it when the snapshot is used
 */
export async function loadLaneConfig(
  snapshot: ConfigSnapshot,
  cwd: string,
  book: LimitBook,
): Promise<LoadedInput<LaneConfig>> {
  const { config, apis } = snapshot;
  const { keysFile, revocations: list } = config.sessions;
  const problems: Problem[] = [];
  const keys = await readKeys(keysFile, cwd, problems);
  const isEmpty = list.sids.length + list.users.length + list.issuedBefore.length === 0;
  const nowSeconds = Math.floor(Date.now() / 1000);
  const built = isEmpty ? null : buildRevocations(list, nowSeconds);
  if (built?.ok === false) {
    for (const { path, message } of built.problems) {
      problems.push({ path: `sessions.revocations.${path}`, message });
    }
  }
  // Every thread imports them for itself; here only what is wrong with them counts.
  await loadFilters(config.filters.modules, cwd, problems);
  if (problems.length > 0) return { ok: false, problems };
  const { shared: revocations } = built?.ok === true ? built.table : emptyRevocations();
  const limits = book.assign(apis);
  return { ok: true, input: { config, apis, keys, revocations, limits, cwd } };
}

/** Makes of `lane` what a gateway on this thread runs on: derives keys and imports filters. */
export async function openLaneConfig(
  lane: LaneConfig,
  kernels: Kernels,
): Promise<LoadedInput<GatewayInput>> {
  const { config, apis, limits, cwd } = lane;
  const problems: Problem[] = [];
  const customFilters = await loadFilters(config.filters.modules, cwd, problems);
  if (problems.length > 0) return { ok: false, problems };
  const keys = new KeyRing(lane.keys, kernels);
  const revocations = new RevocationTable(lane.revocations);
  const input = { snapshot: { config, apis }, keys, revocations, limits, customFilters };
  return { ok: true, input };
}

async function readKeys(
  file: string | undefined,
  cwd: string,
  problems: Problem[],
): Promise<readonly SessionKey[]> {
  if (file === undefined) return [];
  const path = 'sessions.keysFile';
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), 'utf8');
  } catch (error) {
    const message =
      `Cannot read the session keys "${file}": ${errorText(error)}; ` +
      'make one with `mgw session keygen --out FILE`';
    problems.push({ path, message });
    return [];
  }
  const result = parseKeyFile(text);
  if (result.ok) return result.keys;
  for (const problem of result.problems) {
    const place = problem.path === '' ? file : `${file}: ${problem.path}`;
    problems.push({ path, message: `${place}: ${problem.message}` });
  }
  return [];
}

async function loadFilters(
  modules: readonly string[],
  cwd: string,
  problems: Problem[],
): Promise<readonly ListedFactory[]> {
  const filters: ListedFactory[] = [];
  for (const [index, file] of modules.entries()) {
    const loaded = await loadFilter(file, cwd);
    if (typeof loaded !== 'string') filters.push(...loaded.map((own) => listed(own, file)));
    else problems.push({ path: `filters.modules[${index}]`, message: loaded });
  }
  return filters;
}

/**
 * Imports a user's filter module: it exports `filters`, a list of {@link FilterFactory}.
 *
 * @param file as it is configured
 * @returns the factories, or what is wrong
 */
async function loadFilter(file: string, cwd: string): Promise<readonly FilterFactory[] | string> {
  const path = resolve(cwd, file);
  let module: { readonly filters?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { readonly filters?: unknown };
  } catch (error) {
    const reason = (await missingText(path, cwd)) ?? importText(error, path);
    return `Cannot load the filter module "${file}": ${reason}`;
  }
  const { filters } = module;
  if (!Array.isArray(filters) || !filters.every(isFactory)) {
    return (
      `The filter module "${file}" must export \`filters\`, a list of objects with name, ` +
      'maturity, phases and create (docs/filters.md)'
    );
  }
  return filters;
}

/** Why there is no file at `path`; null: something else is wrong. */
async function missingText(path: string, cwd: string): Promise<string | null> {
  try {
    return (await stat(path)).isDirectory() ? `${path} is a directory; name a file in it` : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return null;
    return `${path} does not exist; correct the name (relative ones start from ${cwd})`;
  }
}

/** What an import threw. Code that does not parse has a line only if it is TypeScript. */
function importText(error: unknown, path: string): string {
  const text = thrownText(error, import.meta.url);
  const isPlaced = error instanceof Error && text !== error.message;
  return error instanceof SyntaxError && !isPlaced
    ? `${text}; \`node ${path}\` shows the line`
    : text;
}

/** The user's factory, with the name of its file for what there may be to say about it. */
function listed(factory: FilterFactory, module: string): ListedFactory {
  const { name, maturity, phases } = factory;
  return { name, maturity, phases, module, create: (environment) => factory.create(environment) };
}

function isFactory(value: unknown): value is FilterFactory {
  if (typeof value !== 'object' || value === null) return false;
  const { name, phases, create } = value as Partial<Record<keyof FilterFactory, unknown>>;
  return (
    typeof name === 'string' &&
    name !== '' &&
    typeof create === 'function' &&
    Array.isArray(phases) &&
    phases.every((phase) => (PHASES as readonly unknown[]).includes(phase))
  );
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
