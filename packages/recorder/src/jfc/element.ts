// SPDX-License-Identifier: Apache-2.0
// A .jfc file as elements, and as text: byte for byte as `jfr configure` of JDK 25 writes it.
// Source: jdk.jfr.internal.jfc.model (XmlElement, PrettyPrinter, Utilities), tag jdk-25-ga.
import type { XmlElement } from '../xml.ts';

const EXPRESSIONS: readonly string[] = ['or', 'and', 'test', 'not'];
/** Which elements mean something inside which. Others are kept as they are. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  configuration: ['event', 'control'],
  event: ['setting'],
  control: ['condition', 'text', 'selection', 'flag'],
  selection: ['option'],
  condition: EXPRESSIONS,
  or: EXPRESSIONS,
  and: EXPRESSIONS,
  not: EXPRESSIONS,
  test: EXPRESSIONS,
};

/** Elements that no empty line parts from their neighbours. */
const DENSE: readonly string[] = ['setting', 'option', 'test', 'or', 'and', 'not'];

const COMMENTS: Readonly<Record<string, string>> = {
  configuration:
    "Recommended way to edit .jfc files is to use the configure command of\nthe 'jfr' tool, i.e. jfr configure, or JDK Mission Control\nsee Window -> Flight Recorder Template Manager\n",
  control:
    "Contents of the control element is not read by the JVM, it's used\nby JDK Mission Control and the 'jfr'-tool to change settings that\ncarry the control attribute.\n",
};

export class JfcElement {
  readonly name: string;
  /** The name where the element means something, '' elsewhere. */
  readonly kind: string;
  readonly attributes: Map<string, string> = new Map();
  readonly children: JfcElement[] = [];
  /** Line in its file, from 1; 0 for one that was added. */
  readonly line: number;
  content = '';

  constructor(name: string, kind: string, line = 0) {
    this.name = name;
    this.kind = kind;
    this.line = line;
  }

  attribute(name: string): string {
    return this.attributes.get(name) ?? '';
  }

  of(...kinds: readonly string[]): JfcElement[] {
    return this.children.filter(({ kind }) => kinds.includes(kind));
  }
}

/** The elements of a parsed document. */
export function jfcElements(root: XmlElement): JfcElement {
  return convert(root, 'configuration');
}

function convert({ name, attributes, children, text, line }: XmlElement, kind: string): JfcElement {
  const element = new JfcElement(kind || name, kind, line);
  for (const [key, value] of Object.entries(attributes)) element.attributes.set(key, value);
  element.content = text.trim();
  const known = KNOWN[kind] ?? [];
  for (const child of children) {
    const lower = child.name.toLowerCase();
    element.children.push(convert(child, known.includes(lower) ? lower : ''));
  }
  return element;
}

/** The text of a .jfc file. */
export function jfcText(configuration: JfcElement): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>'];
  print(configuration, '', lines);
  return `${lines.join('\n')}\n`;
}

function print(element: JfcElement, indent: string, lines: string[]): void {
  const { name, kind, children, content } = element;
  const comment = COMMENTS[kind];
  if (comment !== undefined) {
    // the comment ends its last line itself, and is printed as a line
    lines.push(`${indent}<!--`, comment.replace(/^(?=.)/gm, indent), `${indent}-->`);
  }
  const head = `${indent}<${name}${attributesText(element.attributes)}`;
  if (children.length === 0) {
    lines.push(content === '' ? `${head}/>` : `${head}>${asText(content)}</${name}>`);
    return;
  }
  lines.push(`${head}>${asText(content)}`);
  for (const [index, child] of children.entries()) {
    const dense = DENSE.includes(child.kind);
    if (index === 0 && !dense) lines.push('');
    print(child, `${indent}  `, lines);
    if (!dense) lines.push('');
  }
  lines.push(`${indent}</${name}>`);
}

/** In the order of the JDK, which keeps attributes in a java.util.HashMap. */
function attributesText(attributes: ReadonlyMap<string, string>): string {
  const capacity = attributes.size > 12 ? 2 ** Math.ceil(Math.log2(attributes.size / 0.75)) : 16;
  const bucket = (name: string): number => hashOf(name) & (capacity - 1);
  return [...attributes]
    .sort(([one], [other]) => bucket(one) - bucket(other))
    .map(([name, value]) => ` ${name}="${asText(value)}"`)
    .join('');
}

/** `String.hashCode` as HashMap spreads it. */
function hashOf(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  }
  return hash ^ (hash >>> 16);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '"': '&quot;',
  '&': '&amp;',
  "'": '&apos;',
  '<': '&lt;',
  '>': '&gt;',
};

function asText(text: string): string {
  return text.replace(
    /["&'<>\u0080-\uffff]/g,
    (unit) => ENTITIES[unit] ?? `&#${unit.charCodeAt(0)};`,
  );
}
