// What a command knows about where it writes: colours and lines that are rewritten go to terminals
// only, so that files and pipes hold plain lines.

import type { CommandIo } from '../io.ts';

/** A stream that a command writes to. */
export type Output = CommandIo['stdout'];

/** What a stream can show. */
export interface Terminal {
  /** Lines can be rewritten. */
  readonly isInteractive: boolean;
  readonly hasColours: boolean;
  /** Characters in a line. */
  readonly columns: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const COLUMNS_DEFAULT = 80;

/** Finds out what `output` can show; `NO_COLOR` (no-color.org) and `TERM=dumb` are respected. */
export function terminalOf(output: Output, env: Environment): Terminal {
  const isTty = 'isTTY' in output && output.isTTY === true;
  const isInteractive = isTty && env['TERM'] !== 'dumb';
  const isPlain = (env['NO_COLOR'] ?? '') !== '';
  const columns = 'columns' in output ? Number(output.columns) : 0;
  const hasColours = isInteractive && !isPlain;
  return { isInteractive, hasColours, columns: columns > 0 ? columns : COLUMNS_DEFAULT };
}

const ESCAPES = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  cyan: '36',
} as const;

/** Ways a text can stand out. */
export type Colour = keyof typeof ESCAPES;

/** Gives a text a colour where colours are shown. */
export type Paint = (colour: Colour, text: string) => string;

/** Leaves every text as it is. */
export const plain: Paint = (_colour, text) => text;

const coloured: Paint = (colour, text) => `\x1b[${ESCAPES[colour]}m${text}\x1b[0m`;

/** The paint for a terminal. */
export function paintFor({ hasColours }: Terminal): Paint {
  return hasColours ? coloured : plain;
}

/**
 * The text with control characters written as escapes: what a service answers must not move the
 * cursor of who reads it.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

const TERMINAL_PERIOD_MS = 100;
const PLAIN_PERIOD_MS = 2000;
const LINE_START = '\r\x1b[K';

/** A line about work in progress: rewritten on a terminal, added now and then elsewhere. */
export class Progress {
  readonly #output: Output;
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout;
  readonly #line: () => string;
  #isShown = false;

  /**
   * @param line the line of this moment, without line feed; cut to the terminal's width
   * @param periodMs how often it is shown; by default 100 ms on a terminal, else 2 s
   */
  constructor(output: Output, terminal: Terminal, line: () => string, periodMs?: number) {
    this.#output = output;
    this.#terminal = terminal;
    this.#line = line;
    const standardMs = terminal.isInteractive ? TERMINAL_PERIOD_MS : PLAIN_PERIOD_MS;
    this.#timer = setInterval(() => this.#show(), periodMs ?? standardMs);
  }

  /** Takes the line away from a terminal. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#isShown && this.#terminal.isInteractive) this.#output.write(LINE_START);
  }

  #show(): void {
    this.#isShown = true;
    const { isInteractive, columns } = this.#terminal;
    const line = this.#line();
    this.#output.write(isInteractive ? `${LINE_START}${line.slice(0, columns - 1)}` : `${line}\n`);
  }
}
