// Real frames recorded from other people's peers. They lie beside the project, not in it, because
// they belong to others; tests that need them skip with a reason where they are absent.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One recorded frame. */
export interface Vector {
  readonly name: string;
  readonly proto: string;
  readonly bytes: Buffer;
}

interface VectorRecord {
  readonly name: string;
  readonly proto: string;
  readonly hex: string;
}

const FILE = fileURLToPath(new URL('../../../../../shared/vectors/frames.json', import.meta.url));

/** Why there are no vectors, or false: fits the `skip` option of node:test. */
export const vectorsAbsent: string | false = existsSync(FILE)
  ? false
  : 'no recorded frames: ../shared/vectors/frames.json is absent';

/** The recorded Bolt frames; none when the file is absent. */
export function boltVectors(): Vector[] {
  if (vectorsAbsent !== false) return [];
  const records = JSON.parse(readFileSync(FILE, 'utf8')) as VectorRecord[];
  return records
    .filter((record) => record.proto.startsWith('bolt'))
    .map(({ name, proto, hex }) => ({ name, proto, bytes: Buffer.from(hex, 'hex') }));
}
