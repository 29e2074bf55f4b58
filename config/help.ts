// Help texts of commands, made from the same tables that parse their command lines.

import type { FlagSpec, FlagTable } from './flags.ts';

/** A command as people see it; `flags` and `positionals` are what parseFlags takes. */
export interface CommandSpec<
  Flags extends readonly FlagSpec[] = readonly FlagSpec[],
> extends FlagTable<Flags> {
  /** Name after `mgw`. */
  readonly name: string;
  /** What is typed in place of `mgw <name>`, for programs that are not part of mgw. */
  readonly typed?: string;
  /** One sentence. */
  readonly summary: string;
  /** What follows the name in the usage line: `[flags] FILE`. */
  readonly usage: string;
  /** Command lines to copy. */
  readonly examples?: readonly string[];
  /** Paragraphs after the flags. */
  readonly notes?: readonly string[];
}

const WIDTH = 100;
const INDENT = 2;
/** Flags longer than this get a line of their own. */
const FLAG_COLUMN_MAX = 34;
const NO_HEADING = 'Flags';

/** The whole help text of a command, with a line feed at its end. */
export function helpText(command: CommandSpec): string {
  const typed = command.typed ?? `mgw ${command.name}`;
  const lines = [`${typed} ${command.usage}`.trimEnd(), '', ...wrap(command.summary, 0)];
  const headings = Map.groupBy(command.flags, (flag) => flag.heading ?? NO_HEADING);
  for (const [heading, flags] of headings) lines.push('', `${heading}:`, ...flagLines(flags));
  for (const note of command.notes ?? []) lines.push('', ...wrap(note, 0));
  const examples = command.examples ?? [];
  if (examples.length > 0) lines.push('', 'Examples:', ...examples.map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}

/** A flag as one writes it: `-n, --count N`. */
export function flagUsage(flag: FlagSpec): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  if (flag.type === 'boolean') return `${short}--${flag.name}`;
  return `${short}--${flag.name} ${flag.value ?? flag.choices?.join('|') ?? 'VALUE'}`;
}

function flagLines(flags: readonly FlagSpec[]): string[] {
  const usages = flags.map(flagUsage);
  const fitting = usages.map((usage) => usage.length).filter((length) => length < FLAG_COLUMN_MAX);
  const column = INDENT + Math.max(0, ...fitting) + 2;
  return flags.flatMap((flag, index) => {
    const usage = `${' '.repeat(INDENT)}${usages[index]}`;
    const text = wrap(flag.description + defaultNote(flag), column);
    if (usage.length + 2 > column) return [usage, ...text];
    return [usage.padEnd(column) + text[0]!.trimStart(), ...text.slice(1)];
  });
}

function defaultNote(flag: FlagSpec): string {
  if (flag.notYet !== undefined) return ' (not in this version)';
  const shown = flag.defaultText ?? (flag.default === undefined ? '' : String(flag.default));
  const repeat = flag.type === 'list' ? ' (repeatable)' : '';
  return shown === '' || shown === 'false' ? repeat : `${repeat} (default ${shown})`;
}

/** Breaks a paragraph into lines of at most 100 columns, indented by `indent`. */
function wrap(paragraph: string, indent: number): string[] {
  const margin = ' '.repeat(indent);
  const lines: string[] = [];
  let line = margin;
  for (const word of paragraph.split(' ')) {
    if (line.length > indent && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = margin;
    }
    line += line.length > indent ? ` ${word}` : word;
  }
  return [...lines, line];
}
