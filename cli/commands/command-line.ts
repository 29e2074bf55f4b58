// The way every command starts: take the command line apart, answer --help, name all that is wrong
// at once. What the values mean is left to the command.

import { parseFlags } from '#config/flags.ts';
import type { FlagSpec, FlagValues } from '#config/flags.ts';
import { helpText } from '#config/help.ts';
import type { CommandSpec } from '#config/help.ts';
import { formatProblem } from '#config/problem.ts';
import type { Problem } from '#config/problem.ts';
import { ExitCode } from '../io.ts';
import type { CommandIo } from '../io.ts';

/** A command line without problems. */
export interface CommandLine<Flags extends readonly FlagSpec[]> {
  readonly values: FlagValues<Flags>;
  readonly positionals: readonly string[];
}

/**
 * Takes a command line apart; prints the help or every problem when the command ends with that.
 *
 * @param argv arguments after the command's name
 * @returns what was given, or the exit code to end with
 */
export function readCommandLine<const Flags extends readonly FlagSpec[]>(
  argv: readonly string[],
  spec: CommandSpec<Flags>,
  io: CommandIo,
): CommandLine<Flags> | number {
  const { values, positionals, isHelp, problems } = parseFlags(argv, spec);
  if (isHelp) {
    io.stdout.write(helpText(spec));
    return ExitCode.ok;
  }
  return problems.length === 0 ? { values, positionals } : refuse(problems, spec, io);
}

/** Prints what is wrong with a command line. @returns the exit code for it */
export function refuse(
  problems: readonly Problem[],
  spec: { readonly name: string },
  io: CommandIo,
): number {
  for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
  io.stderr.write(`\`mgw ${spec.name} --help\` tells the flags.\n`);
  return ExitCode.usage;
}
