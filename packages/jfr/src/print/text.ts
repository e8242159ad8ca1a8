// SPDX-License-Identifier: Apache-2.0
// Events as text, byte for byte as JDK 25's `jfr print`. Where the JDK's printer breaks off (an array
// field, a method descriptor without parentheses) this one prints what is there.
import { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { ClassType, Field } from '../type-model.ts';
import type { Value } from '../value.ts';
import { ConstantTexts } from './constant-texts.ts';
import { isLate, isZeroDuration, LATE_FIELDS } from './late-fields.ts';
import { Nesting } from './nesting.ts';
import { knownName, type PrintableChunk, type Render, unwrap } from './printable-chunk.ts';
import {
  classText,
  loaderText,
  methodText,
  referenceChain,
  stackTraceText,
  threadText,
} from './text-constants.ts';
import { formatScalar, type TextContext } from './text-scalar.ts';

/** Prints the events of one chunk. */
export class TextRenderer {
  readonly #chunk: PrintableChunk;
  readonly #context: TextContext;
  readonly #stackDepth: number;
  readonly #constants: ConstantTexts;
  readonly #arrays: Nesting = new Nesting();
  /** Of the event at hand; -1 where it is no array. */
  #arrayElements = -1;
  readonly #events: Map<ClassType, (cursor: ByteCursor, context: string) => string> = new Map();

  constructor(chunk: PrintableChunk, stackDepth: number, exact: boolean) {
    this.#chunk = chunk;
    this.#stackDepth = stackDepth;
    const { types } = chunk.layouts;
    this.#context = { clock: chunk.clock, stringPool: () => chunk.stringPool(), exact, types };
    this.#constants = new ConstantTexts(chunk, (type, indent) =>
      this.#class(type, undefined, indent),
    );
  }

  /** The text of an event; `context` holds the lines of the contextual events around it. */
  event(type: ClassType, cursor: ByteCursor, context = ''): string {
    let render = this.#events.get(type);
    if (!render) {
      render = this.#compile(type);
      this.#events.set(type, render);
    }
    return render(cursor, context);
  }

  #compile(type: ClassType): (cursor: ByteCursor, context: string) => string {
    const { ops } = this.#chunk.layouts.of(type);
    const renders = type.fields.map((field, index) => {
      const op = ops[index]!;
      if (isLate(field.name)) return this.#late(field.name, op);
      return this.#field(op, field, 2);
    });
    const late = type.fields.map((field) => LATE_FIELDS.indexOf(field.name));
    const duration = type.fields.findIndex((field) => field.name === 'duration');
    const elements = type.fields.findIndex((field) => field.name === 'arrayElements');
    return (cursor, context) => {
      if (elements >= 0) this.#readAhead(cursor, renders, elements);
      const last: string[] = ['', ''];
      let text = `${type.name} {\n${context}`;
      for (let index = 0; index < renders.length; index++) {
        const start = cursor.position;
        const line = renders[index]!(cursor) ?? '';
        const rank = late[index]!;
        if (rank >= 0) last[rank] = line;
        else if (index !== duration || !isZeroDuration(cursor, start)) text += line;
      }
      return `${text}${last[0]}${last[1]}}\n\n`;
    };
  }

  /** An old object that is an array is shown with its length, which stands in a field behind it. */
  #readAhead(cursor: ByteCursor, renders: readonly Render[], index: number): void {
    const ahead = new ByteCursor(cursor.bytes, cursor.position, cursor.limit);
    this.#arrayElements = -1;
    for (const render of renders.slice(0, index)) render(ahead);
    this.#arrayElements = ahead.int();
  }

  /** The lines of the contextual fields of an event, as they stand inside other events. */
  contextLines(type: ClassType, cursor: ByteCursor): string {
    const { ops } = this.#chunk.layouts.of(type);
    const simpleName = type.name.slice(type.name.lastIndexOf('.') + 1);
    let text = '';
    for (const [index, field] of type.fields.entries()) {
      const name = `Context: ${simpleName}.${field.name}`;
      const line = this.#named(name, ops[index]!, field, 2)(cursor) ?? '';
      if (isContextual(field)) text += line;
    }
    return text;
  }

  /** Thread and stack trace: the last lines of an event, and none at all where they are null. */
  #late(name: string, op: Op): Render {
    if (op.kind !== 'reference') return this.#field(op, undefined, 2, name);
    const pool = this.#chunk.pool(op.type);
    const texts: (string | undefined)[] = [];
    return (cursor) => {
      const index = pool.indexOf(cursor.long());
      if (index < 0) return '';
      texts[index] ??= this.#lateText(name, op.type, pool.get(index));
      return texts[index];
    };
  }

  #lateText(name: string, type: ClassType, value: Value): string {
    if (type.name === 'java.lang.Thread') return `  ${name} = ${threadText(value)}\n`;
    if (knownName(type) !== 'jdk.types.StackTrace') return '';
    return `  ${name} = ${stackTraceText(value, this.#stackDepth, '  ')}\n`;
  }

  #field(op: Op, field: Field | undefined, indent: number, name = field?.name ?? ''): Render {
    return this.#named(name, op, field, indent);
  }

  #named(name: string, op: Op, field: Field | undefined, indent: number): Render {
    const head = `${' '.repeat(indent)}${name} = `;
    const value = this.#value(op, field, indent);
    return (cursor) => `${head}${value(cursor) ?? 'N/A'}\n`;
  }

  /** The text behind ` = `, without the end of the line. */
  #value(op: Op, field: Field | undefined, indent: number): Render {
    if (op.kind === 'reference') return this.#reference(op.type, field, indent);
    if (op.kind === 'struct') return this.#class(op.type, field, indent);
    if (op.kind === 'array') return this.#array(op.element, field, indent);
    return formatScalar(op, field, this.#context);
  }

  #reference(type: ClassType, field: Field | undefined, indent: number): Render {
    const special = SPECIAL[knownName(type)];
    if (!special) {
      // A simple type shows by the annotations of the field that refers to it.
      if (unwrap(type, this.#chunk.layouts) && field && field.annotations.length > 0) {
        return this.#plainReference(type, field, indent);
      }
      return this.#constants.reader(type, indent);
    }
    const pool = this.#chunk.pool(type);
    return (cursor) => {
      const key = cursor.long();
      const value = pool.get(pool.indexOf(key));
      return value === null ? null : special(value, ' '.repeat(indent), key, this.#arrayElements);
    };
  }

  #plainReference(type: ClassType, field: Field, indent: number): Render {
    const pool = this.#chunk.pool(type);
    const render = this.#class(type, field, indent);
    const { bytes } = this.#chunk;
    return (cursor) => {
      const offset = pool.offset(pool.indexOf(cursor.long()));
      return offset === undefined ? null : render(new ByteCursor(bytes, offset));
    };
  }

  #class(type: ClassType, field: Field | undefined, indent: number): Render {
    const simple = unwrap(type, this.#chunk.layouts);
    if (simple) return this.#value(simple.op, field ?? simple.field, indent);
    const { ops } = this.#chunk.layouts.of(type);
    const renders = type.fields.map((inner, index) => this.#field(ops[index]!, inner, indent + 2));
    const end = `${' '.repeat(indent)}}`;
    return (cursor) => {
      let text = '{\n';
      for (const render of renders) text += render(cursor);
      return text + end;
    };
  }

  #array(element: Op, field: Field | undefined, indent: number): Render {
    const inner = ' '.repeat(indent + 2);
    return this.#arrays.array(
      () => this.#value(element, field, indent + 2),
      (render, cursor: ByteCursor) => {
        const count = cursor.varint();
        cursor.require(count);
        let text = '[\n';
        for (let index = 0; index < count; index++) {
          const comma = index + 1 < count ? ', ' : '';
          text += `${inner}${render()(cursor) ?? 'N/A'}${comma}\n`;
        }
        return `${text}${' '.repeat(indent)}]`;
      },
    );
  }
}

/** Constants that have a form of their own. */
type Special = (
  value: Value,
  indent: string,
  key: number | bigint,
  arrayElements: number,
) => string;
const SPECIAL: Readonly<Record<string, Special>> = {
  'java.lang.Thread': threadText,
  'java.lang.Class': classText,
  'jdk.types.ClassLoader': (loader, _indent, key) => loaderText(loader, key),
  'jdk.types.Method': methodText,
  'jdk.types.OldObject': (object, indent, _key, elements) =>
    referenceChain(object, indent, elements),
};

/** Whether a field's value is shown inside other events of its thread (JDK 25's `@Contextual`). */
export function isContextual(field: Field): boolean {
  return field.annotations.some(({ typeName }) => typeName === 'jdk.jfr.Contextual');
}
