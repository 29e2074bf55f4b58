// A new configuration for a running process, from wherever it comes, and what of the one in force
// the process does not follow yet.

import { changesNeedingRestart } from '#config/explain.ts';
import type { SnapshotResult } from '#config/snapshot.ts';
import type { Acceptor } from '../acceptor.ts';

/** Applies `checked` and warns of each setting that begins to wait for a restart. */
export async function applyConfig(
  acceptor: Acceptor,
  checked: SnapshotResult,
): Promise<SnapshotResult> {
  const waiting = needsRestart(acceptor);
  const result = await acceptor.apply(checked);
  if (!result.ok) return result;
  for (const path of needsRestart(acceptor)) {
    if (waiting.includes(path)) continue;
    acceptor.log.warn('setting takes effect only after a restart', { path });
  }
  return result;
}

/** Paths of the settings in force that the process follows only after a restart. */
export function needsRestart({ startConfig, snapshot }: Acceptor): readonly string[] {
  return changesNeedingRestart(startConfig, snapshot.config);
}
