// Answers "which value holds, and who said so" and "does this change need a restart".

import { isSecret, SECRET_MASK } from './mask.ts';
import type { GatewayConfig } from './schema.ts';
import { listSettings, schemaAt } from './settings.ts';
import type { Origin } from './layers.ts';
import { canonicalJson } from './snapshot.ts';
import type { ConfigSnapshot } from './snapshot.ts';
import { valueAt, visitLeaves, pathText } from './value-path.ts';

/** One value of a configuration for people. */
export interface ExplainRow {
  readonly path: string;
  /** JSON; secrets are masked. */
  readonly value: string;
  readonly origin: Origin;
  /** Flag, variable, or file with line; empty for defaults. */
  readonly where: string;
  /** What the setting is for. */
  readonly description: string;
}

/** Every value of a snapshot with its source, in the schema's order. */
export function explain(snapshot: ConfigSnapshot): readonly ExplainRow[] {
  const rows: ExplainRow[] = [];
  visitLeaves(snapshot.config, (tokens) => {
    const path = pathText(tokens);
    const entry = snapshot.origins.get(path);
    if (entry === undefined) return;
    const value = JSON.stringify(isSecret(tokens) ? SECRET_MASK : entry.value);
    const description = schemaAt(tokens)?.description ?? '';
    rows.push({ path, value, origin: entry.origin, where: entry.where, description });
  });
  return rows;
}

/** Paths of the settings that differ and take effect only after a restart. */
export function changesNeedingRestart(
  before: GatewayConfig,
  after: GatewayConfig,
): readonly string[] {
  const fixed = listSettings().filter((setting) => setting.node.reload === 'restart');
  const changed = fixed.filter(({ tokens }) => {
    return canonicalJson(valueAt(before, tokens)) !== canonicalJson(valueAt(after, tokens));
  });
  return changed.map((setting) => setting.path);
}
