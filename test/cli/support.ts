// What tests of commands share: a command run with its output caught, and a gateway in this process
// in front of the sample HTTP service.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { meshConfig } from '#cli/dev/dev-config.ts';
import { ensureKeyFile } from '#cli/commands/session-key-file.ts';
import type { CommandIo } from '#cli/io.ts';
import { loadConfig } from '#config/load.ts';
import { systemClock } from '#core/base/clock.ts';
import { Acceptor } from '#workers/acceptor.ts';
import { ProcessLog } from '#workers/log.ts';
import { startHttpPeer } from '#test/peers/http.ts';

/** How a command ended and what it wrote. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process; its streams look like terminals when asked. */
export async function runCommand(
  command: (argv: readonly string[], io: CommandIo) => Promise<number>,
  argv: readonly string[],
  isTTY = false,
): Promise<Run> {
  let out = '';
  let err = '';
  const stdout = { isTTY, columns: 100, write: (text: string) => (out += text) };
  const stderr = { isTTY, columns: 100, write: (text: string) => (err += text) };
  const code = await command(argv, { stdout, stderr });
  return { code, out, err };
}

/** A gateway with the APIs of the development system. */
export interface TestGateway {
  readonly mmtp: string;
  readonly http: string;
  readonly keysFile: string;
  stop(): Promise<void>;
}

/** Starts service and gateway on free ports. */
export async function startGateway(): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'mgw-cli-'));
  const keysFile = join(folder, 'keys.json');
  ensureKeyFile(keysFile);
  const peer = await startHttpPeer();
  const loaded = await loadConfig({
    argv: ['--http-port=0', '--mmtp-port=0', '--admin-port=off', '--log-level=silent'],
    env: {},
    cwd: folder,
    builtIn: { name: 'test', value: meshConfig({ http: peer.port }, keysFile) },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const log = new ProcessLog({ level: 'silent', role: 'test', clock: systemClock });
  const acceptor = await Acceptor.create({ ...loaded, log, cwd: folder });
  const ports = await acceptor.open();
  return {
    mmtp: `127.0.0.1:${ports.mmtp}`,
    http: `http://127.0.0.1:${ports.http}`,
    keysFile,
    async stop() {
      await acceptor.close();
      await peer.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
