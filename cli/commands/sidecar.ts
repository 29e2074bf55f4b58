// `mgw sidecar`: the mesh gateway beside a service.

import { runGateway } from '../gateway-process.ts';
import { SIDECAR } from '../gateway-roles.ts';
import type { CommandIo } from '../io.ts';

/** Runs until the process is told to stop. @returns exit code */
export function runSidecar(argv: readonly string[], io: CommandIo): Promise<number> {
  return runGateway(SIDECAR, argv, io);
}
