// Command-line flags from a table, for every command of `mgw`. The table gives parsing, types and
// help text. Nothing throws: all problems of a command line are found at once.

import { suggestion } from './nearest.ts';
import type { Problem } from './problem.ts';

/** One flag. */
export interface FlagSpec {
  /** Name without dashes, kebab-case. */
  readonly name: string;
  /** One letter for the short form `-n`. */
  readonly short?: string;
  /** `list` flags may be repeated; all others may not. */
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  /** One sentence for the help text. */
  readonly description: string;
  /** Placeholder for the value: `FILE`. */
  readonly value?: string;
  /** Words that a `string` flag takes. */
  readonly choices?: readonly string[];
  /** A `number` flag takes no fraction. */
  readonly isInteger?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  /** Value when the flag is absent. */
  readonly default?: string | number | boolean | readonly string[];
  /** Default to show where something else than this table fills it in. */
  readonly defaultText?: string;
  /** Heading that the help text puts the flag under. */
  readonly heading?: string;
  /** The flag is known but does not work in this version; the text says why. */
  readonly notYet?: string;
}

/** What a command takes beside flags. */
export interface PositionalSpec {
  /** Name for messages, such as `FILE`. */
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
}

/** The arguments of a command. */
export interface FlagTable<Flags extends readonly FlagSpec[] = readonly FlagSpec[]> {
  readonly flags: Flags;
  readonly positionals?: PositionalSpec;
}

interface ValueTypes {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly list: readonly string[];
}

/** Values by flag name; flags with a default are always there. */
export type FlagValues<Flags extends readonly FlagSpec[]> = {
  readonly [
    F in Flags[number] as F extends { default: unknown } ? F['name'] : never
  ]: ValueTypes[F['type']];
} & {
  readonly [
    F in Flags[number] as F extends { default: unknown } ? never : F['name']
  ]?: ValueTypes[F['type']];
};

/** A command line taken apart. Values are right only when there are no problems. */
export interface ParsedFlags<Flags extends readonly FlagSpec[]> {
  readonly values: FlagValues<Flags>;
  readonly positionals: readonly string[];
  /** `--help` or `-h` was given; then nothing is reported as missing. */
  readonly isHelp: boolean;
  readonly problems: readonly Problem[];
}

/** Declares flags, keeping their literal types for {@link FlagValues}. */
export function defineFlags<const Flags extends readonly FlagSpec[]>(flags: Flags): Flags {
  return flags;
}

/**
 * Takes a command line apart: `--key value`, `--key=value`, `-k value`, `--key` and `--no-key` for
 * booleans, `--` before arguments that start with a dash.
 *
 * @param argv arguments after the command's name
 */
export function parseFlags<const Flags extends readonly FlagSpec[]>(
  argv: readonly string[],
  table: FlagTable<Flags>,
): ParsedFlags<Flags> {
  const parser = new FlagParser(table);
  parser.run(argv);
  // The parser fills in exactly the names and types of the table.
  const values = Object.fromEntries(parser.values) as FlagValues<Flags>;
  const { positionals, isHelp, problems } = parser;
  return { values, positionals, isHelp, problems };
}

type FlagValue = string | number | boolean | readonly string[];

const NUMBER_TEXT = /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/;

class FlagParser {
  readonly values = new Map<string, FlagValue>();
  readonly positionals: string[] = [];
  readonly problems: Problem[] = [];
  isHelp = false;
  readonly #table: FlagTable;
  readonly #given = new Set<string>();

  constructor(table: FlagTable) {
    this.#table = table;
    for (const flag of table.flags) {
      if (flag.default !== undefined) this.values.set(flag.name, flag.default);
    }
  }

  run(argv: readonly string[]): void {
    let index = 0;
    while (index < argv.length) {
      const argument = argv[index]!;
      if (argument === '--') {
        this.positionals.push(...argv.slice(index + 1));
        break;
      }
      if (isFlagLike(argument)) index += this.#takeFlag(argument, argv[index + 1]);
      else {
        this.positionals.push(argument);
        index++;
      }
    }
    if (!this.isHelp) this.#checkPositionals();
  }

