// Holds a page to the rules that XML and HTML share: every element is closed in order, attributes
// are quoted and given once, ids are unique, text has no bare markup characters.

import assert from 'node:assert/strict';

const TAG = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;
const ATTRIBUTE = /([\w:-]+)="([^"]*)"/g;
const ENTITY = /&(?!(?:amp|lt|gt|quot|#39);)/;

/** One element, with the text directly and indirectly in it. */
export interface PageElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  text: string;
}

/** All elements of `page` in their order; throws an assertion error where it is malformed. */
export function parsePage(page: string): readonly PageElement[] {
  const start = '<!DOCTYPE html>';
  assert.ok(page.startsWith(start), 'no document type');
  const elements: PageElement[] = [];
  const open: PageElement[] = [];
  const ids = new Set<string>();
  let at = start.length;
  while (at < page.length) {
    const next = page.indexOf('<', at);
    const text = page.slice(at, next < 0 ? page.length : next);
    assert.ok(!ENTITY.test(text) || open.at(-1)?.name === 'style', `bare & in "${text}"`);
    assert.ok(open.length > 0 || text.trim() === '', `text outside of elements: ${text}`);
    for (const element of open) element.text += unescape(text);
    if (next < 0) break;
    TAG.lastIndex = next;
    const tag = TAG.exec(page);
    assert.ok(tag !== null, `no tag: ${page.slice(next, next + 60)}`);
    const [whole, slash, name = '', pairs = '', isEmpty] = tag;
    at = next + whole.length;
    if (slash === '/') {
      assert.equal(open.pop()?.name, name, `</${name}> closes another element`);
      continue;
    }
    const attributes = attributesOf(pairs, whole);
    const id = attributes.get('id');
    assert.ok(id === undefined || !ids.has(id), `id "${id}" is given twice`);
    if (id !== undefined) ids.add(id);
    const element = { name, attributes, text: '' };
    elements.push(element);
    if (isEmpty !== '/') open.push(element);
  }
  assert.equal(open.length, 0, `<${open[0]?.name}> is not closed`);
  return elements;
}

function attributesOf(pairs: string, whole: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const [, key = '', value = ''] of pairs.matchAll(ATTRIBUTE)) {
    assert.ok(!attributes.has(key), `${key} is given twice in ${whole}`);
    assert.ok(!ENTITY.test(value), `bare & in ${whole}`);
    attributes.set(key, unescape(value));
  }
  return attributes;
}

function unescape(text: string): string {
  const plain = text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"');
  return plain.replaceAll('&#39;', "'").replaceAll('&amp;', '&');
}
