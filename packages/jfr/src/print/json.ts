// SPDX-License-Identifier: Apache-2.0
// Events as JSON, byte for byte as JDK 25's `jfr print --json`. Every event type is compiled once into
// a list of closures that read the bytes and return text; the text of a constant (a thread, a stack
// trace) is made once for each depth it stands at and then only copied.
import type { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { ClassType, Field } from '../type-model.ts';
import { ConstantTexts, type PrintableChunk, type Render, unwrap } from './printable-chunk.ts';
import { scalarOf } from './scalar.ts';

export const JSON_BEGIN = '{\n  "recording": {\n    "events": [';
export const JSON_SEPARATOR = ', ';
export const JSON_END = ']\n  }\n}';

/** Prints the events of one chunk. */
export class JsonRenderer {
  readonly #chunk: PrintableChunk;
  readonly #stackDepth: number;
  readonly #events: Map<ClassType, Render> = new Map();
  readonly #constants: ConstantTexts;

  constructor(chunk: PrintableChunk, stackDepth: number) {
    this.#chunk = chunk;
    this.#stackDepth = stackDepth;
    this.#constants = new ConstantTexts(chunk, (type, indent) => this.#value(type, indent));
  }

  /** The text of an event whose payload begins at the cursor. */
  event(type: ClassType, cursor: ByteCursor): string {
    let render = this.#events.get(type);
    if (!render) {
      const fields = this.#fields(type, 8);
      const head = `{\n      "type": ${quote(type.name)}, \n      "values": {\n`;
      render = (at) => `${head}${fields(at)}\n      }\n    }`;
      this.#events.set(type, render);
    }
    return render(cursor) ?? '';
  }

  /** `"name": value` of every field, each on a line of its own. */
  #fields(type: ClassType, indent: number): Render {
    const { ops } = this.#chunk.layouts.of(type);
    const renders: Render[] = [];
    const names: string[] = [];
    for (const [index, field] of type.fields.entries()) {
      const separator = index === 0 ? '' : ', \n';
      names.push(`${separator}${' '.repeat(indent)}${quote(field.name)}: `);
      renders.push(this.#render(ops[index]!, field, indent));
    }
    return (cursor) => {
      let text = '';
      for (let index = 0; index < renders.length; index++) {
        text += names[index]! + (renders[index]!(cursor) ?? 'null');
      }
      return text;
    };
  }

  /** `indent` is that of the line the value stands on. */
  #render(op: Op, field: Field | undefined, indent: number): Render {
    if (op.kind === 'reference') return this.#constants.reader(op.type, indent);
    if (op.kind === 'array') return this.#array(op.element, field, indent);
    if (op.kind === 'struct') return this.#value(op.type, indent);
    const { kind, read } = scalarOf(op, field, this.#chunk);
    switch (kind) {
      case 'boolean':
      case 'integer':
        return read;
      case 'floating':
        return (cursor) => {
          const text = read(cursor);
          return text === 'NaN' || text?.endsWith('Infinity') ? null : text;
        };
      case 'time':
        return (cursor) => `"${read(cursor)}"`;
      case 'text':
        return (cursor) => {
          const text = read(cursor);
          return text === null ? null : quote(text);
        };
    }
  }

  /** A value of a class where it stands; a simple type is its one field. */
  #value(type: ClassType, indent: number): Render {
    const simple = unwrap(type, this.#chunk.layouts);
    if (simple) return this.#render(simple.op, simple.field, indent);
    const fields = this.#fields(type, indent + 2);
    const end = `\n${' '.repeat(indent)}}`;
    return (cursor) => `{\n${fields(cursor)}${end}`;
  }

  #array(element: Op, field: Field | undefined, indent: number): Render {
    const render = this.#render(element, field, indent);
    const isFrame = 'type' in element && element.type.name === 'jdk.types.StackFrame';
    const most = isFrame ? this.#stackDepth : Number.POSITIVE_INFINITY;
    return (cursor) => {
      const count = cursor.varint();
      cursor.require(count);
      let text = '[';
      for (let index = 0; index < count; index++) {
        const value = render(cursor) ?? 'null';
        if (index < most) text += index === 0 ? value : `, ${value}`;
      }
      return `${text}]`;
    };
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be escaped
const SPECIAL = /["\\/\u0000-\u001f\u0080-\uffff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const EVERY_SPECIAL = /["\\/\u0000-\u001f\u0080-\uffff]/g;
const NAMED: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\n': '\\n',
  '\t': '\\t',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
};

/** A JSON string in pure ASCII, the slash escaped, as the JDK writes it. */
function quote(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  const escaped = text.replace(
    EVERY_SPECIAL,
    (unit) => NAMED[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}
