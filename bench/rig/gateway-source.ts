// Which form of the gateway a run measures: the JavaScript in dist/, which is what is deployed, or
// the TypeScript of the clone. The built form is made when the first gateway of a run is started,
// unless it is that of the sources as they are.

import { join } from 'node:path';
import { BUILT_FOLDER, builtName } from '#config/package-files.ts';
import { buildIfChanged } from '#tools/build.ts';
import { UsageError } from '../suite.ts';
import { GATEWAY_NODE_FLAGS } from './runtime-flags.ts';

/** The forms; what is deployed first. */
export const GATEWAY_SOURCES = ['dist', 'ts'] as const;
export type GatewaySource = (typeof GATEWAY_SOURCES)[number];

/** Environment variable that gives all gateways of a run their form. */
export const SOURCE_VARIABLE = 'MGW_BENCH_SOURCE';

let building: Promise<void> | null = null;

/**
 * The form of this run.
 *
 * @throws UsageError when the environment names another one
 */
export function chosenSource(): GatewaySource {
  const text = process.env[SOURCE_VARIABLE] ?? GATEWAY_SOURCES[0];
  const source = GATEWAY_SOURCES.find((name) => name === text);
  if (source !== undefined) return source;
  throw new UsageError(`${SOURCE_VARIABLE} is "${text}"; choose ${GATEWAY_SOURCES.join(' or ')}`);
}

/** Path of `file` in the form `source`, from the root of a checkout. */
export function gatewayFile(file: string, source: GatewaySource): string {
  return source === 'dist' ? join(BUILT_FOLDER, builtName(file)) : file;
}

/**
 * Program and first arguments of a gateway.
 *
 * @param nodeFlags flags of the runtime besides the launcher's
 */
export function gatewayCommand(
  source: GatewaySource,
  nodeFlags: readonly string[] = [],
): readonly string[] {
  const program = gatewayFile('cli/mgw.js', source);
  return [process.execPath, ...GATEWAY_NODE_FLAGS, ...nodeFlags, program, 'sidecar'];
}

/**
 * Makes sure that this checkout has the form `source`; call it before a gateway is started.
 *
 * @throws UsageError when it cannot be built
 */
export async function prepareSource(source: GatewaySource): Promise<void> {
  if (source === 'ts') return;
  building ??= buildOnce();
  await building;
}

async function buildOnce(): Promise<void> {
  try {
    const isMade = await buildIfChanged();
    if (isMade) process.stderr.write(`built ${BUILT_FOLDER}/ from the sources as they are\n`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot build ${BUILT_FOLDER}/: ${reason}; --source ts runs the sources`);
  }
}
