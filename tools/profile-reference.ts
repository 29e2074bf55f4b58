// docs/reference/profiles.md, made from the files in `profiles/`: the comment at the head of a file
// says for whom it is, the comment above each value why it is not the default.

import { readFile } from 'node:fs/promises';
import { isMap, isScalar, parseDocument, type Document, type Node } from 'yaml';
import { listProfiles, type ProfileFile } from '#config/profiles.ts';
import { schemaAt } from '#config/settings.ts';

/** One value of a profile. */
export interface ProfileSetting {
  readonly tokens: readonly string[];
  readonly value: unknown;
  /** Why; empty when the file does not say. */
  readonly reason: string;
}

/** A profile as people read it. */
export interface ProfileSheet {
  readonly name: string;
  /** For whom; empty when the file does not say. */
  readonly description: string;
  readonly settings: readonly ProfileSetting[];
}

/** Every profile that comes with the gateway, with its comments. */
export async function readProfileSheets(): Promise<readonly ProfileSheet[]> {
  return Promise.all((await listProfiles()).map(readSheet));
}

async function readSheet({ name, path }: ProfileFile): Promise<ProfileSheet> {
  const document: Document.Parsed = parseDocument(await readFile(path, 'utf8'));
  const settings: ProfileSetting[] = [];
  collect(document.contents, [], '', settings);
  return { name, description: plain(document.commentBefore), settings };
}

/** @param lead comment before the first entry, which the parser gives to the map around it */
function collect(
  node: Node | null,
  tokens: readonly string[],
  lead: string,
  found: ProfileSetting[],
): void {
  if (!isMap(node)) {
    if (isScalar(node)) found.push({ tokens, value: node.value, reason: lead });
    return;
  }
  for (const [index, { key, value }] of node.items.entries()) {
    const first = index === 0 ? plain(node.commentBefore) : '';
    const own = isScalar(key) ? plain(key.commentBefore) : '';
    const name = isScalar(key) ? String(key.value) : '';
    collect(value as Node | null, [...tokens, name], own || first, found);
  }
}

/** A comment as one line of text. */
function plain(comment: string | null | undefined): string {
  return (comment ?? '').split('\n').join(' ').replaceAll(/\s+/g, ' ').trim();
}

/** The reference page as Markdown. @param note says that the page is generated */
export async function profileReference(note: string): Promise<string> {
  const sheets = await readProfileSheets();
  const lines = [
    '# Profiles',
    '',
    note,
    '',
    'Sets of settings that come with the gateway, for those who do not want to choose each one:',
    '`mgw sidecar --profile NAME`, or `MGW_PROFILE=NAME`. A profile is weaker than configuration',
    'file, environment and flags, so that each value can still be chosen; `mgw config explain',
    '--profile NAME` shows which hold. Benchmarks take one too:',
    '`npm run bench -- mmtp --profile NAME`.',
  ];
  for (const { name, description, settings } of sheets) {
    lines.push('', `## ${name}`, '', description, '');
    lines.push('| setting | value | default | why |', '|---|---|---|---|');
    for (const { tokens, value, reason } of settings) {
      const standard = schemaAt(tokens)?.default;
      lines.push(`| \`${tokens.join('.')}\` | ${shown(value)} | ${shown(standard)} | ${reason} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function shown(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}
