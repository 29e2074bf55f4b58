// Reads the golden corpus: Markdown tables whose rows are bytes and what they must give.
//
// A section starts with `## title`; a line "Stands in: `...{}...`" tells where each row's bytes go.
// In bytes, \r \n \t \\ and \xNN are escapes. The last column is what llhttp does: `same`, or
// `accepts` where the gateway is stricter on purpose.

import { readFileSync } from 'node:fs';

import type { Side } from './transcript.ts';

export interface CorpusCase {
  readonly title: string;
  readonly bytes: Buffer;
  readonly expected: string;
  readonly llhttp: string;
}

const ROW = /^\| (.+?) \| `(.*?)` \| `(.*?)` \| (same|accepts) \|$/;
const FRAME = /^Stands in: `(.*)`$/;

function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-f]{2}|.)/g, (_, escape: string) => {
    if (escape.length === 3) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return { r: '\r', n: '\n', t: '\t', '\\': '\\' }[escape] ?? escape;
  });
}

/** The cases of `corpus/<side>s.md`. */
export function readCorpus(side: Side): CorpusCase[] {
  const url = new URL(`../corpus/${side}s.md`, import.meta.url);
  const cases: CorpusCase[] = [];
  let section = '';
  let frame = '{}';
  for (const line of readFileSync(url, 'utf8').split('\n')) {
    if (line.startsWith('## ')) {
      section = line.slice(3);
      frame = '{}';
    }
    frame = FRAME.exec(line)?.[1] ?? frame;
    const row = ROW.exec(line);
    if (row === null) {
      if (line.startsWith('| ') && !line.startsWith('| case ')) {
        throw new Error(`Cannot read this row of ${side}s.md: ${line}`);
      }
      continue;
    }
    const [, name, bytes, expected, llhttp] = row;
    cases.push({
      title: `${section}: ${name}`,
      bytes: Buffer.from(unescaped(frame.replace('{}', () => bytes!)), 'latin1'),
      expected: expected!,
      llhttp: llhttp!,
    });
  }
  return cases;
}
