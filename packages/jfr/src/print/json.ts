// SPDX-License-Identifier: Apache-2.0
// Events as JSON, byte for byte as JDK 25's `jfr print --json`. Every event type is compiled once into
// a list of closures that read bytes and write bytes; the text of a constant (a thread, a stack trace) is
// made once for each depth it stands at and then only copied.
import type { ByteCursor } from '@rekindle/bytes';
import type { Op } from '../plan.ts';
import type { ClassType, Field } from '../type-model.ts';
import { type AsciiBuffer, ascii } from './ascii-buffer.ts';
import { Nesting } from './nesting.ts';
import { knownName, type PrintableChunk, unwrap } from './printable-chunk.ts';
import { scalarOf } from './scalar.ts';
import { ConstantWriters, type Escaping, type Put, plainBytes } from './writer.ts';

export const JSON_BEGIN = '{\n  "recording": {\n    "events": [';
export const JSON_SEPARATOR = ', ';
export const JSON_END = ']\n  }\n}';

const NULL = ascii('null');
const COMMA = ascii(', ');
const QUOTE = 34;
const BRACKET = 91;
const END_BRACKET = 93;
const LETTER_I = 73;
const LETTER_N = 78;
const MINUS = 45;

/** Prints the events of one chunk. */
export class JsonRenderer {
  readonly #chunk: PrintableChunk;
  readonly #stackDepth: number;
  readonly #constants: ConstantWriters;
  readonly #string: Put;
  readonly #arrays: Nesting = new Nesting();

  constructor(chunk: PrintableChunk, stackDepth: number) {
    this.#chunk = chunk;
    this.#stackDepth = stackDepth;
    this.#constants = new ConstantWriters(chunk, (type, indent) => this.#value(type, indent));
    this.#string = this.#constants.strings(ESCAPING);
  }

  /** Makes the writer of the events of a type; its cursor begins at the payload. */
  event(type: ClassType): (cursor: ByteCursor, out: AsciiBuffer) => void {
    const fields = this.#fields(type, 8);
    const head = ascii(`{\n      "type": ${quote(type.name)}, \n      "values": {\n`);
    const end = ascii('\n      }\n    }');
    return (cursor, out) => {
      out.copy(head);
      fields(cursor, out);
      out.copy(end);
    };
  }

  /** `"name": value` of every field, each on a line of its own. */
  #fields(type: ClassType, indent: number): (cursor: ByteCursor, out: AsciiBuffer) => void {
    const { ops } = this.#chunk.layouts.of(type);
    const puts: Put[] = [];
    const names: Uint8Array[] = [];
    for (const [index, field] of type.fields.entries()) {
      const separator = index === 0 ? '' : ', \n';
      names.push(ascii(`${separator}${' '.repeat(indent)}${quote(field.name)}: `));
      puts.push(this.#put(ops[index]!, field, indent));
    }
    return (cursor, out) => {
      for (let index = 0; index < puts.length; index++) {
        out.copy(names[index]!);
        if (!puts[index]!(cursor, out)) out.copy(NULL);
      }
    };
  }

  /** `indent` is that of the line the value stands on. */
  #put(op: Op, field: Field | undefined, indent: number): Put {
    if (op.kind === 'reference') return this.#constants.writer(op.type, indent);
    if (op.kind === 'array') return this.#array(op.element, field, indent);
    if (op.kind === 'struct') return this.#value(op.type, indent);
    const scalar = scalarOf(op, field, this.#chunk.clock);
    switch (scalar.kind) {
      case 'string':
        return this.#string;
      case 'char':
        return (cursor, out) => {
          out.text(quote(scalar.read(cursor)));
          return true;
        };
      case 'floating':
        return (cursor, out) => {
          const start = out.at;
          scalar.put(cursor, out);
          if (isFiniteNumber(out.bytes, start)) return true;
          out.at = start;
          return false;
        };
      case 'time':
        return (cursor, out) => {
          out.byte(QUOTE);
          scalar.put(cursor, out);
          out.byte(QUOTE);
          return true;
        };
      default:
        return (cursor, out) => {
          scalar.put(cursor, out);
          return true;
        };
    }
  }

  /** A value of a class where it stands; a simple type is its one field. */
  #value(type: ClassType, indent: number): Put {
    const simple = unwrap(type, this.#chunk.layouts);
    if (simple) return this.#put(simple.op, simple.field, indent);
    const fields = this.#fields(type, indent + 2);
    const begin = ascii('{\n');
    const end = ascii(`\n${' '.repeat(indent)}}`);
    return (cursor, out) => {
      out.copy(begin);
      fields(cursor, out);
      out.copy(end);
      return true;
    };
  }

  #array(element: Op, field: Field | undefined, indent: number): Put {
    const isFrame = 'type' in element && knownName(element.type) === 'jdk.types.StackFrame';
    const most = isFrame ? this.#stackDepth : Number.POSITIVE_INFINITY;
    return this.#arrays.array(
      () => this.#put(element, field, indent),
      (put, cursor: ByteCursor, out: AsciiBuffer) => {
        const count = cursor.varint();
        cursor.require(count);
        out.byte(BRACKET);
        for (let index = 0; index < count; index++) {
          const start = out.at;
          if (index > 0) out.copy(COMMA);
          if (!put()(cursor, out)) out.copy(NULL);
          // beyond the depth they are only read
          if (index >= most) out.at = start;
        }
        out.byte(END_BRACKET);
        return true;
      },
    );
  }
}

/** Whether a number was written, and not NaN or an infinity. */
function isFiniteNumber(bytes: Uint8Array, start: number): boolean {
  const first = bytes[start] === MINUS ? bytes[start + 1] : bytes[start];
  return first !== LETTER_N && first !== LETTER_I;
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

const ESCAPING: Escaping = { escape: quote, quote: QUOTE, plain: plainBytes('"\\/', false) };
