// Links between the documents of the repository: every relative link leads to a file that exists,
// every anchor to a heading of it. Links to the web are not followed.

import { posix } from 'node:path';
import { lineAt, type SourceFile, type Violation } from './source-file.ts';

const LINK = /\[[^\]\n]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;
const HEADING = /^#{1,6}\s+(.*)$/gm;
const FENCED = /^(```|~~~)[\s\S]*?^\1/gm;
const INLINE_CODE = /`[^`\n]*`/g;

/** Blanks code out, keeping every line and column where it is. */
function withoutCode(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ');
  return text.replace(FENCED, blank).replace(INLINE_CODE, blank);
}

/** Anchors of a document as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const match of text.replace(FENCED, '').matchAll(HEADING)) {
    const slug = match[1]!
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/**
 * Broken links of `document`.
 *
 * @param exists is there a file or folder with this path from the root?
 * @param documents all documents by path, for anchors
 */
export function checkLinks(
  document: SourceFile,
  exists: (path: string) => boolean,
  documents: ReadonlyMap<string, SourceFile>,
): readonly Violation[] {
  const violations: Violation[] = [];
  const text = withoutCode(document.text);
  for (const match of text.matchAll(LINK)) {
    const link = match[1]!;
    if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
    const message = linkProblem(document.path, link, exists, documents);
    if (message === null) continue;
    const line = lineAt(document.text, match.index);
    violations.push({ path: document.path, line, rule: 'links', message });
  }
  return violations;
}

function linkProblem(
  from: string,
  link: string,
  exists: (path: string) => boolean,
  documents: ReadonlyMap<string, SourceFile>,
): string | null {
  const [file, anchor] = link.split('#', 2) as [string, string?];
  const target = file === '' ? from : posix.join(posix.dirname(from), decodeURI(file));
  if (target.startsWith('..')) return `"${link}" leaves the repository; describe it in words`;
  if (!exists(target)) return `"${link}" leads to ${target}, which does not exist`;
  const document = documents.get(target);
  if (anchor === undefined || document === undefined) return null;
  if (anchorsOf(document.text).has(anchor)) return null;
  return `"${link}" names a heading that ${target} does not have`;
}
