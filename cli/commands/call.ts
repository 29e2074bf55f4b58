// `mgw call`: one call whose answer is shown, or a small load run. Joins plan, target and view; how
// requests travel is left to the targets under cli/call.

import { ResultCode } from '#core/base/result-codes.ts';
import { bodyText, detailLines, resultJson, statusLines } from '../call/answer-view.ts';
import { planCall } from '../call/call-plan.ts';
import type { CallPlan } from '../call/call-plan.ts';
import { callSpec } from '../call/call-spec.ts';
import type { CallFlags } from '../call/call-spec.ts';
import { HttpTarget } from '../call/http-target.ts';
import { LoadTally, runLoad } from '../call/load-run.ts';
import { loadJson, loadReport, progressLine } from '../call/load-view.ts';
import { MmtpTarget } from '../call/mmtp-target.ts';
import { CallFailure } from '../call/target.ts';
import type { CallTarget } from '../call/target.ts';
import { paintFor, Progress, terminalOf } from '../call/terminal.ts';
import { counted } from '../call/units.ts';
import { ExitCode } from '../io.ts';
import type { CommandIo } from '../io.ts';
import { readCommandLine, refuse } from './command-line.ts';

/**
 * Runs `mgw call`.
 *
 * @param argv what follows `call`
 * @returns the exit code: 0 only when every call was answered with 1000
 */
export async function runCall(argv: readonly string[], io: CommandIo): Promise<number> {
  const line = readCommandLine(argv, callSpec, io);
  if (typeof line === 'number') return line;
  const planned = await planCall(line.positionals[0]!, line.values, readStandardInput);
  if (!planned.ok) return refuse(planned.problems, callSpec, io);
  const { plan } = planned;
  for (const warning of plan.warnings) io.stderr.write(`note: ${warning}\n`);
  const target = targetOf(plan);
  try {
    const run = plan.count === 1 ? callOnce : callMany;
    return await run(plan, target, line.values, io);
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    return fail(error, line.values, io);
  }
}

function targetOf({ address, request, connections }: CallPlan): CallTarget {
  return address.protocol === 'mmtp'
    ? new MmtpTarget(address.hostPort, request)
    : new HttpTarget(address.url, request, connections);
}

async function callOnce(
  { request }: CallPlan,
  target: CallTarget,
  flags: CallFlags,
  io: CommandIo,
): Promise<number> {
  const connection = await target.connect();
  try {
    const result = await connection.call();
    const errorPaint = paintFor(terminalOf(io.stderr, process.env));
    const about: string[] = [];
    if (flags.verbose) {
      about.push(...detailLines(request, connection, result, target.label, errorPaint));
    }
    if (flags.json) io.stdout.write(`${resultJson(request.operationType, result)}\n`);
    else about.push(...statusLines(result, target.label, errorPaint));
    for (const line of about) io.stderr.write(`${line}\n`);
    if (!flags.json) {
      io.stdout.write(bodyText(result.body, paintFor(terminalOf(io.stdout, process.env))));
    }
    return result.resultCode === ResultCode.success ? ExitCode.ok : ExitCode.failure;
  } finally {
    await connection.close();
  }
}

async function callMany(
  plan: CallPlan,
  target: CallTarget,
  flags: CallFlags,
  io: CommandIo,
): Promise<number> {
  const tally = new LoadTally();
  const interrupt = new AbortController();
  const onInterrupt = (): void => {
    interrupt.abort();
    io.stderr.write('\nwaiting for open calls; Ctrl-C again ends at once\n');
  };
  process.once('SIGINT', onInterrupt);
  const terminal = terminalOf(io.stderr, process.env);
  const progress = new Progress(io.stderr, terminal, () => {
    return progressLine(tally, plan.count, terminal.isInteractive);
  });
  try {
    await runLoad(target, plan, tally, interrupt.signal);
  } finally {
    progress.stop();
    process.off('SIGINT', onInterrupt);
  }
  const { firstFailure } = tally;
  if (tally.answers === 0 && firstFailure?.isUnreachable) throw firstFailure;
  const { request, count, connections, streams } = plan;
  const size = { count, connections, streams };
  if (flags.json) {
    io.stdout.write(`${loadJson(request.operationType, target.label, size, tally)}\n`);
  } else {
    const title = `${request.operationType} · ${target.label} · ${sizeText(plan)}`;
    const paint = paintFor(terminalOf(io.stdout, process.env));
    io.stdout.write(loadReport(title, size, tally, paint));
  }
  return tally.isGood(count) ? ExitCode.ok : ExitCode.failure;
}

function sizeText({ address, connections, streams }: CallPlan): string {
  const over = counted(connections, 'connection');
  return address.protocol === 'http' ? over : `${over} x ${counted(streams, 'stream')}`;
}

function fail(failure: CallFailure, flags: CallFlags, io: CommandIo): number {
  const { code, message, hint } = failure;
  if (flags.json) io.stdout.write(`${JSON.stringify({ error: { code, message, hint } })}\n`);
  io.stderr.write(`${message}\n`);
  if (hint !== '') io.stderr.write(`${hint}\n`);
  return ExitCode.failure;
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