  /** @returns how many arguments were used */
  #takeFlag(argument: string, next: string | undefined): number {
    if (argument === '--help' || argument === '-h') {
      this.isHelp = true;
      return 1;
    }
    const equals = argument.indexOf('=');
    const written = equals < 0 ? argument : argument.slice(0, equals);
    const inline = equals < 0 ? undefined : argument.slice(equals + 1);
    const flag = this.#find(written);
    if (flag === undefined) {
      this.#reportUnknown(written);
      const isNextItsValue = inline === undefined && next !== undefined && !isFlagLike(next);
      return isNextItsValue && this.#table.positionals === undefined ? 2 : 1;
    }
    if (flag.type === 'boolean') {
      this.#setBoolean(flag, written, inline);
      return 1;
    }
    const value = inline ?? (next !== undefined && !isFlagLike(next) ? next : undefined);
    if (value === undefined) {
      const example = `${written}=${flag.value ?? 'VALUE'}`;
      this.#report(written, `needs a value; write ${example}`);
      return 1;
    }
    this.#setValue(flag, written, value);
    return inline === undefined ? 2 : 1;
  }

  #find(written: string): FlagSpec | undefined {
    const flags = this.#table.flags;
    if (!written.startsWith('--')) return flags.find((flag) => flag.short === written.slice(1));
    const name = written.slice(2);
    const found = flags.find((flag) => flag.name === name);
    if (found || !name.startsWith('no-')) return found;
    return flags.find((flag) => flag.type === 'boolean' && `no-${flag.name}` === name);
  }

  #setBoolean(flag: FlagSpec, written: string, inline: string | undefined): void {
    const isNegated = written === `--no-${flag.name}`;
    if (inline !== undefined && (isNegated || (inline !== 'true' && inline !== 'false'))) {
      this.#report(
        written,
        `takes no value "${inline}"; write --${flag.name} or --no-${flag.name}`,
      );
      return;
    }
    this.#store(flag, written, isNegated ? false : inline !== 'false');
  }

  #setValue(flag: FlagSpec, written: string, text: string): void {
    if (flag.type === 'number') {
      const value = NUMBER_TEXT.test(text) ? Number(text) : Number.NaN;
      if (isAllowedNumber(flag, value)) this.#store(flag, written, value);
      else this.#report(written, `"${text}" is not allowed; give ${describeNumber(flag)}`);
      return;
    }
    if (flag.choices && !flag.choices.includes(text)) {
      this.#report(written, `"${text}" is not allowed; ${suggestion(text, flag.choices)}`);
      return;
    }
    this.#store(flag, written, text);
  }

  #store(flag: FlagSpec, written: string, value: FlagValue): void {
    if (flag.notYet !== undefined) {
      this.#report(written, flag.notYet);
      return;
    }
    const isRepeated = this.#given.has(flag.name);
    this.#given.add(flag.name);
    if (flag.type === 'list' && typeof value === 'string') {
      const before = isRepeated ? this.values.get(flag.name) : undefined;
      this.values.set(flag.name, Array.isArray(before) ? [...before, value] : [value]);
    } else if (isRepeated) this.#report(written, 'is given more than once; give it once');
    else this.values.set(flag.name, value);
  }

  #reportUnknown(written: string): void {
    const known = this.#table.flags.flatMap((flag) => {
      return flag.type === 'boolean' ? [`--${flag.name}`, `--no-${flag.name}`] : [`--${flag.name}`];
    });
    this.#report(written, `unknown flag; ${suggestion(written, known, (name) => name)}`);
  }

  #checkPositionals(): void {
    const spec = this.#table.positionals;
    const maximum = spec?.maximum ?? 0;
    for (const extra of this.positionals.slice(maximum)) {
      this.#report(extra, 'unexpected argument; flags start with "--"');
    }
    if (spec && this.positionals.length < spec.minimum) {
      this.#report(spec.name, `is missing; the command needs ${spec.minimum} of it`);
    }
  }

  #report(path: string, message: string): void {
    this.problems.push({ path, message });
  }
}

/** True for arguments that are flags: a dash and more, but not a negative number. */
function isFlagLike(argument: string): boolean {
  return argument.length > 1 && argument.startsWith('-') && !NUMBER_TEXT.test(argument);
}

function isAllowedNumber(flag: FlagSpec, value: number): boolean {
  if (Number.isNaN(value) || (flag.isInteger === true && !Number.isInteger(value))) return false;
  return value >= (flag.minimum ?? -Infinity) && value <= (flag.maximum ?? Infinity);
}

function describeNumber(flag: FlagSpec): string {
  const kind = flag.isInteger === true ? 'an integer' : 'a number';
  const { minimum, maximum } = flag;
  if (minimum !== undefined && maximum !== undefined)
    return `${kind} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${kind} from ${minimum}`;
  return maximum === undefined ? kind : `${kind} up to ${maximum}`;
}
