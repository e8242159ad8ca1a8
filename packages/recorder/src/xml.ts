// SPDX-License-Identifier: Apache-2.0
// As much XML as a .jfc file needs: elements, attributes, text, comments, the five named entities and
// character references. No document types, hence no external or expanding entities.
import { RecorderError } from './error.ts';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Text directly inside, without that of children. */
  readonly text: string;
  /** Line of the start tag, from 1. */
  readonly line: number;
}

/** Far beyond any configuration (the JDK's take 50 KB). */
export const MAX_XML_BYTES: number = 4 << 20;
const MAX_DEPTH = 64;

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
};

interface Open {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
  line: number;
}

/** Parses a document into its root element. Throws RECORDER_BAD_CONFIGURATION with the line. */
export function parseXml(source: string): XmlElement {
  if (source.length > MAX_XML_BYTES) {
    throw bad(`${source.length} characters are too many for a configuration`, 1);
  }
  const text = source.replace(/^\uFEFF/, '');
  const stack: Open[] = [];
  let root: XmlElement | undefined;
  let at = 0;
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    const between = text.slice(at, open < 0 ? text.length : open);
    const top = stack.at(-1);
    if (top !== undefined) top.text += decode(between, () => lineAt(at));
    else if (between.trim() !== '') throw bad('text outside the root element', lineAt(at));
    if (open < 0) break;
    if (text.startsWith('<!--', open)) {
      at = after(text, '-->', open, lineAt);
    } else if (text.startsWith('<?', open)) {
      at = after(text, '?>', open, lineAt);
    } else if (text.startsWith('<!', open)) {
      throw bad('document types and CDATA are not part of a configuration', lineAt(open));
    } else {
      const end = tagEnd(text, open);
      if (end < 0) throw bad('a tag that does not end', lineAt(open));
      const closed = tag(text.slice(open + 1, end), stack, lineAt(open));
      if (closed !== undefined && stack.length === 0) {
        if (root !== undefined) throw bad('a second root element', lineAt(open));
        root = closed;
      }
      at = end + 1;
    }
  }
  if (stack.length > 0) throw bad(`<${stack.at(-1)!.name}> is not closed`, stack.at(-1)!.line);
  if (root === undefined) throw bad('no element', 1);
  return root;
}

/** Handles one tag; answers the element that it closes. */
function tag(content: string, stack: Open[], line: number): XmlElement | undefined {
  if (content.startsWith('/')) {
    const name = content.slice(1).trim();
    const open = stack.pop();
    if (open?.name !== name) throw bad(`</${name}> closes nothing`, line);
    stack.at(-1)?.children.push(open);
    return open;
  }
  const alone = content.endsWith('/');
  const body = alone ? content.slice(0, -1) : content;
  const name = /^[A-Za-z_][\w.:-]*/.exec(body)?.[0];
  if (name === undefined) throw bad('a tag without a name', line);
  if (stack.length >= MAX_DEPTH) throw bad('elements nested too deeply', line);
  const open: Open = { name, attributes: {}, children: [], text: '', line };
  const pattern = /\s+([A-Za-z_][\w.:-]*)\s*=\s*("[^"<]*"|'[^'<]*')/gy;
  pattern.lastIndex = name.length;
  let end = name.length;
  for (let match = pattern.exec(body); match !== null; match = pattern.exec(body)) {
    const key = match[1]!;
    if (Object.hasOwn(open.attributes, key)) throw bad(`two attributes ${key}`, line);
    open.attributes[key] = decode(match[2]!.slice(1, -1), () => line);
    end = pattern.lastIndex;
  }
  if (body.slice(end).trim() !== '') throw bad(`<${name}> with bad attributes`, line);
  if (!alone) {
    stack.push(open);
    return undefined;
  }
  stack.at(-1)?.children.push(open);
  return open;
}

/** The `>` that ends a tag, not one in quotes. */
function tagEnd(text: string, open: number): number {
  let quote = '';
  for (let at = open; at < text.length; at++) {
    const unit = text[at]!;
    if (quote !== '') {
      if (unit === quote) quote = '';
    } else if (unit === '"' || unit === "'") {
      quote = unit;
    } else if (unit === '>') {
      return at;
    }
  }
  return -1;
}

function after(
  text: string,
  mark: string,
  from: number,
  lineAt: (offset: number) => number,
): number {
  const end = text.indexOf(mark, from);
  if (end < 0) throw bad(`no ${mark}`, lineAt(from));
  return end + mark.length;
}

function decode(text: string, line: () => number): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,12};?)/g, (whole, body: string) => {
    const name = body.slice(0, -1);
    const known = ENTITIES[name];
    if (body.endsWith(';') && known !== undefined) return known;
    const match = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}));$/.exec(body);
    const code = match === null ? -1 : Number.parseInt(match[1] ?? match[2]!, match[1] ? 16 : 10);
    if (code <= 0 || code > 0x10ffff) throw bad(`entity ${whole} is not known`, line());
    return String.fromCodePoint(code);
  });
}

/** Text for a text node or an attribute. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function bad(what: string, line: number): RecorderError {
  return new RecorderError('RECORDER_BAD_CONFIGURATION', `line ${line}: ${what}`, {
    hint: 'a configuration is an XML file such as `jfr configure` writes',
  });
}
