// What a configuration snapshot names but does not contain: session keys, revocations in their
// compiled form, filter modules. Loaded before the snapshot is applied; a problem refuses it whole.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Kernels } from '#core/codec/kernels.ts';
import { KeyRing, parseKeyFile, type SessionKey } from '#core/codec/session/keys.ts';
import { buildRevocations, emptyRevocations } from '#core/codec/session/revocation.ts';
import type { GatewayInput } from '#core/gateway.ts';
import { PHASES, type FilterFactory } from '#core/pipeline/filter.ts';
import type { Problem } from '#config/problem.ts';
import type { ConfigSnapshot } from '#config/snapshot.ts';

/** An input for the data plane, or everything that is wrong. */
export type InputResult =
  | { readonly ok: true; readonly input: GatewayInput }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Loads keys and filters of `snapshot`.
 *
 * @param cwd directory that relative file names start from
 */
export async function loadInput(
  snapshot: ConfigSnapshot,
  kernels: Kernels,
  cwd: string,
): Promise<InputResult> {
  const { sessions, filters } = snapshot.config;
  const problems: Problem[] = [];
  const keys = await readKeys(sessions.keysFile, cwd, problems);
  const hasRevocations =
    sessions.revocations.sids.length +
      sessions.revocations.users.length +
      sessions.revocations.issuedBefore.length >
    0;
  const nowSeconds = Math.floor(Date.now() / 1000);
  const revocations = hasRevocations ? buildRevocations(sessions.revocations, nowSeconds) : null;
  if (revocations?.ok === false) {
    for (const { path, message } of revocations.problems) {
      problems.push({ path: `sessions.revocations.${path}`, message });
    }
  }
  const customFilters: FilterFactory[] = [];
  for (const [index, file] of filters.modules.entries()) {
    const loaded = await loadFilter(resolve(cwd, file));
    if (typeof loaded === 'string')
      problems.push({ path: `filters.modules[${index}]`, message: loaded });
    else customFilters.push(...loaded);
  }
  if (problems.length > 0) return { ok: false, problems };
  const table = revocations?.ok === true ? revocations.table : emptyRevocations();
  const ring = new KeyRing(keys, kernels);
  return { ok: true, input: { snapshot, keys: ring, revocations: table, customFilters } };
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
    problems.push({ path, message: `${file}: ${problem.path}: ${problem.message}` });
  }
  return [];
}

/**
 * Imports a user's filter module: it exports `filters`, a list of {@link FilterFactory}.
 *
 * @returns the factories, or what is wrong
 */
async function loadFilter(file: string): Promise<readonly FilterFactory[] | string> {
  let module: { readonly filters?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as { readonly filters?: unknown };
  } catch (error) {
    return `Cannot load the filter module "${file}": ${errorText(error)}`;
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
