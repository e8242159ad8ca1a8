// SPDX-License-Identifier: Apache-2.0
// Events as XML, byte for byte as JDK 25's `jfr print --xml`.
import type { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { ClassType, Field } from '../type-model.ts';
import { ConstantTexts, type PrintableChunk, type Render, unwrap } from './printable-chunk.ts';
import { scalarOf } from './scalar.ts';

const SCHEMA = 'http://www.w3.org/2001/XMLSchema-instance';
export const XML_BEGIN: string = `<?xml version="1.0" encoding="UTF-8"?>\n<recording xmlns:xsi="${SCHEMA}">\n  <events>\n`;
export const XML_END = '  </events>\n</recording>\n';

/** `value`, `struct` or `array`, and the text between the tags. */
interface Element {
  readonly tag: 'value' | 'struct' | 'array';
  readonly content: Render;
}

/** Prints the events of one chunk. */
export class XmlRenderer {
  readonly #chunk: PrintableChunk;
  readonly #stackDepth: number;
  readonly #events: Map<ClassType, Render> = new Map();
  readonly #constants: ConstantTexts;

  constructor(chunk: PrintableChunk, stackDepth: number) {
    this.#chunk = chunk;
    this.#stackDepth = stackDepth;
    this.#constants = new ConstantTexts(chunk, (type, indent) => this.#class(type, indent).content);
  }

  /** The text of an event whose payload begins at the cursor. */
  event(type: ClassType, cursor: ByteCursor): string {
    let render = this.#events.get(type);
    if (!render) {
      const fields = this.#fields(type, 6);
      const head = `    <event type="${escapeXml(type.name)}">\n`;
      render = (at) => `${head}${fields(at)}    </event>\n\n`;
      this.#events.set(type, render);
    }
    return render(cursor) ?? '';
  }

  #fields(type: ClassType, indent: number): Render {
    const { ops } = this.#chunk.layouts.of(type);
    const renders = type.fields.map((field, index) => {
      const element = this.#element(ops[index]!, field, indent);
      return this.#wrap(element, ` name="${escapeXml(field.name)}"`, indent);
    });
    return (cursor) => {
      let text = '';
      for (const render of renders) text += render(cursor);
      return text;
    };
  }

  /** A whole line: the element with its attributes, or its nil form. */
  #wrap(
    { tag, content }: Element,
    attributes: string,
    indent: number,
  ): (cursor: ByteCursor) => string {
    const open = `${' '.repeat(indent)}<${tag}${attributes}`;
    const end = tag === 'value' ? '' : ' '.repeat(indent);
    return (cursor) => {
      const text = content(cursor);
      if (text === null) return `${open} xsi:nil="true"/>\n`;
      // An array brings its size attribute along, up to and with the closing bracket.
      return `${open}${tag === 'array' ? '' : '>'}${text}${end}</${tag}>\n`;
    };
  }

  #element(op: Op, field: Field | undefined, indent: number): Element {
    if (op.kind === 'array')
      return { tag: 'array', content: this.#array(op.element, field, indent) };
    if (op.kind === 'reference') {
      const tag = unwrap(op.type, this.#chunk.layouts) ? 'value' : 'struct';
      return { tag, content: this.#constants.reader(op.type, indent) };
    }
    if (op.kind === 'struct') return this.#class(op.type, indent);
    const { read } = scalarOf(op, field, this.#chunk);
    return {
      tag: 'value',
      content: (cursor) => {
        const text = read(cursor);
        return text === null ? null : escapeXml(text);
      },
    };
  }

  #class(type: ClassType, indent: number): Element {
    const simple = unwrap(type, this.#chunk.layouts);
    if (simple) return this.#element(simple.op, simple.field, indent);
    const fields = this.#fields(type, indent + 2);
    return { tag: 'struct', content: (cursor) => `\n${fields(cursor)}` };
  }

  #array(element: Op, field: Field | undefined, indent: number): Render {
    const item = this.#element(element, field, indent + 2);
    const isFrame = 'type' in element && element.type.name === 'jdk.types.StackFrame';
    const most = isFrame ? this.#stackDepth : Number.POSITIVE_INFINITY;
    return (cursor) => {
      const count = cursor.varint();
      cursor.require(count);
      let text = ` size="${count}">\n`;
      for (let index = 0; index < count; index++) {
        const line = this.#wrap(item, ` index="${index}"`, indent + 2)(cursor);
        if (index < most) text += line;
      }
      return text;
    };
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '"': '&quot;',
  '&': '&amp;',
  "'": '&apos;',
  '<': '&lt;',
  '>': '&gt;',
};

/** Escapes as the JDK does: five entities, and a decimal reference for every UTF-16 unit above 0x7f. */
function escapeXml(text: string): string {
  return text.replace(
    /["&'<>\u0080-\uffff]/g,
    (unit) => ENTITIES[unit] ?? `&#${unit.charCodeAt(0)};`,
  );
}
