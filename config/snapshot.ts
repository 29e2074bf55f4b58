// A loaded configuration: complete, checked, frozen, with revision, hash and the source of every
// value. Whoever reads configuration holds one snapshot; a change makes another one.

import { createHash } from 'node:crypto';
import { crossCheck } from './cross-check.ts';
import { withDefaults } from './defaults.ts';
import { mergeLayers, nearestSource, sourceOf } from './layers.ts';
import type { Layer, Origin } from './layers.ts';
import { limitProblems } from './problem.ts';
import type { Problem } from './problem.ts';
import { ANY_OPERATION, resolveApis } from './resolve-api.ts';
import type { ResolvedApi } from './resolve-api.ts';
import type { Frozen, GatewayConfig } from './schema.ts';
import { schemaFindings, Soundness } from './schema-check.ts';
import type { Finding } from './schema-check.ts';
import { pathText, visitLeaves } from './value-path.ts';

/** A value and where it came from. */
export interface OriginEntry {
  readonly value: unknown;
  readonly origin: Origin;
  /** Flag, variable, or file with line; empty for defaults. */
  readonly where: string;
}

/** One immutable configuration. */
export interface ConfigSnapshot {
  readonly config: GatewayConfig;
  /** The APIs in their order, with everything they inherit. */
  readonly apis: readonly Frozen<ResolvedApi>[];
  /** Same as `config.revision`. */
  readonly revision: number;
  /** SHA-256 of {@link canonicalJson} of `config`, in hex. */
  readonly hash: string;
  /** Source of every value by path; made when first asked for. */
  readonly origins: ReadonlyMap<string, OriginEntry>;
  /** Things that work but are hardly meant. */
  readonly warnings: readonly string[];
}

/** A snapshot, or everything that is wrong. */
export type SnapshotResult =
  | { readonly ok: true; readonly snapshot: ConfigSnapshot }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Makes a snapshot of layers, weakest first.
 *
 * @param found problems and warnings from reading the layers; with a problem there is no snapshot
 */
export async function assembleSnapshot(
  layers: readonly Layer[],
  found: { readonly problems: readonly Problem[]; readonly warnings: readonly string[] },
): Promise<SnapshotResult> {
  const raw = mergeLayers(layers);
  // Flags and variables are checked one by one as they are read; only files need the validator.
  const hasFile = layers.some(({ origin }) => origin === 'file' || origin === 'profile');
  const violations = hasFile ? await schemaFindings(raw) : [];
  const soundness = new Soundness(violations);
  // Parts that are not of this type are known to `soundness` and looked at by nobody.
  const filled = withDefaults(raw) as GatewayConfig;
  const config = soundness.isContainer([]) ? withDefaultApi(filled, soundness) : filled;
  const cross = soundness.isContainer([]) ? crossCheck(config, soundness) : undefined;
  const findings = [...violations, ...(cross?.problems ?? [])];
  const located = findings.map((finding) => locate(layers, finding));
  const problems = [...found.problems, ...located.toSorted(byLine)];
  if (problems.length > 0) return { ok: false, problems: limitProblems(problems) };
  const crossWarnings = (cross?.warnings ?? []).map(warningText);
  const warnings = [...found.warnings, ...crossWarnings];
  return { ok: true, snapshot: new Snapshot(config, layers, warnings) };
}

/** With no API and one service that needs no more said, everything goes to that service. */
function withDefaultApi(config: GatewayConfig, soundness: Soundness): GatewayConfig {
  if (!soundness.isSound(['apis']) || !soundness.isSound(['upstreams'])) return config;
  const upstreams = Object.entries(config.upstreams);
  const [name, upstream] = upstreams[0] ?? [];
  if (name === undefined || upstreams.length > 1 || config.apis.length > 0) return config;
  if (upstream === undefined || upstream.protocol === 'bolt') return config;
  const api = {
    operationType: ANY_OPERATION,
    enabled: true,
    upstream: { name },
    session: 'optional',
    idempotent: false,
  } as const;
  return { ...config, apis: [api] };
}

function locate(layers: readonly Layer[], { tokens, message }: Finding): Problem {
  const path = pathText(tokens);
  const { where, line } = nearestSource(layers, tokens);
  if (where === '') return { path, message };
  return line === undefined ? { path, message, where } : { path, message, where, line };
}

function byLine(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0);
}

function warningText({ tokens, message }: Finding): string {
  return `${pathText(tokens)}: ${message}`;
}

class Snapshot implements ConfigSnapshot {
  readonly config: GatewayConfig;
  readonly apis: readonly Frozen<ResolvedApi>[];
  readonly revision: number;
  readonly hash: string;
  readonly warnings: readonly string[];
  readonly #layers: readonly Layer[];
  #origins: ReadonlyMap<string, OriginEntry> | undefined;

  constructor(config: GatewayConfig, layers: readonly Layer[], warnings: readonly string[]) {
    this.config = deepFreeze(config);
    this.apis = deepFreeze(resolveApis(config));
    this.revision = config.revision;
    this.hash = createHash('sha256').update(canonicalJson(config)).digest('hex');
    this.warnings = deepFreeze(warnings);
    this.#layers = layers;
    Object.freeze(this);
  }

  get origins(): ReadonlyMap<string, OriginEntry> {
    this.#origins ??= listOrigins(this.config, this.#layers);
    return this.#origins;
  }
}

function listOrigins(
  config: GatewayConfig,
  layers: readonly Layer[],
): ReadonlyMap<string, OriginEntry> {
  const origins = new Map<string, OriginEntry>();
  visitLeaves(config, (tokens, value) => {
    const { origin, where, line } = sourceOf(layers, tokens);
    const place = line === undefined ? where : `${where}:${line}`;
    origins.set(pathText(tokens), Object.freeze({ value, origin, where: place }));
  });
  return origins;
}

/** JSON with the keys of every map in code unit order: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
