// Text of HTML and SVG with everything escaped that is not made by this file: what a machine, a
// case or a command line is called can never become markup. The text is well-formed XML as well.

/** Markup that needs no escaping any more. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What stands in an element: markup as it is, texts escaped. */
export type Content = Markup | string;

type Attributes = Readonly<Record<string, string | number>>;

/** Elements that never have content. */
const VOID = new Set(['meta', 'path', 'line', 'circle']);

/** `<name attributes>content</name>`; `content` is escaped where it is text. */
export function element(
  name: string,
  attributes: Attributes = {},
  ...content: readonly Content[]
): Markup {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(`${value}`)}"`);
  const open = `<${name}${pairs.join('')}`;
  return new Markup(VOID.has(name) ? `${open} />` : `${open}>${join(content)}</${name}>`);
}

/** Several pieces, one a line. */
export function lines(...content: readonly Content[]): Markup {
  return new Markup(content.map((piece) => join([piece])).join('\n'));
}

/** A style sheet that stands in the page: our own text, in which escapes would be wrong. */
export function styleSheet(css: string): Markup {
  return new Markup(`<style>\n${css}</style>`);
}

function join(content: readonly Content[]): string {
  return content.map((piece) => (piece instanceof Markup ? piece.text : escape(piece))).join('');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Characters that neither HTML nor XML can hold: a terminal's control sequences, for one. */
const CONTROL = /[^\P{Cc}\t\n\r]/gu;

function escape(text: string): string {
  const plain = text.toWellFormed();
  return plain.replaceAll(CONTROL, '\ufffd').replaceAll(/[&<>"']/g, (char) => ESCAPES[char]!);
}
