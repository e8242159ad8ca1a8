// SPDX-License-Identifier: Apache-2.0
// Events as XML, byte for byte as JDK 25's `jfr print --xml`; made as JSON is.
import type { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { ClassType, Field } from '../type-model.ts';
import { type AsciiBuffer, ascii } from './ascii-buffer.ts';
import { Nesting } from './nesting.ts';
import { knownName, type PrintableChunk, unwrap } from './printable-chunk.ts';
import { scalarOf } from './scalar.ts';
import { ConstantWriters, type Escaping, type Put, plainBytes } from './writer.ts';

const SCHEMA = 'http://www.w3.org/2001/XMLSchema-instance';
export const XML_BEGIN: string = `<?xml version="1.0" encoding="UTF-8"?>\n<recording xmlns:xsi="${SCHEMA}">\n  <events>\n`;
export const XML_END = '  </events>\n</recording>\n';

const NIL = ascii(' xsi:nil="true"/>\n');
const BEGIN_STRUCT = ascii('>\n');
const GREATER = 62;

/** `value`, `struct` or `array`, and what stands behind its attributes, the closing bracket included. */
interface Element {
  readonly tag: 'value' | 'struct' | 'array';
  readonly content: Put;
}

/** Prints the events of one chunk. */
export class XmlRenderer {
  readonly #chunk: PrintableChunk;
  readonly #stackDepth: number;
  readonly #constants: ConstantWriters;
  readonly #string: Put;
  readonly #arrays: Nesting = new Nesting();

  constructor(chunk: PrintableChunk, stackDepth: number) {
    this.#chunk = chunk;
    this.#stackDepth = stackDepth;
    this.#constants = new ConstantWriters(
      chunk,
      (type, indent) => this.#class(type, indent).content,
    );
    this.#string = this.#constants.strings(ESCAPING);
  }

  /** Makes the writer of the events of a type; its cursor begins at the payload. */
  event(type: ClassType): (cursor: ByteCursor, out: AsciiBuffer) => void {
    const fields = this.#fields(type, 6);
    const head = ascii(`    <event type="${escapeXml(type.name)}">\n`);
    const end = ascii('    </event>\n\n');
    return (cursor, out) => {
      out.copy(head);
      fields(cursor, out);
      out.copy(end);
    };
  }

  #fields(type: ClassType, indent: number): (cursor: ByteCursor, out: AsciiBuffer) => void {
    const { ops } = this.#chunk.layouts.of(type);
    const lines = type.fields.map((field, index) => {
      const element = this.#element(ops[index]!, field, indent);
      return line(element, ` name="${escapeXml(field.name)}"`, indent);
    });
    return (cursor, out) => {
      for (const put of lines) put(cursor, out);
    };
  }

  #element(op: Op, field: Field | undefined, indent: number): Element {
    if (op.kind === 'array')
      return { tag: 'array', content: this.#array(op.element, field, indent) };
    if (op.kind === 'reference') {
      const tag = unwrap(op.type, this.#chunk.layouts) ? 'value' : 'struct';
      return { tag, content: this.#constants.writer(op.type, indent) };
    }
    if (op.kind === 'struct') return this.#class(op.type, indent);
    const scalar = scalarOf(op, field, this.#chunk.clock);
    if (scalar.kind === 'string') return value(this.#string);
    if (scalar.kind === 'char') {
      return value((cursor, out) => {
        out.text(escapeXml(scalar.read(cursor)));
        return true;
      });
    }
    return value((cursor, out) => {
      scalar.put(cursor, out);
      return true;
    });
  }

  #class(type: ClassType, indent: number): Element {
    const simple = unwrap(type, this.#chunk.layouts);
    if (simple) return this.#element(simple.op, simple.field, indent);
    const fields = this.#fields(type, indent + 2);
    return {
      tag: 'struct',
      content: (cursor, out) => {
        out.copy(BEGIN_STRUCT);
        fields(cursor, out);
        return true;
      },
    };
  }

  #array(element: Op, field: Field | undefined, indent: number): Put {
    const isFrame = 'type' in element && knownName(element.type) === 'jdk.types.StackFrame';
    const most = isFrame ? this.#stackDepth : Number.POSITIVE_INFINITY;
    return this.#arrays.array(
      () => this.#element(element, field, indent + 2),
      (item, cursor: ByteCursor, out: AsciiBuffer) => {
        const count = cursor.varint();
        cursor.require(count);
        out.text(` size="${count}">\n`);
        for (let index = 0; index < count; index++) {
          const start = out.at;
          line(item(), ` index="${index}"`, indent + 2)(cursor, out);
          // beyond the depth they are only read
          if (index >= most) out.at = start;
        }
        return true;
      },
    );
  }
}

/** The closing bracket, and a text that may not be there. */
function value(text: Put): Element {
  return {
    tag: 'value',
    content: (cursor, out) => {
      const start = out.at;
      out.byte(GREATER);
      if (text(cursor, out)) return true;
      out.at = start;
      return false;
    },
  };
}

/** A whole line: the element with its attributes, or its nil form. */
function line(
  { tag, content }: Element,
  attributes: string,
  indent: number,
): (cursor: ByteCursor, out: AsciiBuffer) => void {
  const open = ascii(`${' '.repeat(indent)}<${tag}${attributes}`);
  const end = ascii(`${tag === 'value' ? '' : ' '.repeat(indent)}</${tag}>\n`);
  return (cursor, out) => {
    out.copy(open);
    out.copy(content(cursor, out) ? end : NIL);
  };
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

const ESCAPING: Escaping = {
  escape: escapeXml,
  quote: undefined,
  plain: plainBytes('"&\'<>', true),
};
