// `mgw central`: the gateway in front of all services, the last one that is asked when others fail.

import { runGateway } from '../gateway-process.ts';
import { CENTRAL } from '../gateway-roles.ts';
import type { CommandIo } from '../io.ts';

/** Runs until the process is told to stop. @returns exit code */
export function runCentral(argv: readonly string[], io: CommandIo): Promise<number> {
  return runGateway(CENTRAL, argv, io);
}
